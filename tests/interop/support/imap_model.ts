/** What should be in a mailbox after all that was done to it. */

import { quoted } from "../../support/imap_client.ts";
import type { ImapHost } from "./imap_hosts.ts";
import type { Letter } from "./imap_letters.ts";
import { enter, hashOf, type Looked, type MailboxState } from "./imap_mailbox.ts";

/** Every so many letters one is changed, one moved, one removed. */
const EVERY = 12;

interface Kept {
  readonly hash: string;
  readonly id: string;
  /** Its number in the order in which they came. */
  readonly n: number;
  folder: string;
  flags: Set<string>;
  readonly date: string;
}

/** Letters, where they are, and their flags. */
export class ImapModel {
  #letters: Kept[] = [];
  #came = 0;

  constructor(readonly looked: Looked) {}

  /** They were put there. */
  async add(letters: readonly Letter[]): Promise<void> {
    for (const { folder, flags, date, text } of letters) {
      const plain = Array.from(text, (octet) => String.fromCharCode(octet)).join("");
      this.#letters.push({
        hash: await hashOf(plain),
        id: /^Message-ID: (.*)\r$/m.exec(plain)![1]!,
        n: this.#came++,
        folder,
        flags: new Set(flags.split(" ").filter((flag) => flag !== "")),
        date: this.looked.dates ? ` ${new Date(date.slice(1, -1)).toISOString()}` : "",
      });
    }
  }

  /** On one server some get a flag, some go into another folder, some are removed: others for each `nth`. */
  async change(host: ImapHost, { nth, flag }: { nth: number; flag: string }): Promise<void> {
    using client = await enter(host);
    const picked = (offset: number) => this.#letters.filter(({ n }) => n % EVERY === nth + offset);
    const removed = new Set(picked(2));
    const ways: ((uids: string) => string[])[] = [
      (uids) => [`UID STORE ${uids} +FLAGS (${flag})`],
      (uids) => [`UID MOVE ${uids} ${quoted(MOVED)}`],
      (uids) => [`UID STORE ${uids} +FLAGS.SILENT (\\Deleted)`, `UID EXPUNGE ${uids}`],
    ];
    const jobs = ways.flatMap((way, offset) => picked(offset).map((one) => ({ one, way })));
    if ((await client.ask(`STATUS ${quoted(MOVED)} (MESSAGES)`)).status === "NO") {
      await client.ok(`CREATE ${quoted(MOVED)}`);
    }
    for (const [folder, its] of Map.groupBy(jobs, ({ one }) => one.folder)) {
      await client.ok(`SELECT ${quoted(folder)}`);
      for (const { one: { id }, way } of its) {
        const { lines } = await client.ok(`UID SEARCH HEADER Message-ID ${quoted(id)}`);
        const uids = lines.map((line) => /^\* SEARCH (.+)$/.exec(line)?.[1]).find((found) =>
          found !== undefined
        );
        if (uids === undefined) throw new Error(`${id} is not found in ${folder}: ${lines.join(" | ")}`);
        for (const command of way(uids.trim().replaceAll(" ", ","))) await client.ok(command);
      }
    }
    for (const one of picked(0)) one.flags.add(flag);
    for (const one of picked(1)) one.folder = MOVED;
    this.#letters = this.#letters.filter((one) => !removed.has(one));
  }

  /** What is missing, and what is there that should not be; copies beside the first don't count. */
  differencesTo(state: MailboxState): string[] {
    const at = (folder: string, hash: string) => `${folder}: ${hash}`;
    const known = new Set(this.#letters.map(({ folder, hash }) => at(folder, hash)));
    const wanted = new Set(
      this.#letters.map(({ folder, hash, date, flags }) =>
        `${at(folder, hash)}${date} ${[...flags].sort().join(" ")}`
      ),
    );
    const there = new Set(
      [...state].flatMap(([folder, messages]) => messages.map((one) => `${folder}: ${one}`)),
    );
    // a copy that a program left behind has not its flags yet: that it is one of too many is counted elsewhere
    const strange = [...there.difference(wanted)].filter((one) => !known.has(/^.*?: \w+/.exec(one)![0]));
    return [
      ...[...wanted.difference(there)].map((one) => `missing: ${one}`),
      ...strange.map((one) => `not wanted: ${one}`),
    ];
  }
}

/** Where letters are moved: a folder that the other side has not heard of. */
const MOVED = "Moved/here";
