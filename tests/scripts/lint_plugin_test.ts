import { assertEquals } from "@std/assert";
import plugin from "../../scripts/lint_plugin.ts";

function found(file: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, file, source).map((diagnostic) => diagnostic.id);
}

Deno.test("house/rank lets a folder import from its own and from lower ranks only", () => {
  const RANK = ["house/rank"];
  const table: [file: string, source: string, want: string[]][] = [
    // allowed
    ["/x/src/smtp/a.ts", 'import { b } from "./b.ts";', []],
    ["/x/src/smtp/a.ts", 'import { b } from "../mail/b.ts";', []],
    ["/x/src/queue/a.ts", 'import { b } from "../smtp/deep/b.ts";', []],
    ["/x/src/smtp/deep/a.ts", 'import { b } from "../../mail/b.ts"; import "../c.ts";', []],
    ["/x/src/smtp/a.ts", 'import { b } from "zod"; import c from "node:path";', []],
    ["/x/src/cli/a.ts", 'import { b } from "../api/b.ts"; import "../mail_server.ts";', []],
    ["/x/src/testing/a.ts", 'import { b } from "../api/b.ts";', []],
    ["/x/src/mail_server.ts", 'import { b } from "./api/b.ts";', []],
    ["/x/tests/smtp/a.ts", 'import { b } from "../../src/admin/b.ts";', []],
    ["/x/src/cli/version.ts", 'import about from "../../deno.json" with { type: "json" };', []],
    // a higher rank
    ["/x/src/mail/a.ts", 'import { b } from "../smtp/b.ts";', RANK],
    ["/x/src/smtp/deep/a.ts", 'import { b } from "../../queue/b.ts";', RANK],
    // the same rank
    ["/x/src/config/a.ts", 'import { b } from "../mail/b.ts";', RANK],
    ["/x/src/dns/a.ts", 'import { b } from "../wire/b.ts";', RANK],
    // above all ranks
    ["/x/src/smtp/a.ts", 'import { b } from "../testing/b.ts";', RANK],
    ["/x/src/smtp/a.ts", 'import { b } from "../cli/b.ts";', RANK],
    ["/x/src/api/a.ts", 'import { b } from "../mail_server.ts";', RANK],
    // a folder without a rank
    ["/x/src/new/a.ts", 'import { b } from "../base/b.ts";', RANK],
    ["/x/src/api/a.ts", 'import { b } from "../new/b.ts";', RANK],
    // every way to import
    ["/x/src/mail/a.ts", 'import type { B } from "../smtp/b.ts";', RANK],
    ["/x/src/mail/a.ts", 'export { b } from "../smtp/b.ts";', RANK],
    ["/x/src/mail/a.ts", 'export * from "../smtp/b.ts";', RANK],
    ["/x/src/mail/a.ts", 'const b = await import("../smtp/b.ts");', RANK],
    ["/x/src/mail/a.ts", 'type B = import("../smtp/b.ts").B;', RANK],
  ];
  for (const [file, source, want] of table) assertEquals(found(file, source), want, `${file}: ${source}`);
});

Deno.test("house/clock keeps time and chance in src/base/", () => {
  const CLOCK = ["house/clock"];
  const table: [file: string, source: string, want: string[]][] = [
    ["/x/src/smtp/a.ts", "Date.now();", CLOCK],
    ["/x/src/smtp/a.ts", "globalThis.Date.now();", CLOCK],
    ["/x/src/smtp/a.ts", "const now = Date.now;", CLOCK],
    ["/x/src/smtp/a.ts", "new Date();", CLOCK],
    ["/x/src/smtp/a.ts", "Date();", CLOCK],
    ["/x/src/smtp/a.ts", "performance.now();", CLOCK],
    ["/x/src/smtp/a.ts", "Math.random();", CLOCK],
    ["/x/src/smtp/a.ts", "setTimeout(f, 1);", CLOCK],
    ["/x/src/smtp/a.ts", "globalThis.setInterval(f, 1);", CLOCK],
    ["/x/src/cli/a.ts", "AbortSignal.timeout(1);", CLOCK],
    // allowed
    ["/x/src/base/clock.ts", "Date.now(); setTimeout(f, 1); Math.random();", []],
    ["/x/tests/smtp/a.ts", "Date.now();", []],
    ["/x/src/web/assets/a.js", "Date.now(); setTimeout(f, 1);", []],
    ["/x/src/smtp/a.ts", "new Date(5); Date.parse(x); Math.floor(1); clock.now(); a.setTimeout(1);", []],
  ];
  for (const [file, source, want] of table) assertEquals(found(file, source), want, `${file}: ${source}`);
});

Deno.test("house/expiry keeps KV's own timers out", () => {
  const source = "kv.set(key, 1, { expireIn: 5 });";
  assertEquals(found("/x/src/queue/a.ts", source), ["house/expiry"]);
  assertEquals(found("/x/src/queue/a.ts", "expiring(key, 1, now + 5); f({ expireInDays: 1 });"), []);
  assertEquals(found("/x/tests/queue/a.ts", source), []);
});

Deno.test("house/file-size and house/function-size count lines at the edge", () => {
  const lines = (count: number) => "x;\n".repeat(count);
  const fn = (count: number) => `function f() {\n${lines(count - 2)}}\n`;
  assertEquals(found("/x/src/smtp/a.ts", lines(400)), []);
  assertEquals(found("/x/src/smtp/a.ts", lines(401)), ["house/file-size"]);
  assertEquals(found("/x/src/smtp/a.ts", "/** Made by `deno task client`. */\n" + lines(401)), []);
  assertEquals(found("/x/tests/smtp/a.ts", lines(401) + fn(100)), []);
  assertEquals(found("/x/src/smtp/a.ts", fn(60)), []);
  assertEquals(found("/x/src/smtp/a.ts", fn(61)), ["house/function-size"]);
  assertEquals(found("/x/src/smtp/a.ts", `class A {\n m() {\n${lines(59)}}\n}`), ["house/function-size"]);
  assertEquals(found("/x/src/smtp/a.ts", `const a = () => {\n${lines(60)}};`), ["house/function-size"]);
});

Deno.test("house/default-export and house/index-file hold the habits of naming", () => {
  assertEquals(found("/x/src/smtp/a.ts", "export default 1;"), ["house/default-export"]);
  assertEquals(found("/x/src/smtp/index.ts", "export const a = 1;"), ["house/index-file"]);
  assertEquals(found("/x/scripts/a.ts", "export default 1;"), []);
});
