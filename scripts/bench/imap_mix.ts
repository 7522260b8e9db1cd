/**
 * The load of many IMAP sessions at once: the default mix of imaptest, made anew from its documentation. A session does
 * in this order, each with its probability in percent: LOGIN 100, LIST 50, STATUS 50, SELECT 100, FETCH of random items
 * of up to 100 messages 100, FETCH of one body 100 and again 30, STORE of random flags 50, \Deleted 100, EXPUNGE 100,
 * APPEND 100 (of several 5), LOGOUT 100; INBOX is kept at about 30 messages of 4 KiB. Other than imaptest it waits for
 * each answer before it sends the next command, and has no folder for COPY, as imaptest has none unless told.
 */

import { type Random, seededRandom } from "../../src/base/random.ts";
import { ImapClient, type Reply } from "../../tests/support/imap_client.ts";
import { letterOf } from "./imap_letters.ts";

/** What is to be done. */
export interface MixLoad {
  readonly port: number;
  /** Each session is one of these, at random. */
  readonly users: readonly string[];
  readonly password: string;
  readonly clients: number;
  readonly seconds: number;
}

/** What became of it. */
export interface MixResult {
  readonly commands: number;
  readonly sessions: number;
  readonly ms: number;
  /** Of the commands. */
  readonly p50: number;
  readonly p99: number;
}

const KEPT = 30;
const FLAGS = [
  "\\Seen",
  "\\Answered",
  "\\Flagged",
  "\\Draft",
  "$Label1",
  "$Label2",
  "$Label3",
  "$Label4",
  "$Label5",
];
const HEADERS = [
  "From",
  "To",
  "Cc",
  "Subject",
  "Message-ID",
  "In-Reply-To",
  "References",
  "Delivered-To",
];
const ITEMS = ["UID", "FLAGS", "ENVELOPE", "INTERNALDATE", "BODY", "BODYSTRUCTURE"];

/** Runs sessions for as long as is told. */
export async function imapMix(load: MixLoad): Promise<MixResult> {
  const lasted: number[] = [];
  let sessions = 0;
  const from = performance.now();
  const end = from + load.seconds * 1000;
  const client = async (n: number) => {
    const random = seededRandom(n + 1);
    while (performance.now() < end) {
      await new Session(load, random, lasted).run();
      sessions++;
    }
  };
  await Promise.all(Array.from({ length: load.clients }, (_, n) => client(n)));
  const ms = performance.now() - from;
  lasted.sort((a, b) => a - b);
  const at = (share: number) => lasted[Math.floor(lasted.length * share)]!;
  return { commands: lasted.length, sessions, ms, p50: at(0.5), p99: at(0.99) };
}

/** One session of one client. */
class Session {
  #client!: ImapClient;
  /** How many messages there are, as far as it was told. */
  #there = 0;

  constructor(
    private readonly load: MixLoad,
    private readonly random: Random,
    private readonly lasted: number[],
  ) {}

  async run(): Promise<void> {
    const { port, users, password } = this.load;
    using client = await ImapClient.connect({ hostname: "127.0.0.1", port });
    this.#client = client;
    await this.#do(`LOGIN "${users[this.#below(users.length)]}" "${password}"`);
    if (this.#chance(50)) await this.#do('LIST "" "*"');
    if (this.#chance(50)) await this.#do("STATUS INBOX (MESSAGES UNSEEN RECENT)");
    await this.#do("SELECT INBOX");
    await this.#withMessages(() => this.#do(`FETCH ${this.#range(100)} (${this.#items()})`));
    do {
      await this.#withMessages(() => this.#do(`FETCH ${1 + this.#below(this.#there)} (BODY.PEEK[])`));
    } while (this.#chance(30));
    if (this.#chance(50)) {
      const sign = this.#chance(50) ? "+" : "-";
      const flags = this.#some(FLAGS).join(" ");
      await this.#withMessages(() => this.#do(`STORE ${this.#range(KEPT)} ${sign}FLAGS.SILENT (${flags})`));
    }
    const surplus = Math.max(0, this.#there - KEPT) + this.#below(3);
    if (surplus > 0) {
      await this.#withMessages(() => this.#do(`STORE ${this.#range(surplus)} +FLAGS.SILENT (\\Deleted)`));
    }
    await this.#do("EXPUNGE");
    const pieces: (string | Uint8Array)[] = ["APPEND INBOX "];
    do pieces.push(letterOf(this.#below(1_000_000)), " "); while (this.#chance(5));
    await this.#do(...pieces.slice(0, -1));
    await this.#do("LOGOUT");
  }

  /** Sends a command, waits, and learns what the server tells of messages on the way. */
  async #do(...pieces: (string | Uint8Array)[]): Promise<Reply> {
    const from = performance.now();
    const reply = await this.#client.ask(...pieces);
    this.lasted.push(performance.now() - from);
    for (const line of reply.lines) {
      const told = /^\* (\d+) (EXISTS|EXPUNGE)/.exec(line);
      if (told?.[2] === "EXISTS") this.#there = Number(told[1]);
      else if (told) this.#there--;
    }
    const verb = String(pieces[0]).split(" ")[0]!;
    if (reply.status === "OK") return reply;
    // another session may have removed the messages that are asked for
    if (reply.status === "NO" && /^(FETCH|STORE)$/.test(verb) && !/SERVERBUG/.test(reply.text)) return reply;
    throw new Error(`${verb} was answered by ${reply.status} ${reply.text}`);
  }

  async #withMessages(act: () => Promise<unknown>): Promise<void> {
    if (this.#there > 0) await act();
  }

  /** A range of at most so many messages. */
  #range(most: number): string {
    const count = Math.min(most, this.#there);
    const first = 1 + this.#below(this.#there - count + 1);
    return `${first}:${first + count - 1}`;
  }

  #items(): string {
    const items = this.#some([...ITEMS, ""]);
    return items.map((item) => item || `BODY.PEEK[HEADER.FIELDS (${this.#some(HEADERS).join(" ")})]`).join(
      " ",
    );
  }

  /** Half of them, one at least. */
  #some<T>(list: readonly T[]): T[] {
    const some = list.filter(() => this.#chance(50));
    return some.length > 0 ? some : [list[this.#below(list.length)]!];
  }

  #chance(percent: number): boolean {
    return this.random.float() * 100 < percent;
  }

  #below(limit: number): number {
    return Math.floor(this.random.float() * limit);
  }
}
