/** What is in a mailbox on an IMAP server, in a form in which two can be compared. */

import { Disconnected, ImapClient, octets, quoted } from "../../support/imap_client.ts";
import { fetched, type Value, values } from "../../support/imap_values.ts";
import type { ImapHost } from "./imap_hosts.ts";
import { READER, READERS_PASSWORD } from "./imap_hosts.ts";
import type { Letter } from "./imap_letters.ts";

/** Messages a command. */
const BATCH = 200;

/** The messages by folder; each as its hash, its flags, its date. */
export type MailboxState = ReadonlyMap<string, readonly string[]>;

/** A connection of the mailbox's owner. */
export async function enter(host: ImapHost): Promise<ImapClient> {
  return await ImapClient.login(host, READER, READERS_PASSWORD);
}

/** The folders that can be opened, in order. */
export async function folderNames(client: ImapClient): Promise<string[]> {
  const { lines } = await client.ok('LIST "" "*"');
  const names: string[] = [];
  for (const line of lines) {
    const [attributes, , name] = values(line.replace(/^\* LIST /, ""));
    const cannot = (attributes as Value[]).some((one) => /^\\(NoSelect|NonExistent)$/i.test(String(one)));
    if (!cannot) names.push(String(name));
  }
  return names.sort();
}

/** Puts letters into their folders, which are made where they are missing. */
export async function fill(host: ImapHost, letters: readonly Letter[]): Promise<void> {
  using client = await enter(host);
  const there = new Set(await folderNames(client));
  for (const [folder, its] of Map.groupBy(letters, ({ folder }) => folder)) {
    if (!there.has(folder)) await client.ok(`CREATE ${quoted(folder)}`);
    for (let i = 0; i < its.length; i += BATCH) {
      const pieces = its.slice(i, i + BATCH).flatMap((
        { flags, date, text },
      ) => [` (${flags}) ${date} `, text]);
      await client.ok(`APPEND ${quoted(folder)}${pieces[0]}`, ...pieces.slice(1));
    }
  }
}

/** How many messages are there, in all folders; asked on one connection again and again. */
export class Counter implements Disposable {
  #client: ImapClient | undefined;

  constructor(private readonly host: ImapHost) {}

  /** Undefined: nobody answers. */
  async count(): Promise<number | undefined> {
    try {
      this.#client ??= await enter(this.host);
      let sum = 0;
      for (const name of await folderNames(this.#client)) {
        const { lines, status } = await this.#client.ask(`STATUS ${quoted(name)} (MESSAGES)`);
        // a folder may go between two commands
        if (status === "OK") sum += Number(/MESSAGES (\d+)/.exec(lines.join())![1]);
      }
      return sum;
    } catch (error) {
      this[Symbol.dispose]();
      if (error instanceof Disconnected || error instanceof Deno.errors.ConnectionRefused) return undefined;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#client?.close();
    this.#client = undefined;
  }
}

/** What of a mailbox counts. */
export interface Looked {
  /** Keywords beside the system's flags. */
  readonly keywords: boolean;
  /** INTERNALDATE. */
  readonly dates: boolean;
}

/** Reads it all. */
export async function stateOf(host: ImapHost, looked: Looked): Promise<MailboxState> {
  using client = await enter(host);
  const state = new Map<string, string[]>();
  for (const name of await folderNames(client)) {
    const messages: string[] = [];
    const { lines } = await client.ok(`EXAMINE ${quoted(name)}`);
    const count = Number(/^\* (\d+) EXISTS/m.exec(lines.join("\n"))![1]);
    for (let from = 1; from <= count; from += BATCH) {
      const reply = await client.ok(
        `FETCH ${from}:${Math.min(count, from + BATCH - 1)} (FLAGS INTERNALDATE BODY.PEEK[])`,
      );
      for (const message of fetched(reply.lines)) messages.push(await described(message, looked));
    }
    if (messages.length !== count) throw new Error(`${name} has ${messages.length} of ${count} messages`);
    state.set(name, messages.sort());
  }
  return state;
}

/** What one has and the other has not, a line each. */
export function differences(one: MailboxState, other: MailboxState): string[] {
  const found: string[] = [];
  for (const name of new Set([...one.keys(), ...other.keys()])) {
    const [these, those] = [one.get(name), other.get(name)];
    if (!these || !those) {
      found.push(`${these ? "only the first" : "only the second"} has the folder ${name}`);
      continue;
    }
    for (const [sign, left, right] of [["-", these, those], ["+", those, these]] as const) {
      const rest = new Map<string, number>();
      for (const message of right) rest.set(message, (rest.get(message) ?? 0) + 1);
      for (const message of left) {
        const count = rest.get(message) ?? 0;
        if (count === 0) found.push(`${sign} ${name}: ${message}`);
        else rest.set(message, count - 1);
      }
    }
  }
  return found;
}

/** How often each text is in a mailbox, by its hash. */
export function copies(state: MailboxState): Map<string, number> {
  const counts = new Map<string, number>();
  for (const message of [...state.values()].flat()) {
    const hash = message.slice(0, message.indexOf(" "));
    counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  return counts;
}

/** The hash of a text that has an octet a character. mbsync leaves a line of its own in what it brings over. */
export async function hashOf(text: string): Promise<string> {
  const plain = octets(text.replace(/^X-TUID: .*\r\n/m, ""));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", plain)).toHex().slice(0, 24);
}

async function described(message: ReadonlyMap<string, Value>, { keywords, dates }: Looked): Promise<string> {
  const flags = (message.get("FLAGS") as string[])
    .filter((flag) => flag !== "\\Recent" && (keywords || flag.startsWith("\\"))).sort();
  const date = dates ? ` ${new Date(String(message.get("INTERNALDATE"))).toISOString()}` : "";
  return `${await hashOf(String(message.get("BODY[]")))}${date} ${flags.join(" ")}`;
}
