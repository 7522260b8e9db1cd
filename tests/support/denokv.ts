/**
 * A real denokv server (https://github.com/denoland/denokv) for tests. The program is the one that the environment
 * variable `DENOKV` names, else `denokv` in the path; where there is none, what needs it is left out.
 */

/** The access token of every server started here. */
const TOKEN = "a token for tests";
/** How long it may take to start. */
const START_MS = 10_000;
const TICKS_PER_SECOND = 100;

/** Where a server is and what it has. */
export interface DenokvOptions {
  /** Where the database is; default: a folder of its own, which goes with the server. */
  readonly dir?: string;
  /** Default: a free one. */
  readonly port?: number;
}

/** A running server. */
export class Denokv implements AsyncDisposable {
  /** What a client gives to `Deno.openKv`. */
  readonly url: string;
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** The access token that it has to be given in `DENO_KV_ACCESS_TOKEN`. */
  readonly token = TOKEN;
  readonly #program: string;
  readonly #dir: string;
  readonly #ownsDir: boolean;
  #child: Deno.ChildProcess;

  private constructor(program: string, at: { port: number; dir: string; ownsDir: boolean }) {
    this.#program = program;
    this.#dir = at.dir;
    this.#ownsDir = at.ownsDir;
    this.port = at.port;
    this.url = `http://127.0.0.1:${at.port}`;
    this.#child = this.#spawn();
  }

  /** Starts a server, with an empty database unless `dir` has one. */
  static async start(options: DenokvOptions = {}): Promise<Denokv> {
    const program = await findDenokv();
    if (program === undefined) throw new Error("There is no denokv: set DENOKV to its path");
    const dir = options.dir ?? await Deno.makeTempDir({ prefix: "dinopost_denokv_" });
    const port = options.port ?? freePort();
    const server = new Denokv(program, { port, dir, ownsDir: options.dir === undefined });
    await server.#ready();
    return server;
  }

  /** It does nothing any more, and its connections stay. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  /** It goes on. */
  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** Its number in the system. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Seconds of CPU so far (where the system tells: Linux). */
  cpu(): number {
    const fields = Deno.readTextFileSync(`/proc/${this.#child.pid}/stat`).split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Kills it, and starts one on the same database and port: as another process, which knows no token of before. */
  async restart(): Promise<void> {
    await this.kill();
    this.#child = this.#spawn();
    await this.#ready();
  }

  /** Kills it. */
  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#child.status;
  }

  #spawn(): Deno.ChildProcess {
    const serve = ["serve", "--access-token", TOKEN, "--addr", `127.0.0.1:${this.port}`];
    return new Deno.Command(this.#program, {
      args: ["--sqlite-path", `${this.#dir}/kv.sqlite3`, ...serve],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async #ready(): Promise<void> {
    for (const end = performance.now() + START_MS;;) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: this.port })).close();
        return;
      } catch (error) {
        if (performance.now() > end) {
          await this[Symbol.asyncDispose]();
          throw error;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends it, and removes a database of its own. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    if (this.#ownsDir) await Deno.remove(this.#dir, { recursive: true });
  }
}

/** Where the program is; undefined when this machine has none. */
export async function findDenokv(): Promise<string | undefined> {
  const named = Deno.env.get("DENOKV");
  const inPath = (Deno.env.get("PATH") ?? "").split(":").map((dir) => `${dir}/denokv`);
  for (const path of named === undefined ? inPath : [named]) {
    try {
      if ((await Deno.stat(path)).isFile) return path;
    } catch {
      // not there
    }
  }
  return undefined;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
