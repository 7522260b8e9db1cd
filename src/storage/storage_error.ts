/** The one error that the store rejects with, and what KV's own errors stand for. */
import { messageOf } from "../base/errors.ts";

/**
 * Why a write did not happen:
 * - `full`: no space is left, or the disk fails; writes succeed again when space comes back;
 * - `locked`: another process held the file for too long;
 * - `away`: the store is behind a network and does not answer;
 * - `closed`: the store was closed;
 * - `refused`: KV does not take it for what it is (its size, its keys, its values): another write may pass;
 * - `failed`: anything else; the message says what.
 */
export type StorageErrorKind = "full" | "locked" | "away" | "closed" | "refused" | "failed";

/** The store could not do what it was asked. Nothing of the write is in the store unless the message says so. */
export class StorageError extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "StorageError";

  /** `cause` is KV's own error, where there is one. */
  constructor(readonly kind: StorageErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** A commit was sent, and nobody knows whether it has happened, or will. */
export class OutcomeUnknown extends StorageError {
  /** `cause` is what came instead of the answer. */
  constructor(message: string, cause: unknown) {
    super(storageErrorOf(cause) === "full" ? "full" : "away", message, cause);
  }
}

/**
 * A commit may have met a sum on a value that is no number: then what is in front of that sum has happened, and nothing
 * behind it. If there is no such value, nothing has happened.
 */
export class StoppedAtSum extends StorageError {
  /** `cause` is what the store said. */
  constructor(cause: unknown) {
    super("failed", `The store did not take a commit: ${messageOf(cause)}.`, cause);
  }
}

const FULL =
  /database or disk is full|cannot commit - no transaction|disk I\/O error|SQLITE_FULL|SQLITE_IOERR|no space left|read-?only database/i;
const LOCKED = /database (?:table )?is locked|database is busy|SQLITE_BUSY/i;
/** What KV finds out before it begins: nothing of such a commit has happened. */
const REFUSED = /^Too many |too large|cannot be empty|could not be cloned|^Invalid /i;

/** The kind of storage error that an error of KV is. */
export function storageErrorOf(error: unknown): StorageErrorKind {
  if (error instanceof StorageError) return error.kind;
  if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return "closed";
  const message = messageOf(error);
  if (LOCKED.test(message)) return "locked";
  if (FULL.test(message)) return "full";
  const refused = error instanceof RangeError || error instanceof DOMException || REFUSED.test(message);
  return refused ? "refused" : "failed";
}

/** True when the store refused a write for want of room on its disk. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof StorageError && error.kind === "full";
}

/** True when a write was refused before it began, so that surely nothing of it has happened. */
export function isUntried(error: unknown): boolean {
  return error instanceof StorageError &&
    (error.kind === "refused" || (error.kind !== "away" && error.cause === undefined));
}

/** True when the store behind a network does not answer, which is logged once, when it begins. */
export function isStoreAway(error: unknown): boolean {
  return error instanceof StorageError && error.kind === "away";
}
