/** Two mailboxes and a program between them, whose runs can be cut off. */

import { removeTree } from "./programs.ts";
import { hostUnderTest, type ImapHost, otherHost } from "./imap_hosts.ts";
import { Counter } from "./imap_mailbox.ts";
import type { Syncer } from "./imap_syncers.ts";

/** A run of the program takes this long at most, for each thousand of messages, and half a minute beside. */
const RUN_MS = 60_000;
const BASE_MS = 30_000;

/** How a run ended. */
export interface Run {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly said: string;
}

/** The stage of a synchronisation. */
export class Syncing implements AsyncDisposable {
  readonly #counters: readonly Counter[];

  private constructor(
    private readonly syncer: Syncer,
    private readonly dir: string,
    private readonly args: readonly string[],
    /** The server under test, */
    readonly tested: ImapHost,
    /** and the other side. */
    readonly other: ImapHost,
    private readonly messages: number,
  ) {
    this.#counters = [tested, other].map((host) => new Counter(host));
  }

  static async open(syncer: Syncer, messages: number, host = hostUnderTest()): Promise<Syncing> {
    const dir = await Deno.makeTempDir({ prefix: "dinopost_sync_" });
    const tested = await host;
    const other = await otherHost();
    const args = await syncer.prepare(dir, other, tested);
    return new Syncing(syncer, dir, args, tested, other, messages);
  }

  /** Runs the program to its end. */
  async run(): Promise<Run> {
    const child = this.#spawn();
    const [out, err, { code, signal }] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.status,
    ]);
    return { code, signal, said: out + err };
  }

  /** Runs it again until it has ended well; what was interrupted may need that. */
  async runUntilWell(tries = 3): Promise<string[]> {
    const said: string[] = [];
    for (let n = 1; n <= tries; n++) {
      const run = await this.run();
      if (run.code === 0) return said;
      said.push(`${this.syncer.make} ended with ${run.signal ?? run.code}: ${run.said}`);
    }
    throw new Error(said.join("\n"));
  }

  /** Runs it, and does something in the middle: when so many messages are there in both mailboxes together. */
  async runUntil(messages: number, then: (kill: () => void) => Promise<void>): Promise<Run> {
    const child = this.#spawn();
    let over = false;
    const kill = () => void (over || child.kill("SIGKILL"));
    const reading = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    const ended = child.status.then((status) => {
      over = true;
      return status;
    });
    while (!over && await this.#count() < messages) await new Promise((resolve) => setTimeout(resolve, 5));
    await then(kill);
    const { code, signal } = await ended;
    await this.#settled();
    return { code, signal, said: (await reading).join("") };
  }

  /** Runs it and kills it after a time. */
  async runFor(ms: number): Promise<void> {
    const child = this.#spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), ms);
    await Promise.all([child.stdout.cancel(), child.stderr.cancel(), child.status]);
    clearTimeout(timer);
    await this.#settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const counter of this.#counters) counter[Symbol.dispose]();
    await this.tested[Symbol.asyncDispose]();
    await this.other[Symbol.asyncDispose]();
    await removeTree(this.dir);
  }

  /** Waits until the servers have done what they were still sent: the program does not know of it, and would double it. */
  async #settled(): Promise<void> {
    for (let before = -1, now = await this.#count(); now !== before;) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      [before, now] = [now, await this.#count()];
    }
  }

  async #count(): Promise<number> {
    const counts = await Promise.all(this.#counters.map((counter) => counter.count()));
    return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  }

  #spawn(): Deno.ChildProcess {
    return new Deno.Command(this.syncer.program, {
      args: [...this.args],
      cwd: this.dir,
      env: { HOME: this.dir, XDG_DATA_HOME: `${this.dir}/.local/share`, LC_ALL: "C.UTF-8" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(BASE_MS + RUN_MS * this.messages / 1000),
    }).spawn();
  }
}
