/**
 * In charge of a real denokv server (https://github.com/denoland/denokv) for tests. The program is the one that the
 * environment variable `DENOKV` names, else `denokv` in the path; where there is none, what needs it is left out.
 */

/** The access token of every server started here. */
const TOKEN = "a token for tests";
/** How long it may take to start. */
const START_MS = 10_000;

/** A running server. */
export class Denokv implements AsyncDisposable {
  /** What a client gives to `Deno.openKv`. */
  readonly url: string;
  /** The access token that it has to be given in `DENO_KV_ACCESS_TOKEN`. */
  readonly token = TOKEN;
  readonly #child: Deno.ChildProcess;
  readonly #dir: string;

  private constructor(child: Deno.ChildProcess, at: { port: number; dir: string }) {
    this.#child = child;
    this.#dir = at.dir;
    this.url = `http://127.0.0.1:${at.port}`;
  }

  /** Starts a server with an empty database. */
  static async start(): Promise<Denokv> {
    const program = await findDenokv();
    if (program === undefined) throw new Error("There is no denokv: set DENOKV to its path");
    const dir = await Deno.makeTempDir({ prefix: "dinopost_denokv_" });
    const port = freePort();
    const child = new Deno.Command(program, {
      args: [
        "--sqlite-path",
        `${dir}/kv.sqlite3`,
        "serve",
        "--access-token",
        TOKEN,
        "--addr",
        `127.0.0.1:${port}`,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const server = new Denokv(child, { port, dir });
    await server.#ready(port);
    return server;
  }

  async #ready(port: number): Promise<void> {
    for (const end = performance.now() + START_MS;;) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
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

  /** Ends it, and removes its database. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#child.status;
    await Deno.remove(this.#dir, { recursive: true });
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
