/** A server as a process of its own: started like an operator would, read, signalled, killed. */

const ROOT = new URL("../../../", import.meta.url);

/** The listeners on free ports of loopback. */
export const FREE_PORTS: Readonly<Record<string, string>> = {
  DINOPOST_LISTEN_SMTP: "127.0.0.1:0",
  DINOPOST_LISTEN_POP3: "127.0.0.1:0",
  DINOPOST_LISTEN_ADMIN: "127.0.0.1:0",
};

/** A kind of listener. */
export type Kind =
  | "smtp"
  | "submission"
  | "submissions"
  | "lmtp"
  | "pop3"
  | "pop3s"
  | "imap"
  | "imaps"
  | "admin";

/** How the process is run. */
export interface ProcessOptions {
  /** Where it runs; `./data` is its data directory unless told otherwise. */
  readonly cwd: string;
  /** The program, from the root of the tree. Default: `mod.ts`. */
  readonly entry?: string;
  /** Default: `serve`. */
  readonly args?: readonly string[];
  /** Beside what a process needs; nothing else of this environment reaches it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of `deno run`; default `-A`. */
  readonly flags?: readonly string[];
  /** Limits of the process's memory and the like: a program and arguments to put in front. */
  readonly within?: readonly string[];
}

/** How a process ended. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly out: string;
  readonly err: string;
}

/** A process that runs `mod.ts`. */
export class ServerProcess implements AsyncDisposable {
  /** All it said so far on stdout. */
  out = "";
  /** All it said so far on stderr. */
  err = "";
  readonly #child: Deno.ChildProcess;
  readonly #streams: Promise<unknown>;
  #over = false;
  #watchers: (() => void)[] = [];

  /** Starts a process. */
  constructor(options: ProcessOptions) {
    const { cwd, entry = "mod.ts", args = ["serve"], flags = ["-A"], within = [] } = options;
    const config = ["--config", new URL("deno.json", ROOT).pathname];
    const deno = [Deno.execPath(), "run", "--quiet", ...flags, ...config, new URL(entry, ROOT).pathname];
    const [program, ...rest] = [...within, ...deno, ...args];
    this.#child = new Deno.Command(program!, {
      args: rest,
      cwd,
      clearEnv: true,
      env: { ...kept("PATH", "HOME", "DENO_DIR"), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#streams = Promise.all([
      this.#read(this.#child.stdout, (text) => this.out += text),
      this.#read(this.#child.stderr, (text) => this.err += text),
    ]).then(() => {
      this.#over = true;
      this.#changed();
    });
  }

  /** Starts a server and waits for the line that says `ready`. */
  static async ready(options: ProcessOptions): Promise<ServerProcess> {
    const server = new ServerProcess(options);
    try {
      await server.until(() => server.#readyLine !== undefined, "the line that says ready");
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Where it listens, as the line that says `ready` tells. */
  address(kind: Kind): { hostname: string; port: number } {
    const [, list] = new RegExp(` ${kind}=(\\[[^\\]]*\\])`).exec(this.#readyLine ?? "") ?? [];
    const [first] = JSON.parse(list ?? "[]") as string[];
    if (first === undefined) throw new Error(`The server tells of no ${kind}: ${this.err}`);
    const colon = first.lastIndexOf(":");
    return { hostname: first.slice(0, colon), port: Number(first.slice(colon + 1)) };
  }

  /** `http://host:port` of its HTTP surface. */
  get url(): string {
    const { hostname, port } = this.address("admin");
    return `http://${hostname}:${port}`;
  }

  /** Resolves when what it says makes the condition true; throws when it ends before, or takes too long. */
  async until(condition: () => boolean, what: string, withinMs = 20_000): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#changed();
    }, withinMs);
    try {
      while (!condition()) {
        if (late || this.#over) {
          const why = late ? `took longer than ${withinMs} ms` : "ended";
          throw new Error(`The server ${why}; expected ${what}\nstdout: ${this.out}\nstderr: ${this.err}`);
        }
        await new Promise<void>((resolve) => this.#watchers.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when it has said these words on stderr. */
  said(words: string): Promise<void> {
    return this.until(() => this.err.includes(words), `"${words}" on stderr`);
  }

  /** Sends it a signal; nothing happens when it has ended. */
  signal(name: Deno.Signal): void {
    try {
      this.#child.kill(name);
    } catch {
      // it has ended
    }
  }

  /** Its end. Kills it when that takes too long. */
  async end(withinMs = 30_000): Promise<Ended> {
    const timer = setTimeout(() => {
      this.err += `\n[killed by the test: still there after ${withinMs} ms]\n`;
      this.signal("SIGKILL");
    }, withinMs);
    const { code, signal } = await this.#child.status;
    await this.#streams;
    clearTimeout(timer);
    return { code, signal, out: this.out, err: this.err };
  }

  /** How much memory it has in use now, and had at most, in bytes. */
  async memory(): Promise<{ now: number; peak: number }> {
    const status = await Deno.readTextFile(`/proc/${this.pid}/status`);
    const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
    return { now: kib("VmRSS") * 1024, peak: kib("VmHWM") * 1024 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.end();
  }

  get #readyLine(): string | undefined {
    return /^.* INFO ready .*\n/m.exec(this.err)?.[0];
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, add: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      add(text);
      this.#changed();
    }
  }

  #changed(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}

function kept(...names: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = Deno.env.get(name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}
