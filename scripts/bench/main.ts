/**
 * The benchmark of dinopost, printed as a table. Needs nothing but Deno; everything happens on loopback.
 *
 * Usage: deno task bench [--only accept,idle] [--seconds 2] [--queue 10000] [--mailbox 100000]
 *                        [--captured 10000] [--searched 40000] [--json]
 */
import { parseArgs } from "node:util";
import type { Row } from "./bench.ts";
import { LoadWorker } from "./load.ts";
import { ROWS } from "./rows.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(ROWS).join(",") },
    seconds: { type: "string", default: "2" },
    queue: { type: "string", default: "10000" },
    mailbox: { type: "string", default: "100000" },
    captured: { type: "string", default: "10000" },
    searched: { type: "string", default: "40000" },
    json: { type: "boolean", default: false },
  },
});

/** Measures the rows one after the other; one that fails is told and does not stop the others. */
async function run(): Promise<{ rows: Row[]; failures: string[] }> {
  const rows: Row[] = [];
  const failures: string[] = [];
  const root = await Deno.makeTempDir({ prefix: "dinopost-bench-" });
  // those who are measured beside us are of other users
  await Deno.chmod(root, 0o711);
  const load = new LoadWorker();
  let folders = 0;
  const bench = {
    load,
    folder: () => `${root}/${++folders}`,
    seconds: Number(values.seconds),
    queue: Number(values.queue),
    mailbox: Number(values.mailbox),
    captured: Number(values.captured),
    searched: Number(values.searched),
    tell(row: Row) {
      rows.push(row);
      console.error(`${row.what}: ${number(row.value)} ${row.unit}`);
    },
  };
  try {
    for (const name of values.only.split(",")) {
      const measure = ROWS[name];
      if (!measure) throw new Error(`There is no row "${name}"; known are ${Object.keys(ROWS).join(", ")}.`);
      try {
        await measure(bench);
      } catch (error) {
        failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        console.error(failures.at(-1));
      }
    }
  } finally {
    load.close();
    await Deno.remove(root, { recursive: true });
  }
  return { rows, failures };
}

/** Three significant digits where there are no more before the point. */
function number(value: number | undefined): string {
  if (value === undefined) return "";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 3;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** The columns after the first one; those that no row has anything in are left out. All but the units are numbers. */
const COLUMNS: readonly { readonly head: string; readonly rule?: string; cell(row: Row): string }[] = [
  { head: "", cell: (r) => number(r.value) },
  { head: "", rule: "---", cell: (r) => r.unit },
  { head: "× Postfix", cell: (r) => r.ofPostfix?.toFixed(2) ?? "" },
  { head: "% of bare Deno", cell: (r) => number(r.ofBare) },
  { head: "should be", cell: (r) => r.target ?? "" },
  { head: "p50 ms", cell: (r) => number(r.p50) },
  { head: "p99 ms", cell: (r) => number(r.p99) },
  { head: "CPU ms each", cell: (r) => number(r.cpu) },
  { head: "peak RSS MiB", cell: (r) => number(r.peak) },
];

function table(rows: readonly Row[]): string {
  const columns = COLUMNS.filter(({ cell }) => rows.some((row) => cell(row) !== ""));
  const head = ["", ...columns.map(({ head }) => head)];
  const rule = ["---", ...columns.map(({ rule }) => rule ?? "---:")];
  const lines = rows.map((row) => [row.what, ...columns.map(({ cell }) => cell(row))]);
  return [head, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const system = {
  deno: Deno.version.deno,
  cores: navigator.hardwareConcurrency,
  load: Deno.loadavg()[0],
  os: `${Deno.build.os} ${Deno.osRelease()}`,
};
const { rows, failures } = await run();
if (values.json) console.log(JSON.stringify({ system, rows, failures }, null, 2));
else {
  const about = `Deno ${system.deno}, ${system.os}, ${system.cores} cores`;
  console.log(`\n${about}, load average ${number(system.load)} before\n\n${table(rows)}`);
}
if (failures.length > 0) Deno.exitCode = 1;
