/** The short form of `deno task bench --only postfix`: its rows are all there, each held against Postfix's figure. */

import { assert, assertEquals } from "@std/assert";
import type { Row } from "../../scripts/bench/bench.ts";
import { LoadWorker } from "../../scripts/bench/load.ts";
import { findPostfix } from "../../scripts/bench/postfix.ts";
import { postfix } from "../../scripts/bench/postfix_rows.ts";

const here = await findPostfix();

Deno.test({
  name: `The benchmark beside Postfix${
    here ? "" : " (skipped: Debian's is not installed, or this is not root)"
  }`,
  ignore: !here,
  timeout: 600_000,
  fn: async () => {
    const root = await Deno.makeTempDir({ prefix: "dinopost-bench-" });
    await Deno.chmod(root, 0o711);
    const load = new LoadWorker();
    const rows: Row[] = [];
    let folders = 0;
    const bench = { load, folder: () => `${root}/${++folders}`, tell: (row: Row) => void rows.push(row) };
    try {
      await postfix({ ...bench, seconds: 0.1, queue: 300, mailbox: 0, captured: 0, searched: 0 }, 1);
    } finally {
      load.close();
      await Deno.remove(root, { recursive: true });
    }
    const compared = new Map(rows.filter((row) => row.ofPostfix !== undefined).map((row) => [row.what, row]));
    const accepts = [
      "accept 4 KiB, 1 connection",
      "accept 4 KiB, 10 connections",
      "accept 4 KiB, 50 connections",
      "CPU of an accept, 50 connections",
      "accept 4 KiB, 200 connections",
      "accept 4 KiB, 10 at a time, a new connection each",
    ];
    const others = [
      "into a mailbox, 20 connections",
      "relay to a sink, 20 connections",
      "accept 10 MiB, 4 connections",
      "accept 25 MiB, 4 connections",
      "flush of 300 queued messages",
      "accept 4 KiB beside the flush, p99",
    ];
    assertEquals([...compared.keys()], [...accepts, ...others].map((what) => `${what}, dinopost`));
    for (const [what, { value, ofPostfix, target }] of compared) {
      const theirs = rows.find((row) =>
        row.what === what.replace(", dinopost", `, Postfix ${here!.version}`)
      )!;
      assert(value! > 0 && theirs.value! > 0, what);
      assertEquals(ofPostfix, value! / theirs.value!, what);
      assert(target !== undefined && theirs.target === undefined, what);
    }
    for (const what of accepts) assert(compared.get(`${what}, dinopost`)!.ofBare! > 0, what);
    // of all its processes: no message costs Postfix less than 0.1 ms, or more than the two cores have
    const { value: cpu } = rows.find((row) =>
      row.what.startsWith("CPU of an accept, 50 connections, Postfix")
    )!;
    assert(cpu! > 0.1 && cpu! < 100, `${cpu} ms`);
  },
});
