/** A receiving session for a test, in memory or over TCP. */

import { systemClock } from "../../../src/base/clock.ts";
import { ManualClock } from "../../../src/base/manual_clock.ts";
import { serveSmtp } from "../../../src/smtp/server/session.ts";
import type { SessionEvent } from "../../../src/smtp/server/session_event.ts";
import type { SmtpSessionOptions } from "../../../src/smtp/server/session_options.ts";
import { memoryPair, type MemoryPairOptions } from "../../../src/wire/memory_conn.ts";
import type { ByteConn } from "../../../src/wire/byte_conn.ts";
import { Deadlines } from "../../../src/wire/deadlines.ts";
import { fromAddress, tcpPair } from "../../support/conns.ts";
import { type FakeBehaviour, FakeReception } from "./fake_reception.ts";

const WATCHDOG_MS = 60_000;

/** What differs from the defaults. */
export interface HarnessOptions extends Partial<Omit<SmtpSessionOptions, "limits">> {
  limits?: Partial<SmtpSessionOptions["limits"]>;
  behaviour?: FakeBehaviour;
  /** Over TCP on loopback instead of memory. */
  tcp?: boolean;
  /** What the server takes for the client's address. */
  remote?: string;
  memory?: MemoryPairOptions;
  /** What the client does before the session begins. */
  before?: (conn: ByteConn) => Promise<void>;
}

/** A server's session and the client's end. */
export interface Harness {
  readonly conn: ByteConn;
  readonly server: ByteConn;
  readonly reception: FakeReception;
  readonly clock: ManualClock;
  readonly events: SessionEvent[];
  readonly closing: AbortController;
  /** Resolves when the session has ended. */
  readonly done: Promise<void>;
}

/** Starts a session. The caller closes `conn` and awaits `done`. */
export async function startSession(options: HarnessOptions = {}): Promise<Harness> {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const closing = new AbortController();
  const { behaviour, tcp, remote, memory, limits, before, ...rest } = options;
  const reception = new FakeReception(behaviour);
  const events: SessionEvent[] = [];
  const [conn, plain] = tcp ? await tcpPair() : memoryPair(memory);
  const server = fromAddress(plain, remote);
  // A session that doesn't end must not keep a test from ending.
  const watchdog = systemClock.schedule(WATCHDOG_MS, () => conn.close());
  await before?.(conn);
  const done = serveSmtp(server, {
    reception,
    hostname: "mail.howstuffworks.com",
    service: "smtp",
    clock,
    deadlines,
    auth: "never",
    id: "S1",
    closing: closing.signal,
    onEvent: (event) => void events.push(event),
    limits: {
      messageSize: 1_000_000,
      recipients: 100,
      commandTimeoutMs: 300_000,
      dataTimeoutMs: 600_000,
      errorsPerSession: 20,
      ...limits,
    },
    ...rest,
  }).finally(() => {
    watchdog.cancel();
    deadlines.close();
  });
  return { conn, server, reception, clock, events, closing, done };
}
