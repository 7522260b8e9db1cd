/** A message that comes by SMTP or LMTP: its content is handed to the acceptance, and the outcome told in replies. */

import type { Clock } from "../base/clock.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { protocolName } from "../mail/trace.ts";
import { type Reply, reply } from "../smtp/protocol/reply.ts";
import type { MessageSink, SessionFacts } from "../smtp/server/reception.ts";
import type { ArrivalCheck } from "./arrival_checks.ts";
import type { Acceptance, Accepted, ContentRefusal, IncomingEnvelope, Origin } from "./acceptance.ts";
import type { Trust } from "./header_fixups.ts";
import { IncomingContent } from "./incoming_content.ts";
import type { RecipientRefusal } from "./target_plan.ts";
import { FirstAttempts } from "./verbose.ts";

/** What a {@linkcode SmtpMessage} works with. */
export interface SmtpMessageOptions {
  readonly acceptance: Acceptance;
  readonly clock: Clock;
  /** VERB waits this long for deliveries, then lets them go on in the queue: milliseconds. */
  readonly verboseMs: number;
}

const LF = 10;
const CRLF = Uint8Array.of(13, LF);
/** The answer for a mailbox that is over its quota. */
export const MAILBOX_FULL: Reply = reply(452, "4.2.2", "The mailbox is full; try again later");
/** No mail is taken for want of room on the disk. */
export const DISK_FULL: Reply = reply(452, "4.3.1", "Not enough room on this server's disk; try again later");

const CONTENT_REFUSED: Readonly<Record<ContentRefusal, Reply>> = {
  loop: reply(554, "5.4.6", "Too many Received fields: the message is going in circles"),
  authors: reply(550, "5.6.0", "The message has several From fields; one is right (RFC 5322 3.6)"),
  longHeader: reply(552, "5.3.4", "The header is too long"),
  diskFull: DISK_FULL,
  storageFailure: reply(451, "4.3.0", "The message could not be stored; try again later"),
};
const RECIPIENT_REFUSED: Readonly<Record<RecipientRefusal, Reply>> = {
  full: MAILBOX_FULL,
  gone: reply(550, "5.1.1", "No such user here any more"),
};

/** One message of a session. */
export class SmtpMessage implements MessageSink {
  readonly #options: SmtpMessageOptions;
  readonly #envelope: IncomingEnvelope;
  readonly #origin: Origin;
  readonly #content: IncomingContent;
  readonly #check: ArrivalCheck | undefined;
  #lineEnded = true;
  /** What is told when the client was answered. */
  #tell: (() => void) | undefined;

  constructor(
    of: {
      session: SessionFacts;
      envelope: IncomingEnvelope;
      trust: Trust;
      check?: ArrivalCheck | undefined;
    },
    options: SmtpMessageOptions,
  ) {
    this.#options = options;
    this.#envelope = of.envelope;
    this.#origin = originOf(of);
    const { envelope, check } = of;
    this.#check = check;
    this.#content = new IncomingContent(options.acceptance, { envelope, origin: this.#origin, check });
  }

  write(piece: Uint8Array): void | Promise<void> {
    if (piece.length > 0) this.#lineEnded = piece[piece.length - 1] === LF;
    return this.#content.write(piece);
  }

  async finish(onProgress?: (line: string) => void, ending?: AbortSignal): Promise<Reply | Reply[]> {
    const content = this.#content;
    // Chunks (RFC 3030) may end within a line, which every reader of the content would have to complete and count anew.
    if (!this.#lineEnded && this.#origin.trust !== "captured") await content.write(CRLF);
    const completing = content.end();
    if (completing) await completing;
    const refused = this.#check && await this.#checked(this.#check, ending);
    if (refused) return refused;
    const result = onProgress
      ? await this.#acceptVerbosely(onProgress, ending)
      : await this.#accept((tell) => this.#tell = tell);
    const yes = reply(250, "2.0.0", `Ok: queued as ${content.id}`);
    const isLmtp = this.#origin.source === "lmtp";
    const { recipients } = this.#envelope;
    if (recipients.length === 1 && !isLmtp) return answer(result, recipients[0]!.address, yes);
    const answers = recipients.map(({ address }) => answer(result, address, yes));
    // With one answer for all, one that may change is worth another try.
    return isLmtp ? answers : answers.find(({ code }) => code < 500) ?? answers[0]!;
  }

  /** The reply that refuses a stranger's message. */
  async #checked(check: ArrivalCheck, ending: AbortSignal | undefined): Promise<Reply | undefined> {
    if (this.#content.refusal) return undefined;
    const checked = await check.finish(ending);
    if (!("front" in checked)) {
      await this.#content.abort();
      return checked;
    }
    this.#content.setChecked(checked);
  }

  answered(): void {
    this.#tell?.();
    this.#tell = undefined;
  }

  #accept(later?: (tell: () => void) => void): Promise<Accepted> {
    const { acceptance } = this.#options;
    const oneAnswer = this.#origin.source !== "lmtp";
    return acceptance.accept(this.#envelope, this.#content, this.#origin, { oneAnswer, later });
  }

  /** The same, with the first attempts told as they go on. */
  async #acceptVerbosely(
    onProgress: (line: string) => void,
    ending: AbortSignal | undefined,
  ): Promise<Accepted> {
    const { transcripts } = this.#options.acceptance;
    using attempts = new FirstAttempts(this.#content.id, onProgress, { ...this.#options, transcripts });
    const result = await this.#accept();
    if (result.kind === "accepted") await attempts.ended(result.targets, ending);
    return result;
  }

  abort(): Promise<void> {
    return this.#content.abort();
  }
}

function answer(result: Accepted, recipient: Mailbox, yes: Reply): Reply {
  switch (result.kind) {
    case "accepted": {
      const why = result.refused.get(recipient);
      return why === undefined ? yes : RECIPIENT_REFUSED[why];
    }
    case "refused":
      return RECIPIENT_REFUSED[result.refused.get(recipient) ?? "full"];
    default:
      return CONTENT_REFUSED[result.kind];
  }
}

function originOf(
  { session, envelope, trust, check }: {
    session: SessionFacts;
    envelope: IncomingEnvelope;
    trust: Trust;
    check?: ArrivalCheck | undefined;
  },
): Origin {
  const { id, helo, remote: { hostname: remote }, service, extended, tls, account } = session;
  const protocol = protocolName({
    lmtp: service === "lmtp",
    extended,
    tls: tls !== undefined,
    authenticated: account !== undefined,
    utf8: envelope.utf8 ?? false,
  });
  return {
    source: service === "submissions" ? "submission" : service,
    trust,
    checked: check ? true : undefined,
    client: { helo, remote, protocol, tls },
    account,
    author: account,
    session: id,
    remote,
  };
}
