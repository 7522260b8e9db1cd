/** Looks at a mailbox by IMAP: at all of it, and as a client does that has a cache and QRESYNC. */

import { ImapClient } from "../../support/imap_client.ts";
import { coded, fetched } from "../../support/imap_values.ts";
import { COPIES, type FolderSight, shown } from "./mailbox_ledger.ts";

/** The folders that are used. */
export const USED = ["INBOX", "Work", COPIES];

/** All that is there. */
export async function sightOf(client: ImapClient): Promise<Map<string, FolderSight>> {
  const sights = new Map<string, FolderSight>();
  await client.ok("ENABLE CONDSTORE");
  for (const folder of USED) {
    const { lines } = await client.ok(`SELECT ${folder} (CONDSTORE)`);
    const reply = await client.ok("UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[])");
    const messages = fetched(reply.lines).map((message) => shown(folder, message));
    const told = Number(/^\* (\d+) EXISTS/m.exec(lines.join("\n"))?.[1]);
    if (messages.length !== told) {
      throw new Error(`${folder} tells of ${told} messages, and shows ${messages.length}`);
    }
    sights.set(folder, {
      uidValidity: coded(lines, "UIDVALIDITY"),
      uidNext: coded(lines, "UIDNEXT"),
      highestModseq: coded(lines, "HIGHESTMODSEQ"),
      messages,
    });
  }
  return sights;
}

/** A client that keeps the flags of a folder by UID, and asks only for what has changed since. */
export class CachingClient {
  #uidValidity = 0;
  #modseq = 0;
  #flags = new Map<number, string>();

  constructor(readonly folder: string) {}

  /** Brings the cache up to date by QRESYNC; answers where it then differs from what the server has. */
  async synchronise(client: ImapClient): Promise<string[]> {
    await client.ok("ENABLE QRESYNC");
    const known = this.#modseq > 0 ? `QRESYNC (${this.#uidValidity} ${this.#modseq})` : "CONDSTORE";
    const { lines } = await client.ok(`SELECT ${this.folder} (${known})`);
    const uidValidity = coded(lines, "UIDVALIDITY");
    if (this.#modseq > 0 && uidValidity !== this.#uidValidity) {
      return [`UIDVALIDITY of ${this.folder} has changed`];
    }
    this.#uidValidity = uidValidity;
    for (const line of lines) {
      const vanished = /^\* VANISHED (?:\(EARLIER\) )?([\d:,]+)$/.exec(line);
      if (vanished) { for (const uid of uidsOf(vanished[1]!)) this.#flags.delete(uid); }
    }
    const first = this.#modseq === 0 ? (await client.ok("UID FETCH 1:* (FLAGS)")).lines : [];
    for (const message of fetched([...lines, ...first])) this.#flags.set(...flagsOf(message));
    this.#modseq = coded(lines, "HIGHESTMODSEQ");

    const real = new Map(fetched((await client.ok("UID FETCH 1:* (FLAGS)")).lines).map(flagsOf));
    const wrong: string[] = [];
    for (const uid of new Set([...real.keys(), ...this.#flags.keys()])) {
      const [has, is] = [this.#flags.get(uid), real.get(uid)];
      if (has !== is) {
        wrong.push(`QRESYNC makes UID ${uid} of ${this.folder} ${has ?? "absent"}; it is ${is ?? "absent"}`);
      }
    }
    return wrong;
  }
}

function flagsOf(message: ReadonlyMap<string, unknown>): [number, string] {
  const flags = (message.get("FLAGS") as string[]).filter((flag) => flag !== "\\Recent");
  return [Number(message.get("UID")), flags.sort().join(" ")];
}

function uidsOf(set: string): number[] {
  return set.split(",").flatMap((part) => {
    const [from, to = from] = part.split(":").map(Number);
    return Array.from({ length: to! - from! + 1 }, (_, n) => from! + n);
  });
}
