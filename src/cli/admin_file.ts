/** The file `admin.json` in the data directory, by which the command line finds the running server. */

import { join } from "node:path";

/** Where a running server's HTTP surface is, and what opens it. */
export interface AdminAccess {
  /** Such as `http://127.0.0.1:8025`. */
  url: string;
  token: string;
}

function pathIn(dataDir: string): string {
  return join(dataDir, "admin.json");
}

/** Writes the file, for its owner's eyes only; the old one is replaced at once. */
export async function writeAdminFile(dataDir: string, access: AdminAccess): Promise<void> {
  const path = pathIn(dataDir);
  const draft = `${path}.new`;
  await removeFile(draft); // a left-over may have wider rights, which writing would keep
  await Deno.writeTextFile(draft, JSON.stringify(access) + "\n", { mode: 0o600, createNew: true });
  await Deno.rename(draft, path);
}

/** Reads the file; undefined when there is none or it is damaged. */
export async function readAdminFile(dataDir: string): Promise<AdminAccess | undefined> {
  try {
    const { url, token } = Object(JSON.parse(await Deno.readTextFile(pathIn(dataDir))));
    return typeof url === "string" && typeof token === "string" ? { url, token } : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Takes the file away. */
export async function removeAdminFile(dataDir: string): Promise<void> {
  await removeFile(pathIn(dataDir));
}

async function removeFile(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
