/** The preparation of a message for one peer: what can't be sent there, and the content as the peer can take it. */

import { after, type Awaitable } from "../../base/awaitable.ts";
import { messageOf } from "../../base/errors.ts";
import { needsUtf8 } from "../../mail/address.ts";
import { convert, hasEightBitHeaders } from "../../mail/conversion.ts";
import type { Failed, Outcome } from "../../mail/outcome.ts";
import { isSafeAddress } from "./commands.ts";
import { examine, type Examined } from "./examination.ts";
import type { PeerExtensions } from "./extensions.ts";
import type { OutgoingMessage } from "./options.ts";
import { deferred, failed, type PeerFacts } from "./outcome.ts";

/** A message that is ready for its commands. */
export interface Prepared {
  /** With the content as it is sent. */
  readonly message: OutgoingMessage;
  /** The transaction needs SMTPUTF8. */
  readonly utf8: boolean;
  /** Indices of the recipients that RCPT is said for; the others have an outcome. */
  readonly asked: readonly number[];
  /** What is known without asking, by recipient. */
  readonly outcomes: readonly (Outcome | undefined)[];
}

/** Prepares a message, at once where its content is in memory and stays as it is. Doesn't throw. */
export function prepare(
  message: OutgoingMessage,
  peer: PeerExtensions,
  facts: PeerFacts,
): Awaitable<Prepared> {
  const { outcomes, asked } = sortRecipients(message, peer, facts);
  const fitted = refusedEnvelope(message, peer, facts) ?? fit(message, { asked, peer, facts });
  return after<Fitted, Prepared>(fitted, (fitted) => {
    if ("kind" in fitted) {
      return { message, utf8: false, asked: [], outcomes: outcomes.map((outcome) => outcome ?? fitted) };
    }
    return { message: fitted.message, utf8: fitted.utf8, asked, outcomes };
  });
}

/** The content as the peer can take it, or why it can't. */
type Fitted = Pick<Prepared, "message" | "utf8"> | Outcome;
/** For whom, and where. */
interface FitOptions {
  readonly asked: readonly number[];
  readonly peer: PeerExtensions;
  readonly facts: PeerFacts;
}

/** Who is asked about, and who need not be. */
function sortRecipients(
  { recipients }: OutgoingMessage,
  peer: PeerExtensions,
  facts: PeerFacts,
): { outcomes: (Outcome | undefined)[]; asked: number[] } {
  const limit = peer.recipientLimit ?? Infinity;
  const asked: number[] = [];
  const outcomes = recipients.map(({ address }, i): Outcome | undefined => {
    if (!isSafeAddress(address)) {
      return failed("5.1.3", "The address can't be written in RCPT", "rcpt", facts);
    }
    if (!peer.utf8 && needsUtf8(address)) return failed("5.6.7", lacks("SMTPUTF8", facts), "rcpt", facts);
    if (asked.length >= limit) {
      const text = `${facts.host} takes ${limit} recipients at a time`;
      return { ...deferred("4.5.3", text, "rcpt", facts), code: 452 };
    }
    asked.push(i);
    return undefined;
  });
  return { outcomes, asked };
}

function refusedEnvelope(
  message: OutgoingMessage,
  peer: PeerExtensions,
  facts: PeerFacts,
): Failed | undefined {
  if (!isSafeAddress(message.sender)) {
    return failed("5.1.7", "The sender's address can't be written in MAIL", "mail", facts);
  }
  if (!peer.utf8 && needsUtf8(message.sender)) {
    return failed("5.6.7", lacks("SMTPUTF8", facts), "mail", facts);
  }
  if (message.parameters.tls === "required" && !(peer.requireTls && facts.tls !== undefined)) {
    // it speaks of the host: another one may have it (RFC 8689 4.2.1)
    return failed("5.7.30", lacks("REQUIRETLS", facts), "tls", facts);
  }
  return tooBig(message, peer, facts);
}

/** Is it over the limit that the peer names? */
function tooBig({ size }: OutgoingMessage, peer: PeerExtensions, facts: PeerFacts): Failed | undefined {
  const { sizeLimit } = peer;
  if (sizeLimit === undefined || size <= sizeLimit) return undefined;
  const limit = `takes ${sizeLimit} octets at most; the message has ${size}`;
  return failed("5.3.4", `${facts.host} ${limit}`, "mail", facts);
}

/**
 * Makes content fit a peer. SMTPUTF8 is for what needs it: addresses of the envelope, and header sections with UTF-8
 * where MAIL asked for it; programs ask for it by habit, and not every next hop has it.
 */
function fit(message: OutgoingMessage, { asked, peer, facts }: FitOptions): Awaitable<Fitted> {
  const { sender, recipients, parameters } = message;
  const utf8Envelope = needsUtf8(sender) || asked.some((i) => needsUtf8(recipients[i]!.address));
  const wants = parameters.utf8 === true || utf8Envelope;
  if (asked.length === 0) return { message, utf8: false };
  if (message.asIs) return { message, utf8: wants && peer.utf8 };
  const unreadable = (error: unknown) =>
    deferred("4.3.0", `The message can't be read: ${messageOf(error)}`, "mail", facts);
  try {
    const found = after<Examined, Fitted>(
      examine(message, { octets: !peer.eightBit || (wants && !(utf8Envelope && peer.utf8)) }),
      (found) => {
        if (!found.longLine && !found.eightBit) {
          return { message: { ...message, text: found.text }, utf8: peer.utf8 && utf8Envelope };
        }
        return converted(message, found, { asked, peer, facts, utf8Envelope, wants });
      },
    );
    return found instanceof Promise ? found.catch(unreadable) : found;
  } catch (error) {
    return unreadable(error);
  }
}

/** What has lines that are too long, or octets over 127, as far as they were looked for. Rejects when it can't be read. */
async function converted(
  message: OutgoingMessage,
  found: Examined,
  { asked, peer, facts, utf8Envelope, wants }: FitOptions & { utf8Envelope: boolean; wants: boolean },
): Promise<Fitted> {
  const utf8Headers = wants && found.eightBit &&
    (found.eightBitHeader || await hasEightBitHeaders(found.text));
  const needs = {
    sevenBit: !peer.eightBit && found.eightBit,
    asciiHeaders: !peer.utf8 && utf8Headers,
  };
  const read = { ...message, text: found.text };
  const utf8 = peer.utf8 && (utf8Envelope || (utf8Headers && !needs.sevenBit));
  if (!found.longLine && !needs.sevenBit && !needs.asciiHeaders) return { message: read, utf8 };
  const converted = await convert(found.text, needs);
  if (converted.ok) {
    const fitted = { ...message, size: converted.size, text: converted.text };
    return tooBig(fitted, peer, facts) ?? { message: fitted, utf8 };
  }
  if (converted.why === "signed" && message.unsigned) {
    return await fit({ ...message, ...message.unsigned, unsigned: undefined }, { asked, peer, facts });
  }
  const [status, extension] = needs.asciiHeaders
    ? ["5.6.7", "SMTPUTF8"] as const
    : ["5.6.3", "8BITMIME"] as const;
  if (!needs.sevenBit && !needs.asciiHeaders) return { message: read, utf8 };
  const signed = converted.why === "signed"
    ? ", and it is signed: converting it would break the signature"
    : "";
  return failed(status, `${lacks(extension, facts)}${signed}`, "mail", facts);
}

function lacks(extension: string, { host }: PeerFacts): string {
  return `The message needs ${extension}, which ${host} doesn't offer`;
}
