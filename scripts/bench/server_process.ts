/** The server under measurement: a process of its own, its start, its end, what it costs. */

import { cpuOf, memoryOf } from "./usage.ts";

/** What the server does with what it takes; see `serve.ts`. `plain`: as the task `capture` does. */
export type Mode = "hold" | "local" | "relay" | "capture" | "captureOnDisk" | "plain" | "imap";

const decoder = new TextDecoder();
/** As in the tasks: a young generation no larger than is of use, some 40 MiB less at 50 connections. */
const MEMORY = "--v8-flags=--max-semi-space-size=8";
const SERVE = new URL("./serve.ts", import.meta.url).pathname;
const MOD = new URL("../../mod.ts", import.meta.url).pathname;
/** Free ports for who starts without a configuration. */
const ANYWHERE = Object.fromEntries(
  ["SMTP", "POP3", "ADMIN"].map((name) => [`DINOPOST_LISTEN_${name}`, "127.0.0.1:0"]),
);
const START_MS = 20_000;
/** At its first start a server hashes the password of each account. */
const START_MS_ACCOUNT = 1000;
/** What opens its HTTP surface. */
export const TOKEN = "bench";

/** A running server. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  /** Its ports. */
  readonly smtp: number;
  readonly pop3: number;
  readonly admin: number;
  /** With further accounts only. */
  readonly submission: number;
  /** In mode `imap` only. */
  readonly imap: number;
  /** From the start of the process to its `ready` line: milliseconds. */
  readonly startMs: number;

  private constructor(
    child: Deno.ChildProcess,
    of: { smtp: number; pop3: number; admin: number; submission: number; imap: number; startMs: number },
  ) {
    this.#child = child;
    this.smtp = of.smtp;
    this.pop3 = of.pop3;
    this.admin = of.admin;
    this.submission = of.submission;
    this.imap = of.imap;
    this.startMs = of.startMs;
  }

  /**
   * Starts one on free ports, its data under `dir`; `sink` is the port that `relay` delivers to, `accounts` the number
   * of further accounts, `kv` a store that servers share.
   */
  static async start(
    dir: string,
    mode: Mode,
    sink = 0,
    accounts = 0,
    kv?: { readonly url: string; readonly token: string },
  ): Promise<ServerProcess> {
    const from = performance.now();
    const args = ["--port", "0", "--dir", dir, "--mode", mode];
    args.push("--sink", `127.0.0.1:${sink}`, "--accounts", String(accounts));
    const shared = kv ? { DINOPOST_KV: kv.url, DENO_KV_ACCESS_TOKEN: kv.token } : {};
    const child = new Deno.Command(Deno.execPath(), {
      args: mode === "plain"
        ? ["run", MEMORY, "-A", MOD, "serve", "--capture"]
        : ["run", MEMORY, "-A", SERVE, ...args],
      ...(mode === "plain" && { cwd: Deno.makeTempDirSync() }),
      env: mode === "plain" ? ANYWHERE : shared,
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), START_MS + accounts * START_MS_ACCOUNT);
    const { ready, said } = await readyLine(child);
    clearTimeout(timer);
    const startMs = performance.now() - from;
    if (ready === undefined) throw new Error(`The server did not start. It said:\n${said}`);
    const port = (kind: string) => Number(new RegExp(`${kind}=\\["[^"]*:(\\d+)"`).exec(ready)?.[1]);
    return new ServerProcess(child, {
      smtp: port("smtp"),
      pop3: port("pop3"),
      admin: port("admin"),
      submission: port("submission"),
      imap: port("imap"),
      startMs,
    });
  }

  /** Memory in MiB: now, and the most since the start (where the system tells: Linux). */
  memory(): { rss: number; peak: number } | undefined {
    return memoryOf(this.pid);
  }

  /** Seconds of CPU so far (where the system tells: Linux). */
  cpu(): number | undefined {
    return cpuOf(this.pid);
  }

  /** Asks the HTTP surface; answers what it said and how long it took. */
  async ask(path: string): Promise<{ ms: number; answer: Record<string, unknown> }> {
    const from = performance.now();
    const response = await fetch(`http://127.0.0.1:${this.admin}${path}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return { ms: performance.now() - from, answer };
  }

  /** Logs in on the page and looks at a view, with the style and the script it names; answers how long the look took. */
  async view(path: string): Promise<number> {
    const url = `http://127.0.0.1:${this.admin}`;
    const login = await fetch(`${url}/api/v1/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: TOKEN }),
    });
    const headers = { cookie: login.headers.get("set-cookie")!.split(";")[0]! };
    const from = performance.now();
    const response = await fetch(url + path, { headers });
    const page = await response.text();
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${page}`);
    const parts = [...page.matchAll(/<(?:link rel="stylesheet" href|script type="module" src)="([^"]+)"/g)];
    if (parts.length < 2) throw new Error(`GET ${path} names no style or no script: ${page}`);
    await Promise.all(parts.map(async ([, part]) => (await fetch(url + part)).bytes()));
    return performance.now() - from;
  }

  /** Its number in the system. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Ends it as an operator would. */
  async stop(): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // it has ended already
    }
    await this.#child.status;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Reads up to the line that says that it is ready; what comes later is read and thrown away. */
async function readyLine(child: Deno.ChildProcess): Promise<{ ready: string | undefined; said: string }> {
  const reader = child.stderr.getReader();
  let said = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return { ready: undefined, said };
    said += decoder.decode(value, { stream: true });
    const ready = said.split("\n").slice(0, -1).find((line) => / INFO ready /.test(line));
    if (ready === undefined) continue;
    reader.releaseLock();
    child.stderr.pipeTo(new WritableStream()).catch(() => {});
    return { ready, said };
  }
}
