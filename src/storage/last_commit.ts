/** The last commit of Deno's KV in a file, which KV itself tells only to who commits: it is in a table of its database. */

import process from "node:process";

/**
 * The versionstamp of the last commit; undefined where it isn't where Deno has it now. By SQLite, as all opening of the
 * database in this process (see `backup/snapshot.ts`).
 */
export function lastCommitOf(database: string): string | undefined {
  try {
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const db = new DatabaseSync(database, { readOnly: true });
    try {
      const version = db.prepare("SELECT version FROM data_version").get()?.["version"];
      // KV writes it in front of the place of a commit among several, of which it makes no use
      return typeof version === "number" ? `${version.toString(16).padStart(16, "0")}0000` : undefined;
    } finally {
      db.close();
    }
  } catch {
    return undefined;
  }
}
