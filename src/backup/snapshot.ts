/**
 * A copy of an embedded store while its server writes, as it was at one instant. SQLite makes it: in one step, under one
 * read lock, so that no commit is half in it and none makes it begin anew. Nobody else may open the database of a
 * running server: closing it would end the locks that SQLite has on it in this process.
 */

/**
 * SQLite's calls hold up their thread, so they have one of their own. `VACUUM INTO` would copy less, but is refused to a
 * process that may not write everywhere. The text is here because a compiled program has no other files.
 */
const WORKER = `
import { backup, DatabaseSync } from "node:sqlite";
self.onmessage = async ({ data: { database, target } }) => {
  try {
    const db = new DatabaseSync(database, { readOnly: true });
    try {
      await backup(db, target, { rate: 2 ** 31 - 1 });
    } finally {
      db.close();
    }
    self.postMessage({});
  } catch (error) {
    self.postMessage({ failure: error instanceof Error ? error.message : String(error) });
  }
};`;

/** Copies the database to a new file for its owner alone; rejects, without that file, when that can't be. */
export async function snapshotOf(database: string, target: string): Promise<void> {
  (await Deno.open(target, { write: true, createNew: true, mode: 0o600 })).close();
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(WORKER)}`, { type: "module" });
  try {
    const failure = await new Promise<string | undefined>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data.failure);
      worker.onerror = (event) => {
        event.preventDefault();
        resolve(event.message);
      };
      worker.postMessage({ database, target });
    });
    if (failure !== undefined) throw new Error(`The store can't be copied: ${failure}`);
  } catch (error) {
    await removeSnapshot(target);
    throw error;
  } finally {
    worker.terminate();
  }
}

/** Removes such a copy with what SQLite keeps beside it while it is written, where they are there. */
export async function removeSnapshot(target: string): Promise<void> {
  for (const path of [target, `${target}-journal`]) {
    try {
      await Deno.remove(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
