/** The check that a server of ours answers a conversation as it stands, by the function that `dinopost replay` has. */

import { assertEquals } from "@std/assert";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { replay } from "../../src/testing/replay.ts";
import type { Script } from "../../src/testing/script.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";

/** What was said last is read by then. */
const READ_MS = 20;

/** Says the conversation to its end; nothing may differ. `advance` moves the server's clock. */
export async function replayed(script: Script, conn: ByteConn, advance: (ms: number) => void): Promise<void> {
  const pass = async (ms: number) => {
    await sleep(systemClock, READ_MS);
    advance(ms);
  };
  const { report, differing, unsaid, stopped } = await replay(script, conn, { pass });
  assertEquals(report, []);
  assertEquals({ differing, unsaid, stopped }, { differing: 0, unsaid: 0, stopped: undefined });
}
