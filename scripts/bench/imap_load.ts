/** What IMAP clients do to be measured, beside the mix. */

import { ImapClient } from "../../tests/support/imap_client.ts";
import { letterOf } from "./imap_letters.ts";

/** Whose mailbox it is. */
export interface ImapUser {
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

const BATCH = 100;
const idle: ImapClient[] = [];

function enter({ port, user, password }: ImapUser, room?: number): Promise<ImapClient> {
  return ImapClient.login({ hostname: "127.0.0.1", port }, user, password, room);
}

/** Puts letters into a folder, which is made when it is missing, 100 a command; answers the messages a second. */
export async function imapFill(
  of: ImapUser & { folder: string; messages: number; size?: number },
): Promise<number> {
  using client = await enter(of);
  if (of.folder !== "INBOX") await client.ask(`CREATE ${of.folder}`);
  const from = performance.now();
  for (let n = 0; n < of.messages; n += BATCH) {
    const letters = Array.from(
      { length: Math.min(BATCH, of.messages - n) },
      (_, i) => letterOf(n + i, of.size),
    );
    await client.skim(`APPEND ${of.folder} `, ...letters.flatMap((one, i) => i === 0 ? [one] : [" ", one]));
  }
  return of.messages * 1000 / (performance.now() - from);
}

/** Does the commands in the folder, one after the other; answers how long each took, in milliseconds. */
export async function imapTimes(
  of: ImapUser & { folder: string; commands: readonly string[] },
): Promise<number[]> {
  using client = await enter(of);
  await client.ok(`SELECT ${of.folder}`);
  const times: number[] = [];
  for (const command of of.commands) {
    const from = performance.now();
    const { status, text } = await client.skim(command);
    times.push(performance.now() - from);
    if (status !== "OK") throw new Error(`${command} was answered by ${status} ${text}`);
  }
  return times;
}

/** How many answers a FETCH or STORE has, and what SEARCH finds: the figures mean something only if these are right. */
export async function imapCounts(
  of: ImapUser & { folder: string; commands: readonly string[] },
): Promise<number[]> {
  using client = await enter(of);
  await client.ok(`SELECT ${of.folder}`);
  const counts: number[] = [];
  for (const command of of.commands) {
    const { lines } = await client.ok(command);
    const found = lines.map((line) => /^\* SEARCH ?(.*)$/.exec(line)).find((one) => one !== null);
    counts.push(
      found
        ? found[1]!.split(" ").filter(Boolean).length
        : lines.filter((line) => / FETCH /.test(line)).length,
    );
  }
  return counts;
}

/** Opens the folder in a new session; answers how long SELECT took and how many messages it told of. */
export async function imapOpen(of: ImapUser & { folder: string }): Promise<{ ms: number; messages: number }> {
  using client = await enter(of);
  const from = performance.now();
  const { lines } = await client.ok(`SELECT ${of.folder}`);
  const ms = performance.now() - from;
  return { ms, messages: Number(/^\* (\d+) EXISTS/m.exec(lines.join("\n"))?.[1]) };
}

/** Each user appends letters of 4 KiB one by one, all at once; answers the messages a second. */
export async function imapAppend(
  of: { port: number; users: readonly string[]; password: string; messages: number },
): Promise<{ rate: number; p50: number; p99: number }> {
  const clients = await Promise.all(of.users.map((user) => enter({ ...of, user })));
  const lasted: number[] = [];
  let begun = 0;
  const from = performance.now();
  await Promise.all(clients.map(async (client) => {
    for (let n = begun++; n < of.messages; n = begun++) {
      const sent = performance.now();
      await client.ok("APPEND INBOX (\\Seen) ", letterOf(n));
      lasted.push(performance.now() - sent);
    }
  }));
  const rate = of.messages * 1000 / (performance.now() - from);
  for (const client of clients) client.close();
  return { rate, ...shares(lasted) };
}

/** One idles, another appends; answers how long it took from the sending of APPEND until the first one was told. */
export async function imapPush(of: ImapUser & { rounds: number }): Promise<{ p50: number; p99: number }> {
  using listener = await enter(of);
  using writer = await enter(of);
  await listener.ok("SELECT INBOX");
  const lasted: number[] = [];
  for (let n = 0; n < of.rounds; n++) {
    const tag = await listener.idle();
    const told = (async () => {
      while (!/^\* \d+ EXISTS/.test(await listener.line()));
      return performance.now();
    })();
    // as long as a person takes, but not in step with anything that the server does each second
    await new Promise((resolve) => setTimeout(resolve, 20 + n % 37));
    const sent = performance.now();
    await writer.ok("APPEND INBOX ", letterOf(n));
    lasted.push(await told - sent);
    await listener.done(tag);
  }
  return shares(lasted);
}

/** Opens sessions that idle in INBOX, in turn of these users; answers how many there are. */
export async function imapIdleOpen(
  of: { port: number; users: readonly string[]; password: string; count: number },
): Promise<number> {
  const open = async () => {
    const client = await enter({ ...of, user: of.users[idle.length % of.users.length]! }, 4096);
    idle.push(client);
    await client.ok("SELECT INBOX");
    await client.idle();
  };
  while (idle.length < of.count) {
    await Promise.all(Array.from({ length: Math.min(20, of.count - idle.length) }, open));
  }
  return idle.length;
}

/** Ends them. */
export function imapIdleClose(): void {
  for (const client of idle.splice(0)) client.close();
}

function shares(lasted: number[]): { p50: number; p99: number } {
  lasted.sort((a, b) => a - b);
  const at = (share: number) => lasted[Math.floor(lasted.length * share)]!;
  return { p50: at(0.5), p99: at(0.99) };
}
