/** The load on a thread of its own, so that measuring doesn't stand in its way. */

import { EventListeners } from "./event_listeners.ts";
import {
  imapAppend,
  imapCounts,
  imapFill,
  imapIdleClose,
  imapIdleOpen,
  imapOpen,
  imapPush,
  imapTimes,
} from "./imap_load.ts";
import { imapMix } from "./imap_mix.ts";
import { logIn, type LoginLoad } from "./login_load.ts";
import { emptyMaildrop, readMaildrop } from "./pop3_load.ts";
import { Sink } from "./sink.ts";
import { type Load, LoadConn, type LoadResult, sendLoad } from "./smtp_client.ts";

const idle: LoadConn[] = [];
let sink: Sink | undefined;
let listeners: EventListeners | undefined;
let beside: { readonly end: AbortController; readonly result: Promise<LoadResult> } | undefined;

/** What the worker does; `LoadWorker` in `load.ts` calls these by name. */
const tasks = {
  send: (load: Load) => sendLoad(load),

  /** Begins to send beside another load. */
  sendBeside(load: Load): void {
    const end = new AbortController();
    const result = sendLoad(load, end.signal);
    result.catch(() => {}); // `besideEnd` tells
    beside = { end, result };
  },

  /** Ends it when its messages are through. */
  besideEnd(): Promise<LoadResult> {
    beside!.end.abort();
    return beside!.result;
  },

  /** Opens connections that have said EHLO, some at a time; answers how many there are. */
  async idleOpen(port: number, count: number): Promise<number> {
    while (idle.length < count) {
      const some = Math.min(50, count - idle.length);
      idle.push(...await Promise.all(Array.from({ length: some }, () => LoadConn.greet(port))));
    }
    return idle.length;
  },

  idleClose(): void {
    for (const conn of idle.splice(0)) conn.close();
  },

  /** So many STARTTLS handshakes, 20 at a time; answers how many a second. */
  async handshakes(port: number, count: number, cert: string): Promise<number> {
    const from = performance.now();
    let left = count;
    const run = async () => {
      while (left-- > 0) await LoadConn.startTls(port, cert);
    };
    await Promise.all(Array.from({ length: 20 }, run));
    return count * 1000 / (performance.now() - from);
  },

  sinkOpen(): number {
    sink = new Sink();
    return sink.port;
  },

  /** Answers how many came, when it is `count` or after `ms`. */
  async sinkUntil(count: number, ms: number): Promise<number> {
    await sink!.until(count, ms);
    return sink!.count;
  },

  sinkClose(): void {
    sink?.close();
    sink = undefined;
  },

  /** Opens so many streams of events. */
  async listen(port: number, count: number): Promise<void> {
    listeners = await EventListeners.open(port, count);
  },

  /** Ends them; answers how many bytes came. */
  listened: (): number => listeners!.close(),

  readMaildrop,
  emptyMaildrop,

  imapMix,
  imapAppend,
  imapCounts,
  imapFill,
  imapIdleClose,
  imapIdleOpen,
  imapOpen,
  imapPush,
  imapTimes,

  logIn: (load: LoginLoad) => logIn(load),
};

/** The tasks, for who calls them from another thread. */
export type Tasks = typeof tasks;

interface Call {
  readonly id: number;
  readonly name: keyof Tasks;
  readonly args: unknown[];
}

const port = self as unknown as {
  onmessage: (event: MessageEvent<Call>) => void;
  postMessage(answer: unknown): void;
};

port.onmessage = async ({ data: { id, name, args } }) => {
  try {
    const run = tasks[name] as (...args: unknown[]) => unknown;
    port.postMessage({ id, value: await run(...args) });
  } catch (error) {
    port.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
};
