/** The servers that take turns beside Postfix: that itself, bare Deno with KV commit groups, and dinopost. */

import { Bare } from "./bare.ts";
import type { Bench } from "./bench.ts";
import { Postfix, type PostfixHere, type PostfixMode } from "./postfix.ts";
import { ServerProcess } from "./server_process.ts";
import { cpuOf, memoryOf } from "./usage.ts";

/** Whose mailbox there is. */
export const LOCAL = "user@local.test";

/** A server under measurement. */
export interface Peer extends AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  /** Seconds of CPU so far, all its processes; undefined: it isn't running. */
  cpu(): number | undefined;
  /** The most memory it had: MiB. */
  peak(): number | undefined;
  /** How many messages are in the mailbox of {@linkcode LOCAL}. */
  delivered(): Promise<number>;
  /** After the mode `defer`: makes ready to deliver; what is there waits for `flush`. */
  deliver(): Promise<void>;
  /** Begins to deliver all that is there. */
  flush(): Promise<void>;
}

/** What one does; `sink` is the port that `relay` delivers to. */
export interface PeerWork {
  readonly mode: PostfixMode;
  readonly sink?: number;
  /** How much memory it has is looked at while it works, too. */
  readonly watched?: boolean;
}

/** The names of the servers; that of Postfix is said with its version. */
export const NAMES = ["Postfix", "bare Deno", "dinopost"] as const;

/** Who is measured. */
export type PeerName = typeof NAMES[number];

/** Starts one, with an empty store. */
export async function startPeer(
  bench: Bench,
  here: PostfixHere,
  name: PeerName,
  work: PeerWork,
): Promise<Peer> {
  const { mode, sink = 0, watched = false } = work;
  if (name === "dinopost") return await Dinopost.start(bench.folder(), mode, sink);
  if (name === "Postfix") {
    const server = await Postfix.start(here, bench.folder(), { mode, sink });
    if (watched) server.watch();
    return server;
  }
  const bare = await Bare.start(bench.folder());
  const isNoServer = () => Promise.reject(new Error("Bare Deno accepts, and nothing else"));
  return {
    port: bare.port,
    cpu: () => cpuOf(bare.pid),
    peak: () => memoryOf(bare.pid)?.peak,
    delivered: isNoServer,
    deliver: isNoServer,
    flush: isNoServer,
    [Symbol.asyncDispose]: () => bare[Symbol.asyncDispose](),
  };
}

class Dinopost implements Peer {
  #server: ServerProcess;

  private constructor(readonly dir: string, readonly sink: number, server: ServerProcess) {
    this.#server = server;
  }

  /** Its first start hashes the account's password, for which it takes memory that no message needs: it's started again. */
  static async start(dir: string, mode: PostfixMode, sink: number): Promise<Dinopost> {
    const start = () => ServerProcess.start(dir, mode === "defer" ? "hold" : mode, sink);
    await (await start()).stop();
    return new Dinopost(dir, sink, await start());
  }

  get port(): number {
    return this.#server.smtp;
  }

  cpu(): number | undefined {
    return this.#server.cpu();
  }

  peak(): number | undefined {
    return this.#server.memory()?.peak;
  }

  async delivered(): Promise<number> {
    const { answer } = await this.#server.ask(`/api/v1/accounts/${LOCAL}`);
    return Number(answer.messages);
  }

  /** Its mode is that of its start. */
  deliver(): Promise<void> {
    return this.#server.stop();
  }

  async flush(): Promise<void> {
    this.#server = await ServerProcess.start(this.dir, "relay", this.sink);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.stop();
  }
}
