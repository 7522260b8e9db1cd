/** The SMTP server for tests that says what its script has, also what no server should say. */

import { encode } from "../base/bytes.ts";
import { type Clock, sleep, systemClock } from "../base/clock.ts";
import type { ByteConn } from "../wire/byte_conn.ts";
import { tcpConn } from "../wire/tcp_conn.ts";
import { type ServerTls, serverTls } from "../wire/tls.ts";
import type { Answer, Answers, PeerMessage, PeerScript, PeerSession, PeerStage } from "./peer_script.ts";
import { type PeerHost, ScriptedTalk } from "./scripted_talk.ts";

const DEFAULTS: Readonly<Record<PeerStage, Answer>> = {
  greeting: "220 peer.example ESMTP",
  ehlo: "", // made of the extensions
  helo: "250 peer.example",
  starttls: "220 2.0.0 Go ahead",
  auth: "235 2.7.0 Welcome",
  mail: "250 2.1.0 Sender ok",
  rcpt: "250 2.1.5 Recipient ok",
  data: "354 Go ahead",
  bdat: "", // what `end` says
  end: "250 2.0.0 Ok: queued as 4AB",
  rset: "250 2.0.0 Reset",
  quit: "221 2.0.0 Bye",
  other: "500 5.5.1 Unknown command",
};
const EXTENSIONS = ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE", "DSN"];

/** A scripted server on a loopback address. */
export class ScriptedPeer {
  /** Every connection so far, in the order they came. */
  readonly sessions: PeerSession[] = [];
  readonly #listener: Deno.TcpListener;
  readonly #clock: Clock;
  readonly #conns = new Set<ByteConn>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #script: PeerScript;
  #turns = new Map<PeerStage, number>();
  #tls: ServerTls | undefined;
  #watchers: (() => void)[] = [];

  private constructor(script: PeerScript, listener: Deno.TcpListener, clock: Clock) {
    this.#script = script;
    this.#listener = listener;
    this.#clock = clock;
  }

  /** Listens. Default: a free port of 127.0.0.1. */
  static start(
    script: PeerScript = {},
    options: { hostname?: string; port?: number; clock?: Clock } = {},
  ): ScriptedPeer {
    const listener = Deno.listen({ hostname: options.hostname ?? "127.0.0.1", port: options.port ?? 0 });
    const peer = new ScriptedPeer(script, listener, options.clock ?? systemClock);
    peer.#run(peer.#accept());
    return peer;
  }

  /** Where it listens. */
  get address(): { hostname: string; port: number } {
    const { hostname, port } = this.#listener.addr;
    return { hostname, port };
  }

  /** What was taken over all connections. */
  get messages(): PeerMessage[] {
    return this.sessions.flatMap((session) => session.messages);
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#conns.size;
  }

  /** Another script from now on; answers in turn start again. */
  set script(script: PeerScript) {
    this.#script = script;
    this.#turns = new Map();
    this.#tls = undefined;
  }

  /** Resolves when something that came makes the condition true. */
  async until(condition: (peer: ScriptedPeer) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** Closes every connection, saying `last` first when it is given. */
  async hangUp(last?: string): Promise<void> {
    for (const conn of [...this.#conns]) {
      if (last !== undefined) await conn.write(encode(`${last}\r\n`)).catch(() => {});
      conn.close();
      this.#conns.delete(conn);
    }
  }

  /** Stops listening and closes all. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#listener.close();
    await this.hangUp();
    await Promise.all(this.#tasks);
  }

  /** Stops listening and closes every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What to do at a stage now. */
  answer(stage: PeerStage, line: string): Answer {
    const answers = this.#script[stage];
    if (answers === undefined) return stage === "ehlo" ? this.#offer() : DEFAULTS[stage];
    if (typeof answers === "function") return answers(line);
    if (!isList(answers)) return answers;
    const turn = this.#turns.get(stage) ?? 0;
    this.#turns.set(stage, turn + 1);
    return answers[Math.min(turn, answers.length - 1)] ?? DEFAULTS[stage];
  }

  #offer(): string {
    const offered = [...this.#script.extensions ?? EXTENSIONS];
    if (this.#script.tls && !this.#script.tls.implicit) offered.push("STARTTLS");
    const lines = ["peer.example", ...offered];
    return lines.map((line, i) => `250${i < lines.length - 1 ? "-" : " "}${line}`).join("\r\n");
  }

  #run(task: Promise<void>): void {
    const caught = task.catch(() => {}).then(() => void this.#tasks.delete(caught));
    this.#tasks.add(caught);
  }

  async #accept(): Promise<void> {
    for await (const raw of this.#listener) this.#run(this.#serve(tcpConn(raw)));
  }

  async #serve(conn: ByteConn): Promise<void> {
    const session: PeerSession = { lines: [], groups: [], messages: [], tls: false, closed: false };
    this.sessions.push(session);
    const host: PeerHost = {
      script: () => this.#script,
      answer: (stage, line) => this.answer(stage, line),
      wait: (ms) => sleep(this.#clock, ms, this.#stop.signal),
      changed: () => this.#changed(),
      swap: (from, to) => {
        this.#conns.delete(from);
        this.#conns.add(to);
      },
      tls: () => this.#tls ??= serverTls(this.#script.tls!),
    };
    this.#conns.add(conn);
    this.#changed();
    const talk = new ScriptedTalk(conn, session, host);
    try {
      await talk.run();
    } catch {
      // the client went, or the peer hung up: both are part of the play
    } finally {
      session.closed = true;
      talk.conn.close();
      this.#conns.delete(talk.conn);
      this.#changed();
    }
  }

  #changed(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const watcher of watchers) watcher();
  }
}

function isList(answers: Answers): answers is readonly Answer[] {
  return Array.isArray(answers);
}
