/** The SMTP session on stdin and stdout (`send -bs`), whose messages go to the running server. */

import { systemClock } from "../base/clock.ts";
import { IdMaker } from "../base/ids.ts";
import { systemRandom } from "../base/random.ts";
import { concat } from "../base/bytes.ts";
import type { Envelope, EnvelopeRecipient } from "../mail/envelope.ts";
import { type Reply, reply } from "../smtp/protocol/reply.ts";
import type { MessageSink, Reception } from "../smtp/server/reception.ts";
import { serveSmtp } from "../smtp/server/session.ts";
import type { ByteConn } from "../wire/byte_conn.ts";
import { Deadlines } from "../wire/deadlines.ts";
import { type RefusedRecipient, sayRefused } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { type ConfigOptions, loadFor } from "./options.ts";

/** Hands a message to the server. Throws {@linkcode CliError}. */
type Submit = (
  message: { bytes: Uint8Array<ArrayBuffer>; from: string; to: string[] },
) => Promise<{ id: string; refused?: readonly RefusedRecipient[] }>;

/** Speaks SMTP until QUIT or the end of stdin; answers the recipients that were refused after all. */
export async function serveStdin(submit: Submit, options: ConfigOptions): Promise<RefusedRecipient[]> {
  const { hostname, limits } = await loadFor(options);
  const deadlines = new Deadlines(systemClock);
  const reception = new StdinReception(submit);
  try {
    await serveSmtp(stdinConn(), {
      reception,
      hostname,
      service: "smtp",
      clock: systemClock,
      deadlines,
      auth: "never",
      id: new IdMaker(systemClock, systemRandom).next(),
      closing: new AbortController().signal,
      limits: {
        messageSize: limits.messageSize,
        recipients: limits.recipients,
        commandTimeoutMs: 300_000,
        dataTimeoutMs: 600_000,
        errorsPerSession: limits.errorsPerSession,
      },
    });
  } finally {
    deadlines.close();
  }
  return reception.refused;
}

function stdinConn(): ByteConn {
  const address = { hostname: "127.0.0.1", port: 0 };
  const { promise: greeted, resolve: greet } = Promise.withResolvers<void>();
  const lines = new StdinLines();
  return {
    remote: address,
    local: address,
    async read(into) {
      // a file on stdin is there before the greeting, which is no fault of it
      await greeted;
      return await lines.read(into);
    },
    async write(bytes) {
      greet();
      for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
    },
    close() {
      try {
        Deno.stdin.close();
      } catch {
        // it was closed already
      }
    },
  };
}

const LF = 10;
const CR = 13;

/** What comes on stdin, with CRLF line ends: whoever ends the first line with LF alone ends all so. */
class StdinLines {
  #rest = new Uint8Array(0);
  /** Undefined until the first line's end. */
  #lfAlone: boolean | undefined;
  #before = 0;

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      const bytes = new Uint8Array(64 * 1024);
      const count = await Deno.stdin.read(bytes);
      if (count === null) return null;
      this.#rest = this.#mended(bytes.subarray(0, count));
    }
    const piece = this.#rest.subarray(0, into.length);
    into.set(piece);
    this.#rest = this.#rest.subarray(piece.length);
    return piece.length;
  }

  #mended(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const first = bytes.indexOf(LF);
    if (first >= 0) this.#lfAlone ??= (first === 0 ? this.#before : bytes[first - 1]) !== CR;
    this.#before = bytes.at(-1) ?? this.#before;
    if (!this.#lfAlone) return bytes;
    return Uint8Array.from([...bytes].flatMap((byte) => byte === LF ? [CR, LF] : [byte]));
  }
}

/** Whoever may start a program here may send: the server decides about recipients when it has the message. */
class StdinReception implements Reception {
  readonly refused: RefusedRecipient[] = [];
  readonly #submit: Submit;

  constructor(submit: Submit) {
    this.#submit = submit;
  }

  trusts(): boolean {
    return true;
  }

  may(): boolean {
    return false;
  }

  sender(): undefined {}

  recipient(_: unknown, recipient: EnvelopeRecipient): EnvelopeRecipient {
    return recipient;
  }

  open(_: unknown, envelope: Envelope): MessageSink {
    const pieces: Uint8Array[] = [];
    return {
      write: (piece) => void pieces.push(piece.slice()),
      finish: () => this.#finish(envelope, concat(pieces)),
      abort: () => {},
    };
  }

  async #finish(envelope: Envelope, bytes: Uint8Array<ArrayBuffer>): Promise<Reply> {
    const to = envelope.recipients.map(({ address }) => address);
    try {
      const { id, refused = [] } = await this.#submit({ bytes, from: envelope.sender, to });
      this.refused.push(...refused);
      const others = refused.map((one) => `but not for ${sayRefused(one)}`);
      return reply(250, "2.0.0", `Ok: queued as ${id}`, ...others);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      if (error.code === ExitCode.noUser) return reply(550, "5.1.1", error.message);
      const isForGood = error.code === ExitCode.badData;
      return isForGood ? reply(554, "5.6.0", error.message) : reply(451, "4.3.0", error.message);
    }
  }

  verify(): Reply {
    return reply(252, "2.5.2", "Not verified: try to deliver");
  }

  expand(): Reply {
    return reply(252, "2.5.2", "Not expanded: try to deliver");
  }
}
