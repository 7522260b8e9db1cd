/** DKIM keys as files, `DATADIR/dkim/DOMAIN/SELECTOR.pem`: made, and listed with the records that publish them. */

import { join } from "node:path";
import process from "node:process";
import { messageOf } from "../base/errors.ts";

/** The public half of a key. */
export interface DkimPublicKey {
  /** Such as `r20261130`: the kind's letter and the UTC day it was made on; a further letter for later ones of a day. */
  readonly selector: string;
  /** The text of its key record (RFC 6376 3.6.1, RFC 8463 4). */
  readonly record: string;
}

/** The kinds of keys, by the letter that their selectors begin with. */
const KINDS = ["r", "e"] as const;
type Kind = typeof KINDS[number];

const SELECTOR = /^([re])\d{8}[b-z]?$/;
/** Shorter ones are not to be used, longer ones don't fit every DNS (RFC 8301 3.2). */
const RSA_BITS = 2048;

/** A key file that can't be used, or a day on which no more keys can be made. */
export class DkimKeyError extends Error {
  override readonly name = "DkimKeyError";
}

/** The keys of a domain, oldest first, those by Ed25519 before those by RSA. Throws {@linkcode DkimKeyError}. */
export async function listDkimKeys(dataDir: string, domain: string): Promise<DkimPublicKey[]> {
  const folder = join(dataDir, "dkim", domain);
  const keys: DkimPublicKey[] = [];
  for (const selector of await selectorsIn(folder)) {
    const path = join(folder, `${selector}.pem`);
    try {
      keys.push({ selector, record: keyRecord(await Deno.readTextFile(path)) });
    } catch (error) {
      throw new DkimKeyError(
        `${path}: ${messageOf(error)}; expected a private key as PEM (PKCS#8), RSA or Ed25519`,
      );
    }
  }
  return keys;
}

/**
 * Makes a key of each kind that the domain has none of, of both kinds with `rotate`; answers the new selectors. No file is
 * ever written over. `now`: milliseconds since 1970, for the selectors.
 */
export async function makeDkimKeys(
  at: { dataDir: string; domain: string },
  { now, rotate }: { now: number; rotate: boolean },
): Promise<string[]> {
  const folder = join(at.dataDir, "dkim", at.domain);
  const there = await selectorsIn(folder);
  const owner = await ownerOf(at.dataDir);
  const made: string[] = [];
  for (const kind of KINDS) {
    if (!rotate && there.some((selector) => selector.startsWith(kind))) continue;
    const selector = freshSelector(kind, now, there);
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${selector}.pem`);
    await Deno.writeTextFile(path, newKey(kind), { mode: 0o600, createNew: true });
    await giveTo(owner, [join(at.dataDir, "dkim"), folder, path]);
    made.push(selector);
  }
  return made;
}

/** The selectors of the keys in a domain's folder, oldest first, those by Ed25519 before those by RSA. */
export async function selectorsIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      const selector = name.endsWith(".pem") ? name.slice(0, -".pem".length) : "";
      if (SELECTOR.test(selector)) found.push(selector);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}

/** The newest signs, so a new one comes behind all of its day. */
function freshSelector(kind: Kind, now: number, taken: readonly string[]): string {
  const day = kind + new Date(now).toISOString().slice(0, 10).replaceAll("-", "");
  const ofDay = ["", ..."bcdefghijklmnopqrstuvwxyz"].map((letter) => day + letter);
  const selector = ofDay[ofDay.findLastIndex((one) => taken.includes(one)) + 1];
  if (selector === undefined) throw new DkimKeyError(`${ofDay.at(-1)} is there: no more keys today`);
  return selector;
}

type Owner = { readonly uid: number; readonly gid: number } | undefined;

/** Whose the data is, where root makes the keys of a server that runs as somebody else. */
async function ownerOf(dataDir: string): Promise<Owner> {
  if (Deno.build.os === "windows" || Deno.uid() !== 0) return undefined;
  await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
  const { uid, gid } = await Deno.stat(dataDir);
  return uid === null || gid === null || uid === 0 ? undefined : { uid, gid };
}

async function giveTo(owner: Owner, paths: readonly string[]): Promise<void> {
  if (owner === undefined) return;
  for (const path of paths) await Deno.chown(path, owner.uid, owner.gid);
}

function newKey(kind: Kind): string {
  const { generateKeyPairSync } = process.getBuiltinModule("node:crypto");
  const { privateKey } = kind === "r"
    ? generateKeyPairSync("rsa", { modulusLength: RSA_BITS })
    : generateKeyPairSync("ed25519");
  return privateKey.export({ type: "pkcs8", format: "pem" }) as string;
}

function keyRecord(pem: string): string {
  const { createPublicKey } = process.getBuiltinModule("node:crypto");
  const key = createPublicKey(pem);
  const spki = new Uint8Array(key.export({ type: "spki", format: "der" }));
  if (key.asymmetricKeyType === "rsa") return `v=DKIM1; k=rsa; p=${spki.toBase64()}`;
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`the key is ${key.asymmetricKeyType}`);
  // RFC 8463 4: the bare key, which is the end of its SPKI (RFC 8410 4)
  return `v=DKIM1; k=ed25519; p=${spki.subarray(-32).toBase64()}`;
}
