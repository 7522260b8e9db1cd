/** What FETCH reads from and writes to. */

import type { Folder } from "../mailbox/folders.ts";

/** What of a folder is fetched. */
export interface FetchedFolder extends Pick<Folder, "messages" | "facts"> {
  readonly info: Pick<Folder["info"], "keywords">;
  /** A message's octets, from one on. Throws `BodyMissing` when it is gone. */
  read(place: number, from?: number): AsyncGenerator<Uint8Array>;
  /** Whole messages, as far as they are small; undefined: {@linkcode read} has to be asked. */
  smallTexts?(places: readonly number[] | Uint32Array): AsyncGenerator<Uint8Array | undefined>;
}

/** Where answers go. */
export interface FetchOut {
  put(text: string | Uint8Array): void;
  /** Sends what was put when it is enough. */
  flushIfMuch(): Promise<void> | void;
  /** Sends what was put, then a large piece without copying it. */
  write(bytes: Uint8Array): Promise<void>;
}

/** The store failed within a literal: the client can't be told of it, the connection has to end. */
export class CutLiteral extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "CutLiteral";
}

/** So much is copied into the output; more goes out by itself. */
export const COPIED = 16 * 1024;
