/** The servers whose IMAP is measured, one after the other: a Dovecot where it is installed, and dinopost. */

import { DovecotImap, dovecotIsHere } from "../../tests/support/dovecot_imap.ts";
import type { Bench } from "./bench.ts";
import { ServerProcess } from "./server_process.ts";
import { sharedMemoryOf } from "./usage.ts";

/** The password of all. */
export const PASSWORD = "bench";

/** A server under measurement. */
export interface ImapPeer extends AsyncDisposable {
  readonly port: number;
  /** The memory of all its processes, shared pages by their share: KiB (where the system tells: Linux). */
  memory(): number | undefined;
  /** Ends it and starts it again. */
  restart(): Promise<void>;
}

/** How one is started for these users, by its name; Dovecot first, with which the other is compared. */
export const IMAP_PEERS: Readonly<
  Record<string, (bench: Bench, users: readonly string[]) => Promise<ImapPeer | undefined>>
> = { Dovecot: startDovecot, dinopost: startDinopost };

async function startDovecot(_: Bench, users: readonly string[]): Promise<ImapPeer | undefined> {
  if (!dovecotIsHere()) return undefined;
  const dovecot = await DovecotImap.start(users, PASSWORD);
  return {
    port: dovecot.port,
    memory: () => sharedMemoryOf(dovecot.processes()),
    async restart() {
      await dovecot.stop();
      await dovecot.restart();
    },
    [Symbol.asyncDispose]: () => dovecot[Symbol.asyncDispose](),
  };
}

async function startDinopost(bench: Bench, users: readonly string[]): Promise<ImapPeer> {
  const dir = bench.folder();
  let server = await ServerProcess.start(dir, "imap", 0, users.length);
  return {
    get port() {
      return server.imap;
    },
    memory: () => sharedMemoryOf([server.pid]),
    async restart() {
      await server.stop();
      server = await ServerProcess.start(dir, "imap", 0, users.length);
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
