/** The rates of several servers on one denokv beside one on its own file: the short form of `deno task bench --only nodes`. */

import { assert } from "@std/assert";
import type { Row } from "../../scripts/bench/bench.ts";
import { CpuShare } from "../../scripts/bench/cpu_share.ts";
import { LoadWorker } from "../../scripts/bench/load.ts";
import { nodes } from "../../scripts/bench/nodes_rows.ts";
import { findDenokv } from "../support/denokv.ts";

/** Of one short round: the whole, three of three seconds each, has more than 2. */
const LEAST = 1.7;

if (await findDenokv() !== undefined && await CpuShare.isPossible()) {
  Deno.test(
    "Three servers on one store accept and relay more than one alone (denokv)",
    { timeout: 180_000 },
    async () => {
      const root = await Deno.makeTempDir({ prefix: "dinopost-nodes-" });
      const load = new LoadWorker();
      const rows: Row[] = [];
      try {
        const sizes = { queue: 0, mailbox: 0, captured: 0, searched: 0 };
        const folder = () => `${root}/${crypto.randomUUID()}`;
        await nodes({ ...sizes, load, folder, seconds: 1, tell: (row) => void rows.push(row) }, 1);
      } finally {
        load.close();
        await Deno.remove(root, { recursive: true });
      }
      for (const { what, value, unit } of rows) console.log(`${what}: ${value?.toFixed(2)} ${unit}`);
      const ratios = rows.filter(({ target }) => target !== undefined);
      assert(ratios.length === 2);
      for (const { what, value } of ratios) assert(value! >= LEAST, `${what}: ${value} times`);
    },
  );
}
