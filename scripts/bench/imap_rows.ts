/** The rows of the table that measure IMAP: a Dovecot and dinopost in one run, dinopost's row with the ratio to Dovecot's. */

import type { Bench, Row } from "./bench.ts";
import { IMAP_PEERS, type ImapPeer, PASSWORD } from "./imap_peers.ts";

const USERS = Array.from({ length: 100 }, (_, n) => `user${n + 1}@local.test`);
/** Enough where not the number of mailboxes is measured; each password is hashed at a server's first start. */
const FEW = USERS.slice(0, 32);
const READ = 5300;
const LARGE = 200_000;
const ROUNDS = 7;

/** What one server came to. */
interface Figure extends Omit<Row, "what" | "value" | "target"> {
  readonly value: number;
  /** What it should be for dinopost: a bound of its own, or a multiple of Dovecot's value, at most or at least. */
  readonly bound?: { readonly most?: number; readonly least?: number; readonly times?: "of Dovecot's" };
}

type Figures = Record<string, Figure>;

/** What is done by many users. */
const MANY: readonly unknown[] = [mix, idling];

/** All of it; what fails is told at the end and does not stop the rest. */
export async function imap(bench: Bench): Promise<void> {
  const failures: string[] = [];
  for (const measure of [mix, reading, changing, appending, pushing, idling, large]) {
    const dovecots: Figures = {};
    for (const [name, start] of Object.entries(IMAP_PEERS)) {
      try {
        await using peer = await start(bench, MANY.includes(measure) ? USERS : FEW);
        if (!peer) continue;
        const figures = await measure(bench, peer);
        for (const [what, figure] of Object.entries(figures)) tell(bench, { name, what, figure, dovecots });
        if (name === "Dovecot") Object.assign(dovecots, figures);
      } catch (error) {
        failures.push(`${measure.name}, ${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  if (failures.length > 0) throw new Error(failures.join("; "));
}

function tell(
  bench: Bench,
  { name, what, figure, dovecots }: { name: string; what: string; figure: Figure; dovecots: Figures },
): void {
  const { bound, ...row } = figure;
  const other = dovecots[what]?.value;
  const said: string[] = [];
  if (name !== "Dovecot") {
    const [sign, limit] = bound?.most !== undefined ? ["≤", bound.most] : ["≥", bound?.least];
    const factor = bound?.times ? other : 1;
    if (limit !== undefined && factor !== undefined) said.push(`${sign} ${round(limit * factor)}`);
    if (other !== undefined) said.push(`is ${round(row.value / other)} × Dovecot's`);
  }
  bench.tell({ what: `IMAP ${what}, ${name}`, ...row, ...(said.length > 0 && { target: said.join("; ") }) });
}

function round(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** The mix of imaptest, see `imap_mix.ts`. */
async function mix(bench: Bench, peer: ImapPeer): Promise<Figures> {
  for (const user of USERS) await fill(bench, peer, { user, messages: 30 });
  const load = { port: peer.port, users: USERS, password: PASSWORD };
  await bench.load.run("imapMix", { ...load, clients: 10, seconds: 1 });
  const figures: Figures = {};
  for (const clients of [1, 10, 50]) {
    const found = await bench.load.run("imapMix", { ...load, clients, seconds: 2 * bench.seconds });
    const { p50, p99 } = found;
    figures[`mix, ${clients} ${clients === 1 ? "client" : "clients"}`] = {
      value: found.commands * 1000 / found.ms,
      unit: "commands/s",
      p50,
      p99,
      bound: { least: 1, times: "of Dovecot's" },
    };
  }
  return figures;
}

/** What a client asks of a mailbox of 5,300 messages. */
async function reading(bench: Bench, peer: ImapPeer): Promise<Figures> {
  const of = await filled(bench, peer, READ);
  const listing = "UID FETCH 1:* (ENVELOPE BODYSTRUCTURE FLAGS INTERNALDATE RFC822.SIZE)";
  const asked: Record<string, [command: string, count: number, most?: number]> = {
    "FLAGS of 5,300": ["UID FETCH 1:* (FLAGS)", READ, 1.3],
    "ENVELOPE, BODYSTRUCTURE … of 5,300": [listing, READ, 1],
    "BODY.PEEK[] of 5,300": ["UID FETCH 1:* (BODY.PEEK[])", READ, 2],
    "SEARCH SUBJECT in 5,300": ['UID SEARCH SUBJECT "Letter 4711"', 1],
    "SEARCH BODY in 5,300": ["UID SEARCH BODY xylophone", READ / 100, 0.25],
  };
  const figures: Figures = {};
  const [first] = await bench.load.run("imapTimes", { ...of, commands: [listing] });
  const most = (times: number) => ({ bound: { most: times, times: "of Dovecot's" as const } });
  figures["ENVELOPE, BODYSTRUCTURE … of 5,300, first"] = { value: first!, unit: "ms", ...most(1) };
  for (const [what, [command, count, times]] of Object.entries(asked)) {
    const [found] = await bench.load.run("imapCounts", { ...of, commands: [command] });
    if (found !== count) throw new Error(`${command} answers ${found} instead of ${count}`);
    const lasted = await bench.load.run("imapTimes", { ...of, commands: Array(ROUNDS).fill(command) });
    figures[what] = { value: median(lasted), unit: "ms", ...(times !== undefined && most(times)) };
  }
  return figures;
}

/** Flags, copies, moves. */
async function changing(bench: Bench, peer: ImapPeer): Promise<Figures> {
  const of = await filled(bench, peer, READ);
  for (const folder of ["Copies", "Moved"]) await fill(bench, peer, { user: of.user, folder, messages: 0 });
  const timed = async (folder: string, commands: string[]) =>
    median(await bench.load.run("imapTimes", { ...of, folder, commands }));
  const flags = Array.from(
    { length: ROUNDS },
    (_, n) => `UID STORE 1:* ${n % 2 ? "-" : "+"}FLAGS.SILENT (\\Flagged)`,
  );
  const copies = Array<string>(5).fill("COPY 1:1000 Copies");
  return {
    "STORE 1:* FLAGS.SILENT of 5,300": { value: await timed("INBOX", flags), unit: "ms" },
    "COPY of 1,000": { value: await timed("INBOX", copies), unit: "ms" },
    "MOVE of 1,000": { value: await timed("Copies", Array(5).fill("MOVE 1:1000 Moved")), unit: "ms" },
  };
}

async function appending(bench: Bench, peer: ImapPeer): Promise<Figures> {
  const figures: Figures = {};
  for (const clients of [1, 20]) {
    const load = { port: peer.port, users: USERS.slice(0, clients), password: PASSWORD };
    await bench.load.run("imapAppend", { ...load, messages: 200 });
    const { rate, p50, p99 } = await bench.load.run("imapAppend", {
      ...load,
      messages: 1000 * bench.seconds,
    });
    figures[`APPEND 4 KiB, ${clients} ${clients === 1 ? "client" : "clients"}`] = {
      value: rate,
      unit: "messages/s",
      p50,
      p99,
    };
  }
  const user = USERS[30]!;
  const rate = await fill(bench, peer, { user, messages: 2000 * bench.seconds });
  figures["APPEND 4 KiB, 100 by one command"] = { value: rate, unit: "messages/s" };
  return figures;
}

/** How soon IDLE tells of a new message. */
async function pushing(bench: Bench, peer: ImapPeer): Promise<Figures> {
  const of = { port: peer.port, user: USERS[0]!, password: PASSWORD };
  await bench.load.run("imapPush", { ...of, rounds: 5 });
  const { p50, p99 } = await bench.load.run("imapPush", { ...of, rounds: 20 * bench.seconds });
  return { "IDLE tells of an APPEND, p99": { value: p99, unit: "ms", p50, p99, bound: { most: 20 } } };
}

async function idling(bench: Bench, peer: ImapPeer): Promise<Figures> {
  for (const user of USERS) await fill(bench, peer, { user, messages: 1 });
  const before = peer.memory();
  if (before === undefined) return {}; // the system doesn't tell
  try {
    const load = { port: peer.port, users: USERS, password: PASSWORD, count: 1000 };
    await bench.load.run("imapIdleOpen", load);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const value = (peer.memory()! - before) / load.count;
    return { "idle, 1,000 connections": { value, unit: "KiB each", bound: { most: 25 } } };
  } finally {
    await bench.load.run("imapIdleClose");
  }
}

/** A folder of 200,000 messages, opened by the first session after a start, and by the next one. */
async function large(bench: Bench, peer: ImapPeer): Promise<Figures> {
  const user = USERS[0]!;
  await fill(bench, peer, { user, messages: LARGE, size: 700 });
  await peer.restart();
  const of = { port: peer.port, user, password: PASSWORD, folder: "INBOX" };
  // another user's session: the code is warm then
  await bench.load.run("imapOpen", { ...of, user: USERS[1]! });
  const before = peer.memory();
  const first = await bench.load.run("imapOpen", of);
  const after = peer.memory();
  const next = await bench.load.run("imapOpen", of);
  if (first.messages !== LARGE) throw new Error(`The folder has ${first.messages} of ${LARGE}`);
  const figures: Figures = {
    "SELECT of 200,000, first": { value: first.ms, unit: "ms", bound: { most: 50 } },
    "SELECT of 200,000, again": { value: next.ms, unit: "ms" },
  };
  if (before !== undefined && after !== undefined) {
    figures["memory of 200,000 opened"] = {
      value: (after - before) / 1024,
      unit: "MiB",
      bound: { most: 60 },
    };
  }
  return figures;
}

async function filled(bench: Bench, peer: ImapPeer, messages: number) {
  const of = { port: peer.port, user: USERS[0]!, password: PASSWORD, folder: "INBOX" };
  await fill(bench, peer, { user: of.user, messages });
  return of;
}

function fill(
  bench: Bench,
  { port }: ImapPeer,
  of: { user: string; folder?: string; messages: number; size?: number },
): Promise<number> {
  return bench.load.run("imapFill", { port, password: PASSWORD, folder: "INBOX", ...of });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
