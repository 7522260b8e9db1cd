/** Messages that come over HTTP: made fit for mail, and accepted like any other. */

import { literalOf } from "../mail/domain.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { routed, type RoutedRecipient } from "../recipients/route.ts";
import type { Resolution, Router } from "../recipients/router.ts";
import type { Acceptance, Accepted, ContentRefusal, IncomingEnvelope, Origin } from "./acceptance.ts";
import { IncomingContent } from "./incoming_content.ts";
import { LineEnds } from "./line_ends.ts";

/** What an {@linkcode HttpSubmission} works with. */
export interface HttpSubmissionOptions {
  readonly acceptance: Acceptance;
  readonly router: Router;
  /** The largest content in bytes. */
  readonly messageSize: number;
  /** The most recipients. */
  readonly recipients: number;
  /** True: finished messages stay as they are. */
  readonly captures?: boolean;
}

/** A message to be sent. */
export interface SubmittedMessage {
  /** The reverse-path, canonical; empty for none. */
  readonly from: Mailbox;
  /** The recipients, canonical; at least one. */
  readonly to: readonly Mailbox[];
  /** The whole content; any line ends. */
  readonly text: Uint8Array | AsyncIterable<Uint8Array>;
  /** The submitter's IP address, when it is known. */
  readonly remote?: string;
  /** The text was made here, of parts: what a message has to have is for us to add. */
  readonly composed?: boolean;
}

/** Why a message was not taken. */
export interface SubmissionRefusal {
  /** `content`: never as it is; `size`: too large; `full`: a mailbox is full; `storage`: try again. */
  readonly kind: "content" | "size" | "full" | "storage";
  /** A sentence for people. */
  readonly text: string;
  /** The recipients it is about, with what is wrong with each. */
  readonly recipients?: readonly RefusedRecipient[];
}

/** A recipient that gets no copy, and what is wrong with it. */
export interface RefusedRecipient {
  /** As it was submitted, canonical. */
  readonly address: Mailbox;
  /** A sentence for people. */
  readonly text: string;
}

/** What became of a message; `refused` are recipients that were left out, since they are unknown here. */
export type SubmissionResult =
  | { readonly ok: true; readonly id: string; readonly refused: readonly RefusedRecipient[] }
  | { readonly ok: false; readonly refusal: SubmissionRefusal };

const CRLF = Uint8Array.of(13, 10);
const CONTENT_REFUSED: Readonly<Record<ContentRefusal, SubmissionRefusal>> = {
  loop: { kind: "content", text: "Too many Received fields: the message is going in circles" },
  authors: { kind: "content", text: "The message has several From fields; one is right (RFC 5322 3.6)" },
  longHeader: { kind: "size", text: "The header is too long" },
  diskFull: {
    kind: "storage",
    text: "There is not enough room on this server's disk; try again later",
  },
  storageFailure: { kind: "storage", text: "The message could not be stored; try again later" },
};

/** Takes messages over HTTP. */
export class HttpSubmission {
  readonly #options: HttpSubmissionOptions;

  /** Takes nothing over before it is asked. */
  constructor(options: HttpSubmissionOptions) {
    this.#options = options;
  }

  /**
   * Accepts a message: line ends become CRLF, Received is put before it, Date, Message-ID and From are added when
   * they are missing. One unknown recipient does not keep it from the others. Resolves with its id when it is durable.
   * Rejects only when reading `text` fails.
   */
  async submit(message: SubmittedMessage): Promise<SubmissionResult> {
    const { to } = message;
    const { recipients: most } = this.#options;
    if (to.length === 0) return refused("content", "The message has no recipients");
    if (to.length > most) {
      return refused("content", `The message has ${to.length} recipients; at most ${most} are taken`);
    }
    const found = this.#recipients(to);
    if (found === "tooMany") {
      return refused("content", "The recipients stand for too many; send to some of them in another message");
    }
    const { recipients, refused: unknown } = found;
    if (recipients.length === 0) {
      const text = unknown.slice(0, 10).map((w) => w.text).join("; ");
      return { ok: false, refusal: { kind: "content", text, recipients: unknown } };
    }
    const result = await this.#accept(message, recipients);
    return result.ok ? { ...result, refused: unknown } : result;
  }

  /** The recipients with their routes, and who is unknown; "tooMany": more than one commit takes of their targets. */
  #recipients(
    to: readonly Mailbox[],
  ): { recipients: readonly RoutedRecipient[]; refused: readonly RefusedRecipient[] } | "tooMany" {
    const { router } = this.#options;
    const recipients: RoutedRecipient[] = [];
    const refused: RefusedRecipient[] = [];
    for (const address of to) {
      const found = router.resolve(address);
      const wrong = whatIsWrong(address, found);
      if (wrong !== undefined) {
        refused.push({ address, text: wrong });
        continue;
      }
      const recipient = routed({ address }, found, { before: recipients, router });
      if (!recipient) return "tooMany";
      recipients.push(recipient);
    }
    return { recipients, refused };
  }

  async #accept(
    { from, text, remote, composed = false }: SubmittedMessage,
    recipients: readonly RoutedRecipient[],
  ): Promise<{ ok: true; id: string } | { ok: false; refusal: SubmissionRefusal }> {
    const { acceptance, messageSize, captures = false } = this.#options;
    const origin = originOf(from, { remote, trust: captures && !composed ? "captured" : "user" });
    // nobody says beforehand whether an address or the header needs SMTPUTF8: it is looked for
    const envelope: IncomingEnvelope = { sender: from, recipients, utf8: true };
    const content = new IncomingContent(acceptance, { envelope, origin });
    let isOver = false;
    try {
      const read = await readInto(content, text, messageSize);
      if ("kind" in read) return { ok: false, refusal: read };
      const complete = { ...envelope, ...read };
      const result = await acceptance.accept(complete, content, origin, { oneAnswer: true });
      isOver = true;
      const refusal = refusalOf(result);
      return refusal ? { ok: false, refusal } : { ok: true, id: content.id };
    } finally {
      if (!isOver) await content.abort();
    }
  }
}

/** Why no copy can go to a recipient. */
function whatIsWrong(address: Mailbox, found: Resolution): string | undefined {
  switch (found.kind) {
    case "remote":
    case "local":
      return undefined;
    case "unknown":
      return `${address}: no such user here`;
    case "loop":
      return `${address}: the alias leads in a circle at ${found.at}`;
    case "endless":
      return `${address}: the alias leads too far, at ${found.at}`;
  }
}

function originOf(
  from: Mailbox,
  { remote, trust }: { remote: string | undefined; trust: "user" | "captured" },
): Origin {
  // what came through no connection came from within this machine
  const client = remote ?? "127.0.0.1";
  return {
    source: "http",
    trust,
    client: { helo: literalOf(client), remote: client, protocol: "HTTP" },
    // a missing From is the submitter's; else who uses the token may write in anybody's name
    author: from === "" ? undefined : from,
    ...(remote === undefined ? {} : { remote }),
  };
}

/** Reads a message to its end, or as far as it can be taken; answers the parameters that it needs. */
async function readInto(
  content: IncomingContent,
  text: SubmittedMessage["text"],
  most: number,
): Promise<{ bodyType?: "8BITMIME" } | SubmissionRefusal> {
  const ends = new LineEnds();
  let size = 0;
  let eightBit = false;
  for await (const piece of text instanceof Uint8Array ? [text] : text) {
    size += piece.length;
    if (size > most) return { kind: "size", text: `The message is larger than ${most} bytes` };
    if (piece.includes(0)) {
      return { kind: "content", text: "The text has a NUL in it; mail can't carry that" };
    }
    eightBit ||= piece.some((byte) => byte > 127);
    await content.write(ends.convert(piece));
    if (content.refusal !== undefined) return CONTENT_REFUSED[content.refusal];
  }
  await content.write(ends.end());
  // a header section alone lacks its blank line
  if (!content.headerEnded) await content.write(CRLF);
  await content.end();
  return eightBit ? { bodyType: "8BITMIME" } : {};
}

function refusalOf(result: Accepted): SubmissionRefusal | undefined {
  switch (result.kind) {
    case "accepted":
      return undefined;
    case "refused":
      // one that may change is worth another try
      return result.refused.values().some((why) => why === "full")
        ? { kind: "full", text: "The mailbox is full; try again later" }
        : { kind: "content", text: "No such user here any more" };
    default:
      return CONTENT_REFUSED[result.kind];
  }
}

function refused(kind: SubmissionRefusal["kind"], text: string): SubmissionResult {
  return { ok: false, refusal: { kind, text } };
}
