/** The reading of packed rows that may be damaged. */

import { StorageError } from "../storage/storage_error.ts";

/** What is read; throws a {@linkcode StorageError} that says what to do when it can't be. */
export function undamaged<T>(address: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const what =
      `The mailbox ${address} is damaged: "dinopost check --store --repair" mends what can be mended.`;
    throw new StorageError("failed", what, error);
  }
}
