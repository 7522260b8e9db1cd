/** What is known of the letters of one mailbox: what was answered holds, what was not answered may have happened. */

import type { Value } from "../../support/imap_values.ts";

/** Where a letter can be. "gone" it was removed, or never came. */
export type Spot = "INBOX" | "Work" | "gone";
/** The folder that holds copies: they stay there, unchanged. */
export const COPIES = "Copies";

/** The flags that the clients set. */
export const FLAGS = ["\\Flagged", "\\Answered", "$Done"];

/** Who does what with a letter: nobody else changes it. */
export type Owner = "one" | "two" | "pop" | "api";

/** A letter. */
export class Letter {
  /** Where it may be; one place when it is known. */
  spots: ReadonlySet<Spot> = new Set();
  /** Its UID there, while that is known. */
  uid: number | undefined;
  /** Which flags it has, which it may have. */
  readonly flags = new Map<string, ReadonlySet<boolean>>();
  /** How many copies there are at least and at most. */
  copies = { least: 0, most: 0 };

  constructor(readonly n: number, readonly owner: Owner, readonly body: string) {}

  /** Its text; behind the head stands what no server changes. */
  get text(): string {
    return `From: ${this.owner}@kill.test\r\nSubject: Letter ${this.n} of ${this.owner}\r\n` +
      `Message-ID: <${this.n}@kill.test>\r\n\r\n${this.body}`;
  }

  /** Where it is for sure. */
  get spot(): Spot | undefined {
    return this.spots.size === 1 ? [...this.spots][0] : undefined;
  }

  /** It is on its way from one place to another; the function that is answered tells that it has arrived. */
  moves(to: Spot): (uid?: number) => void {
    this.spots = new Set([...this.spots.size === 0 ? ["gone" as const] : this.spots, to]);
    this.uid = undefined;
    return (uid) => {
      this.spots = new Set([to]);
      this.uid = uid;
    };
  }

  /** A flag is on its way; the function that is answered tells that it has it, or has it no more. */
  marks(flag: string, on: boolean): () => void {
    this.flags.set(flag, new Set([...this.flags.get(flag) ?? [false], on]));
    return () => void this.flags.set(flag, new Set([on]));
  }

  /** A copy is on its way. */
  copied(): () => void {
    this.copies.most++;
    return () => void this.copies.least++;
  }
}

/** A message as a folder shows it. */
export interface Shown {
  readonly folder: string;
  readonly uid: number;
  readonly modseq: number;
  readonly flags: readonly string[];
  readonly text: string;
}

/** What a folder tells of itself. */
export interface FolderSight {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly highestModseq: number;
  readonly messages: readonly Shown[];
}

/** The letters, and what was ever seen of the folders. */
export class MailboxLedger {
  readonly letters: Letter[] = [];
  /** What is wrong. */
  readonly problems: string[] = [];
  /** Which letter a UID was ever seen to be, by folder and UID. */
  readonly #uids = new Map<string, number>();
  readonly #folders = new Map<string, { uidValidity: number; modseq: number; nextUid: number }>();

  /** A new letter of that owner. */
  make(owner: Owner): Letter {
    const n = this.letters.length;
    const letter = new Letter(n, owner, `Body ${n}\r\n.\r\n${"A line that fills it.\r\n".repeat(n % 97)}`);
    this.letters.push(letter);
    return letter;
  }

  /** The server said that a letter has this UID there: for ever. */
  given(folder: string, uid: number, letter: Letter): void {
    const key = `${folder} ${uid}`;
    const before = this.#uids.get(key);
    if (before !== undefined && before !== letter.n) {
      this.problems.push(`${key} was letter ${before}, and is letter ${letter.n}`);
    }
    this.#uids.set(key, letter.n);
    const known = this.#folders.get(folder);
    if (known) known.nextUid = Math.max(known.nextUid, uid + 1);
  }

  /** The server told a mod-sequence of the folder: it never goes back. */
  told(folder: string, modseq: number): void {
    const known = this.#folders.get(folder);
    if (!known) return;
    known.modseq = Math.max(known.modseq, modseq);
  }

  /** Looks at all that is there after a start, and settles what was open. */
  settle(sights: ReadonlyMap<string, FolderSight>): void {
    const found = new Map<Letter, Shown[]>();
    for (const [folder, sight] of sights) {
      this.#look(folder, sight);
      for (const message of sight.messages) {
        const letter = this.#recognised(message);
        if (!letter) continue;
        this.given(folder, message.uid, letter);
        found.set(letter, [...found.get(letter) ?? [], message]);
      }
    }
    for (const letter of this.letters) this.#settle(letter, found.get(letter) ?? []);
  }

  #look(folder: string, { uidValidity, uidNext, highestModseq, messages }: FolderSight): void {
    const known = this.#folders.get(folder);
    const say = (what: string) => this.problems.push(`${folder}: ${what}`);
    if (known && known.uidValidity !== uidValidity) {
      say(`UIDVALIDITY was ${known.uidValidity}, is ${uidValidity}`);
    }
    if (known && highestModseq < known.modseq) {
      say(`the mod-sequence was ${known.modseq}, is ${highestModseq}`);
    }
    if (known && uidNext < known.nextUid) say(`UIDNEXT was ${known.nextUid}, is ${uidNext}`);
    for (const [i, { uid, modseq }] of messages.entries()) {
      if (uid >= uidNext) say(`there is UID ${uid}, but UIDNEXT is ${uidNext}`);
      if (modseq > highestModseq) {
        say(`UID ${uid} has mod-sequence ${modseq}, the highest is ${highestModseq}`);
      }
      if (i > 0 && messages[i - 1]!.uid >= uid) say(`UID ${uid} stands behind ${messages[i - 1]!.uid}`);
    }
    this.#folders.set(folder, { uidValidity, modseq: highestModseq, nextUid: uidNext });
  }

  /** Which letter it is, whole. */
  #recognised({ folder, uid, text }: Shown): Letter | undefined {
    const letter = this.letters[Number(/^Message-ID: <(\d+)@/m.exec(text)?.[1])];
    if (!letter) this.problems.push(`${folder} ${uid} is no letter of ours: ${text.slice(0, 200)}`);
    // what comes by SMTP has further lines in front
    else if (!text.endsWith(letter.text)) this.problems.push(`letter ${letter.n} is damaged in ${folder}`);
    return letter;
  }

  #settle(letter: Letter, found: readonly Shown[]): void {
    const say = (what: string) => this.problems.push(`letter ${letter.n} of ${letter.owner} ${what}`);
    const copies = found.filter(({ folder }) => folder === COPIES).length;
    if (copies < letter.copies.least || copies > letter.copies.most) {
      say(`has ${copies} copies, expected ${letter.copies.least} to ${letter.copies.most}`);
    }
    letter.copies = { least: copies, most: copies };
    const there = found.filter(({ folder }) => folder !== COPIES);
    if (there.length > 1) {
      say(`is there ${there.length} times: ${there.map(({ folder, uid }) => `${folder} ${uid}`)}`);
    }
    const [first] = there;
    const spot = (first?.folder ?? "gone") as Spot;
    if (!(letter.spots.size === 0 ? spot === "gone" : letter.spots.has(spot))) {
      say(`is in ${spot}, expected ${[...letter.spots].join(" or ")}`);
    }
    if (letter.uid !== undefined && first && first.uid !== letter.uid) {
      say(`has UID ${first.uid} in ${spot}, was told ${letter.uid}`);
    }
    letter.spots = new Set([spot]);
    letter.uid = first?.uid;
    for (const [flag, may] of first ? letter.flags : []) {
      const has = first!.flags.some((one) => one.toLowerCase() === flag.toLowerCase());
      if (!may.has(has)) say(`${has ? "has" : "has not"} ${flag} in ${spot}`);
      letter.flags.set(flag, new Set([has]));
    }
  }
}

/** A message of FETCH as it is shown in a folder. */
export function shown(folder: string, message: ReadonlyMap<string, Value>): Shown {
  return {
    folder,
    uid: Number(message.get("UID")),
    modseq: Number((message.get("MODSEQ") as string[])[0]),
    flags: message.get("FLAGS") as string[],
    text: String(message.get("BODY[]")),
  };
}
