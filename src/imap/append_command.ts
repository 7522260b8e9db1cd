/** APPEND (RFC 9051 6.3.12; RFC 3502, 3516, 4315, 6855, 7889): messages go from the connection into the store as they come. */

import type { Appending, Folder, NewMessage } from "../mailbox/folders.ts";
import type { BodyWriter } from "../storage/bodies/bodies.ts";
import { type AppendMessage, parseAppendAfter, parseAppendMessage } from "./append_parser.ts";
import type { Received } from "./command_reader.ts";
import { Cursor, type LiteralHead } from "./cursor.ts";
import { type GivenFlags, givenFlags } from "./flags_given.ts";
import type { CommandOf } from "./message_commands.ts";
import { formatSet } from "./sequence_set.ts";
import { type Answer, bad, no, type SessionState } from "./session_state.ts";
import { SyntaxFault } from "./syntax_fault.ts";

/** Messages of one command. */
const MAX_MESSAGES = 10_000;
/** So many messages, and so many of their octets, are held until they are put in together: what a commit takes. */
const BATCH_MESSAGES = 200;
const BATCH_BYTES = 500 * 1024;
/** More of a message is never held (`BodyWriter`). */
const HELD_OF_ONE = 120 * 1024;

/** How it went on; `lost`: the connection is over, `last`: nobody can tell where the next command begins. */
export type AppendEnd = "done" | "lost" | "last";

/** Carries an APPEND out, whose first literal's head has been read; `cursor` stands behind its mailbox. */
export async function append(
  state: SessionState,
  command: CommandOf<"APPEND">,
  first: { cursor: Cursor; literal: LiteralHead },
): Promise<AppendEnd> {
  return await new Append(state, command).run(first);
}

interface Begun {
  readonly writer: BodyWriter;
  readonly message: Omit<NewMessage, "body">;
}

/**
 * One APPEND. Few messages are put in by one commit. More go in batches, so that memory is bounded; when one of them can't
 * be taken, those before it are removed, if need be by the next process: all or none stay (RFC 3502 6.3.11).
 */
class Append {
  readonly #state: SessionState;
  readonly #command: CommandOf<"APPEND">;
  /** What is held and not put in yet. */
  #begun: Begun[] = [];
  #heldBytes = 0;
  #count = 0;
  /** Octets of what is not put in yet, for the quota. */
  #bytes = 0;
  #folder: Folder | undefined;
  #appending: Appending | undefined;
  #uidValidity = 0;
  /** Of what was put in. */
  readonly #uids: number[] = [];

  constructor(state: SessionState, command: CommandOf<"APPEND">) {
    this.#state = state;
    this.#command = command;
  }

  async run(first: { cursor: Cursor; literal: LiteralHead }): Promise<AppendEnd> {
    let kept = false;
    try {
      let next: { cursor: Cursor; literal: LiteralHead } | undefined = first;
      while (next) {
        const taken: Taken = await this.#takeMessage(next.cursor, next.literal);
        if (taken === "lost") return taken;
        if ("answer" in taken) return await this.#refuse(taken.answer);
        const after = await this.#after(taken.head);
        if (after === "lost") return after;
        if ("answer" in after) {
          this.#state.answer(this.#command, after.answer);
          return after.last ? "last" : "done";
        }
        next = after.next;
      }
      await this.#putIn(true);
      kept = true;
      this.#state.appended += this.#uids.length;
      this.#state.ok(this.#command, "Done", `APPENDUID ${this.#uidValidity} ${formatSet(this.#uids)}`);
      return "done";
    } catch (error) {
      const answer = this.#answerOf(error);
      if (!answer) throw error;
      this.#state.answer(this.#command, answer);
      return "done";
    } finally {
      if (!kept) await this.#undo();
      this.#folder?.[Symbol.dispose]();
    }
  }

  #answerOf(error: unknown): Answer | undefined {
    if (error instanceof SyntaxFault) return { kind: "BAD", code: error.code, text: error.message };
    return this.#state.answerOf(error);
  }

  /** Takes one message in; what is wrong is said before the client sends it, where it waits for that. */
  async #takeMessage(cursor: Cursor, literal: LiteralHead): Promise<Taken> {
    const { reader, options } = this.#state;
    let writer: BodyWriter | undefined;
    try {
      if (this.#begun.length >= BATCH_MESSAGES || this.#heldBytes > BATCH_BYTES) await this.#putIn(false);
      const head = parseAppendMessage(cursor, literal);
      const given = givenFlags(head.flags);
      await this.#admit(head, literal);
      writer = options.newBody();
      this.#begin(writer, head, given);
      reader.acceptMessage();
      while (reader.left > 0) {
        const piece = reader.takePiece();
        if (piece.length === 0) {
          if (!await this.#state.fill()) return "lost";
          continue;
        }
        const writing = writer.append(piece);
        if (writing) await writing;
      }
      reader.messageTaken();
      this.#heldBytes += Math.min(literal.size, HELD_OF_ONE);
      return { head };
    } catch (error) {
      const answer = this.#answerOf(error);
      if (!answer) throw error;
      return { answer };
    }
  }

  #begin(writer: BodyWriter, { internalDate }: AppendMessage, given: GivenFlags): void {
    const { mailClock, clock } = this.#state.options;
    const at = internalDate ?? (mailClock ?? clock).now();
    this.#begun.push({ writer, message: { ...given, internalDate: at } });
  }

  /** Throws what stands against the message. */
  async #admit({ utf8 }: AppendMessage, { size }: LiteralHead): Promise<void> {
    const state = this.#state;
    const { options } = state;
    if (utf8 && !state.utf8) throw bad("Send ENABLE UTF8=ACCEPT first");
    if (!state.folders.byName(state.nameOf(this.#command.args.mailbox))) {
      throw no("There is no such mailbox: create it first", "TRYCREATE");
    }
    if (size === 0) throw no("An empty message is none");
    if (size > options.messageSize) throw no(`The message is over ${options.messageSize} octets`, "TOOBIG");
    if (++this.#count > MAX_MESSAGES) throw no(`More than ${MAX_MESSAGES} messages at once`, "LIMIT");
    this.#bytes += size;
    const { address } = state.loggedIn!.account;
    const quota = options.accounts.get(address)?.quota;
    if (quota === undefined) return;
    const { bytes } = await options.mailStore.usage(address);
    if (bytes + this.#bytes > quota) throw no("The mailbox has no room for it", "OVERQUOTA");
  }

  /** What stands behind a message: the next one, or the end. */
  async #after(before: AppendMessage): Promise<After> {
    const { reader } = this.#state;
    let received: Received | undefined;
    while (!(received = reader.take())) if (!await this.#state.fill()) return "lost";
    if (received.kind === "refused") {
      return { answer: { kind: "BAD", code: received.code, text: received.text }, last: received.last };
    }
    if (received.kind === "skipped") throw new Error("Nothing was skipped");
    const cursor = new Cursor(received.bytes);
    try {
      const over = parseAppendAfter(cursor, before);
      if (received.kind === "message") return { next: { cursor, literal: received.literal } };
      if (over) return { next: undefined };
      throw cursor.fault("Expected the end of the command, or another message");
    } catch (error) {
      const answer = this.#answerOf(error);
      if (!answer) throw error;
      if (received.kind === "message") await this.#skip();
      return { answer, last: false };
    }
  }

  async #refuse(answer: Answer): Promise<AppendEnd> {
    const end = await this.#skip();
    if (end === "lost") return end;
    this.#state.answer(this.#command, answer);
    return end;
  }

  /** Lets what the client sends unasked go by. */
  async #skip(): Promise<AppendEnd> {
    const { reader } = this.#state;
    if (reader.left > reader.limits.unwanted && !reader.waits) return "last";
    if (reader.giveUpMessage()) return "done";
    for (;;) {
      const received = reader.take();
      if (received) return received.kind === "refused" && received.last ? "last" : "done";
      if (!await this.#state.fill()) return "lost";
    }
  }

  /** Puts in what is held, by one commit. */
  async #putIn(isLast: boolean): Promise<void> {
    const state = this.#state;
    if (!this.#folder) {
      const target = state.folders.byName(state.nameOf(this.#command.args.mailbox));
      if (!target) throw no("The mailbox was deleted meanwhile", "TRYCREATE");
      this.#folder = await state.folders.select(target.id);
      this.#appending = this.#folder.appending({ by: state });
    }
    const messages = this.#begun.map(({ writer, message }) => ({ ...message, body: writer.finish() }));
    const { uidValidity, uids } = await this.#appending!.put(messages, isLast);
    this.#begun = [];
    this.#heldBytes = this.#bytes = 0;
    this.#uidValidity = uidValidity;
    for (const uid of uids) this.#uids.push(uid);
  }

  /** Nothing of it stays. */
  async #undo(): Promise<void> {
    for (const { writer } of this.#begun) await writer.abort();
    try {
      await this.#appending?.undo();
    } catch (error) {
      this.#state.options.onEvent?.({ kind: "error", error });
    }
  }
}

type Taken = "lost" | { readonly answer: Answer } | { readonly head: AppendMessage };
type After =
  | "lost"
  | { readonly answer: Answer; readonly last: boolean }
  | { readonly next: { cursor: Cursor; literal: LiteralHead } | undefined };
