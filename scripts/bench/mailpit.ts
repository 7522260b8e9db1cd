/**
 * A real Mailpit (https://github.com/axllent/mailpit) to be measured beside ours. The program is the one that the
 * environment variable `INTEROP_MAILPIT` names, else where `go install` puts it, else `mailpit` in the path.
 */

/** How long it may take to start, in milliseconds. */
const START_MS = 20_000;
const PAUSE_MS = 20;

/** A running Mailpit, without look-ups of the clients' names. */
export class Mailpit implements AsyncDisposable {
  /** The port of its API. */
  readonly admin: number;
  readonly smtp: number;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, { admin, smtp }: { admin: number; smtp: number }) {
    this.#child = child;
    this.admin = admin;
    this.smtp = smtp;
  }

  /** Starts one that keeps all it gets; undefined: there is no such program here. */
  static async start(): Promise<Mailpit | undefined> {
    const program = await findProgram();
    if (program === undefined) return undefined;
    const [admin, smtp] = [freePort(), freePort()];
    const args = ["--listen", `127.0.0.1:${admin}`, "--smtp", `127.0.0.1:${smtp}`, "--max", "0", "--quiet"];
    args.push("--smtp-disable-rdns", "--disable-version-check");
    const child = new Deno.Command(program, { args, stdout: "null", stderr: "null" }).spawn();
    const mailpit = new Mailpit(child, { admin, smtp });
    for (const port of [admin, smtp]) await answers(port);
    return mailpit;
  }

  /** Its memory in MiB (where the system tells: Linux). */
  memory(): number | undefined {
    try {
      const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
    } catch {
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
  }
}

async function findProgram(): Promise<string | undefined> {
  const { INTEROP_MAILPIT, GOBIN, GOPATH, HOME } = Deno.env.toObject();
  const gone = GOBIN ?? `${GOPATH ?? `${HOME}/go`}/bin`;
  for (const program of [INTEROP_MAILPIT, `${gone}/mailpit`, "mailpit"]) {
    if (!program) continue;
    try {
      const command = new Deno.Command(program, { args: ["version"], stdout: "null", stderr: "null" });
      await command.output();
      return program;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function answers(port: number): Promise<void> {
  for (const late = performance.now() + START_MS;;) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (performance.now() > late) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
