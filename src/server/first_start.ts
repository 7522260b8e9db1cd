/** The first start: the admin token and a first account, where nobody gave them. */

import { join } from "node:path";
import type { Random } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import type { Accounts } from "../auth/accounts.ts";

/** Letters and digits that people don't mix up. */
const READABLE = "abcdefghijkmnpqrstuvwxyz23456789";

/** A random text that can be read to somebody; 20 characters are 100 bits. */
export function readableSecret(random: Random, length = 20): string {
  let text = "";
  for (const byte of random.bytes(length)) text += READABLE[byte % READABLE.length];
  return text;
}

/** The admin token: of the configuration, else of the data directory, else made and kept there. */
export async function adminToken(
  config: Config,
  options: { random: Random; keep: boolean },
): Promise<{ token: string; made: boolean }> {
  if (config.admin.token !== null) return { token: config.admin.token, made: false };
  if (!options.keep) return { token: readableSecret(options.random, 32), made: false };
  const path = join(config.dataDir, "admin-token");
  try {
    const kept = (await Deno.readTextFile(path)).trim();
    if (kept !== "") return { token: kept, made: false };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const token = readableSecret(options.random, 32);
  await Deno.writeTextFile(path, `${token}\n`, { mode: 0o600 });
  return { token, made: true };
}

/** Makes the accounts of the configuration; without any account at all, a postmaster, where accounts have the mail. */
export async function firstAccounts(
  accounts: Accounts,
  config: Config,
  random: Random,
): Promise<{ address: string; password: string } | undefined> {
  await accounts.seed(Object.entries(config.accounts).map(([address, account]) => ({ address, ...account })));
  if (accounts.first() || config.capture) return undefined;
  const address = `postmaster@${config.domains[0]}`;
  const password = readableSecret(random);
  const made = await accounts.add({ address, password, name: "Postmaster" });
  // On a shared store another server may start at the same instant; its password is the one that holds.
  return made === "exists" ? undefined : { address, password };
}
