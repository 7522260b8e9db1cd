import { assertEquals } from "@std/assert";
import { parseDmarcRecord } from "../../src/authentication/dmarc_record.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Journal } from "../../src/observe/journal.ts";
import { DmarcCounts } from "../../src/reports/dmarc_counts.ts";
import { memoryStore } from "../mailbox/helpers.ts";

const DAY = 24 * 3600_000;
const RECORD = parseDmarcRecord("v=DMARC1; p=reject; rua=mailto:dmarc@far.test")!;

Deno.test("who forges with ever new domains fills no store; what is counted in a row goes on, and the next day too", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 5, 12));
  await using store = await memoryStore();
  const counts = new DmarcCounts(store, { clock, journal: new Journal() });
  const come = (n: number) =>
    counts.count({
      iprev: { result: "none", ip: "192.0.2.1" } as never,
      dmarc: {
        result: "fail",
        domain: "far.test",
        disposition: "reject",
        record: RECORD,
        recordDomain: "far.test",
        aligned: { spf: false, dkim: false },
      },
    }, { ip: "192.0.2.1", sender: `x@d${n}.test`, isRefused: true });
  const rows = async () => (await Array.fromAsync(counts.past())).map(({ value }) => value.count);
  for (let n = 0; n < 24_000; n++) {
    come(n);
    if (n % 4000 === 0) await counts.write();
  }
  await counts.write();
  come(1);
  come(23_999);
  await counts.write();
  clock.advance(DAY);
  const yesterday = await rows();
  assertEquals([yesterday.length, yesterday.filter((count) => count === 2).length], [20_000, 1]);
  come(23_999);
  await counts.write();
  clock.advance(DAY);
  assertEquals((await rows()).length, 20_001);
});
