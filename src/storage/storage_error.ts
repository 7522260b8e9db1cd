/** In charge of the one error that the store rejects with, and of telling KV's own errors apart. */

/**
 * Why a write did not happen:
 * - `full`: no space is left, or the disk fails; writes succeed again when space comes back;
 * - `locked`: another process held the file for too long;
 * - `closed`: the store was closed;
 * - `failed`: anything else; the message says what.
 */
export type StorageTrouble = "full" | "locked" | "closed" | "failed";

/** The store could not do what it was asked. Nothing of the write is in the store unless the message says so. */
export class StorageError extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "StorageError";

  /** `cause` is KV's own error, where there is one. */
  constructor(readonly kind: StorageTrouble, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

const FULL =
  /database or disk is full|cannot commit - no transaction|disk I\/O error|SQLITE_FULL|SQLITE_IOERR|no space left|read-?only database/i;
const LOCKED = /database (?:table )?is locked|database is busy|SQLITE_BUSY/i;
const REFUSED =
  /^Too many |too large|cannot be empty|^Failed to perform |could not be cloned|^Invalid |\(status=4(?:00|13) /i;

/** The kind of trouble that an error of KV is. */
export function troubleOf(error: unknown): StorageTrouble {
  if (error instanceof StorageError) return error.kind;
  if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return "closed";
  const message = messageOf(error);
  if (LOCKED.test(message)) return "locked";
  return FULL.test(message) ? "full" : "failed";
}

/** True when the store refused a write for want of room on its disk. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof StorageError && error.kind === "full";
}

/** True when KV refused a write for what it is (its size, its keys, its values), so that the next one may pass. */
export function isRefusal(error: unknown): boolean {
  return error instanceof RangeError || error instanceof DOMException || REFUSED.test(messageOf(error));
}

/** The words of an error, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
