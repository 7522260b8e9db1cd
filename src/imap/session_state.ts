/** What a session knows, and how it answers: shared by the files that carry out its commands. */

import type { Identity } from "../auth/sasl.ts";
import { FolderError, type FolderInfo, type Folders } from "../mailbox/folders.ts";
import { BodyMissing } from "../storage/bodies/bodies.ts";
import { StorageError } from "../storage/storage_error.ts";
import type { Extension } from "./capabilities.ts";
import type { Command, State } from "./command.ts";
import type { CommandReader } from "./command_reader.ts";
import { astring, type Output } from "./output.ts";
import type { SelectedFolder, TellOptions } from "./selected_folder.ts";
import type { ImapSessionOptions } from "./session_options.ts";
import { decodeUtf7, encodeUtf7, isPrintable } from "./utf7.ts";

/** A condition, with the code that says so to programs. */
export interface Answer {
  readonly kind: "OK" | "NO" | "BAD";
  readonly code?: string | undefined;
  readonly text: string;
}

/** Ends a command with an answer that is not OK. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(readonly answer: Answer) {
    super(answer.text);
  }
}

/** `NO`, to be thrown. */
export function no(text: string, code?: string): Refusal {
  return new Refusal({ kind: "NO", code, text });
}

/** `BAD`, to be thrown. */
export function bad(text: string, code?: string): Refusal {
  return new Refusal({ kind: "BAD", code, text });
}

/** There is no such mailbox. */
export function nonexistent(): Refusal {
  return no("There is no such mailbox", "NONEXISTENT");
}

/** A text as the end of a line of US-ASCII: nothing of it is taken for another line. */
export function lineText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

/** What follows a login. */
export interface LoggedIn {
  readonly account: Identity;
  readonly folders: Folders;
}

/** The state of one session. */
export class SessionState {
  readonly options: ImapSessionOptions;
  readonly out: Output;
  readonly reader: CommandReader;
  /** Waits for the client; false when nothing more will come. What was put is sent before. */
  readonly fill: () => Promise<boolean>;
  /** The connection is over: whatever goes on may stop. */
  readonly isOver: () => boolean;
  readonly enabled = new Set<Extension>();
  /** Compression is on. */
  compressed = false;
  loggedIn: LoggedIn | undefined;
  selected: SelectedFolder | undefined;
  /** Messages put into mailboxes. */
  appended = 0;
  /** Bad commands and failed logins. */
  errors = 0;

  constructor(
    options: ImapSessionOptions,
    parts: Pick<SessionState, "out" | "reader" | "fill" | "isOver">,
  ) {
    this.options = options;
    this.out = parts.out;
    this.reader = parts.reader;
    this.fill = parts.fill;
    this.isOver = parts.isOver;
  }

  /** RFC 9051 3. */
  get state(): State {
    return this.selected ? "selected" : this.loggedIn ? "authenticated" : "notAuthenticated";
  }

  /** Of who has logged in. */
  get folders(): Folders {
    return this.loggedIn!.folders;
  }

  /** IMAP4rev2 is spoken. */
  get rev2(): boolean {
    return this.enabled.has("IMAP4REV2");
  }

  /** Names and texts are UTF-8. */
  get utf8(): boolean {
    return this.rev2 || this.enabled.has("UTF8=ACCEPT");
  }

  /** Numbers of messages are not used (RFC 9586). */
  get uidOnly(): boolean {
    return this.enabled.has("UIDONLY");
  }

  /** A mailbox's name as it is, of one that a client wrote; throws a {@linkcode Refusal} when it stands for none. */
  nameOf(written: string): string {
    const name = this.utf8 ? written : decodeUtf7(written);
    if (name === undefined) throw no("The name is not modified UTF-7", "CANNOT");
    const clean = name.normalize("NFC");
    if (!isPrintable(clean)) throw no("The name has control characters", "CANNOT");
    return clean;
  }

  /** A mailbox's name as it is coded for this client. */
  coded(name: string): string {
    return this.utf8 ? name : encodeUtf7(name);
  }

  /** A mailbox's name as this client reads it: an atom, or in quotes. */
  written(name: string): string {
    return astring(this.coded(name));
  }

  /** The folder that a client means; throws a {@linkcode Refusal} when there is none. */
  folderOf(written: string): FolderInfo {
    const found = this.folders.byName(this.nameOf(written));
    if (!found) throw nonexistent();
    return found;
  }

  /** How news is told, to a client that gave that command; undefined: to one that waits. */
  tellOptions(command: Pick<Command, "verb" | "uid"> | undefined): TellOptions {
    const uid = command?.uid ?? false;
    const byNumber = command !== undefined && !uid &&
      ["FETCH", "STORE", "SEARCH", "SORT", "THREAD"].includes(command.verb);
    const vanished = this.enabled.has("QRESYNC") || this.uidOnly;
    return {
      expunges: !byNumber,
      flags: command?.verb !== "FETCH",
      // RFC 7162 3.2.4 has it so with QRESYNC, and IMAP4rev2 wants it
      uid: uid || this.rev2 || vanished,
      vanished,
      uidOnly: this.uidOnly,
      modseq: this.enabled.has("CONDSTORE"),
      recent: !this.rev2,
    };
  }

  /** Tells what is new, and ends a command: unilateral lines stand directly before the tagged one, and nowhere else. */
  answer(command: Pick<Command, "tag" | "verb" | "uid">, { kind, code, text }: Answer): void {
    const { selected } = this;
    const options = this.tellOptions(command);
    if (selected?.hasNews(options)) selected.tell(this.out, options);
    const words = kind === "OK" ? text : lineText(text);
    this.out.put(`${command.tag} ${kind} ${code === undefined ? "" : `[${code}] `}${words}\r\n`);
  }

  /** OK. */
  ok(command: Pick<Command, "tag" | "verb" | "uid">, text: string, code?: string): void {
    this.answer(command, { kind: "OK", code, text });
  }

  /** What a failure of a command is answered by; undefined: it is no business of the client's. */
  answerOf(error: unknown): Answer | undefined {
    if (error instanceof Refusal) return error.answer;
    if (error instanceof FolderError) {
      return { kind: "NO", code: FOLDER_CODES[error.kind], text: error.message };
    }
    if (error instanceof BodyMissing) {
      return { kind: "NO", code: "EXPUNGEISSUED", text: "Some of the messages are gone" };
    }
    if (error instanceof StorageError) {
      this.options.onEvent?.({ kind: "error", error });
      if (error.kind === "full") {
        return { kind: "NO", code: "LIMIT", text: "There is no room on the disk now" };
      }
      if (error.kind === "away") {
        return { kind: "NO", code: "UNAVAILABLE", text: "The store does not answer now" };
      }
      return { kind: "NO", code: "SERVERBUG", text: "The mail store failed before all was done" };
    }
    return undefined;
  }

  /** Something nobody expected: to the log; the client is told that it was not its fault. */
  unexpected(error: unknown): Answer {
    this.options.onEvent?.({ kind: "error", error });
    return { kind: "NO", code: "SERVERBUG", text: "Something went wrong here" };
  }

  /** From now on mod-sequences are told (RFC 7162 3.1.2); says from where, when a mailbox is selected. */
  turnOnCondstore(): void {
    if (this.enabled.has("CONDSTORE")) return;
    this.enabled.add("CONDSTORE");
    const { selected } = this;
    if (selected && !selected.isGone) {
      this.out.untagged(`OK [HIGHESTMODSEQ ${selected.folder.info.highestModseq}] From here on`);
    }
  }

  /** Leaves the selected mailbox. */
  unselect(): void {
    this.selected?.folder[Symbol.dispose]();
    this.selected = undefined;
  }
}

/** RFC 5530, RFC 9051 7.1. */
const FOLDER_CODES: Readonly<Record<FolderError["kind"], string>> = {
  nonexistent: "NONEXISTENT",
  exists: "ALREADYEXISTS",
  limit: "LIMIT",
  cannot: "CANNOT",
  overquota: "OVERQUOTA",
};
