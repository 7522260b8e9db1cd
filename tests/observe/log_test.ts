import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { isLogged, log, type LogControl, type LogOptions, setupLogging } from "../../src/observe/log.ts";

/** A log that is kept, and its lines. */
function kept(
  options: Partial<LogOptions> = {},
): { control: LogControl; writes: string[]; lines(): string[] } {
  const writes: string[] = [];
  const control = setupLogging({
    level: "INFO",
    format: "text",
    clock: new ManualClock("2026-01-05T09:00:00.007Z"),
    write: (bytes) => void writes.push(new TextDecoder().decode(bytes)),
    ...options,
  });
  return {
    control,
    writes,
    lines() {
      control.flush();
      return writes.join("").split("\n").slice(0, -1);
    },
  };
}

const HEAD = "2026-01-05T09:00:00.007Z INFO";

Deno.test("log() writes a line for people", () => {
  const table: [Record<string, unknown> | undefined, string][] = [
    [undefined, ""],
    [{}, ""],
    // plain
    [
      { id: "01AB", from: "<jo@example.org>", size: 4096, ok: true },
      " id=01AB from=<jo@example.org> size=4096 ok=true",
    ],
    [{ gone: undefined, none: null }, " none=null"],
    // quoted
    [{ a: "" }, ' a=""'],
    [{ a: "two words" }, ' a="two words"'],
    [{ a: 'say "x"' }, ' a="say \\"x\\""'],
    [{ a: "k=v" }, ' a="k=v"'],
    [{ a: "back\\slash" }, ' a="back\\\\slash"'],
    // nothing from outside makes a new line or moves the cursor
    [{ a: "x\r\n2026 INFO fake" }, ' a="x\\r\\n2026 INFO fake"'],
    [{ a: "\x1b[31m\x7f\x9b" }, ' a="\\u001b[31m\\u007f\\u009b"'],
    [{ a: "\u202egnp\u2028" }, ' a="\\u202egnp\\u2028"'],
    // what is no text
    [{ a: ["x", "y"] }, ' a=["x","y"]'],
    [{ a: new TypeError("bad\n") }, ' a="TypeError: bad\\n"'],
    [{ a: 10n }, " a=10"],
  ];
  for (const [fields, want] of table) {
    const { lines } = kept();
    log("INFO", "accepted", fields);
    assertEquals(lines(), [`${HEAD} accepted${want}`]);
  }
});

Deno.test("log() writes a line for programs", () => {
  const { lines } = kept({ format: "json" });
  log("INFO", "accepted", { id: "01AB", size: 1, gone: undefined, text: "a\n\x9b" });
  log("INFO", "ready");
  const [first, second] = lines();
  const head = { time: "2026-01-05T09:00:00.007Z", level: "INFO" };
  assertEquals(JSON.parse(first!), { ...head, event: "accepted", id: "01AB", size: 1, text: "a\n\x9b" });
  assert(!first!.includes("\x9b"));
  assertEquals(JSON.parse(second!), { ...head, event: "ready" });
});

Deno.test("log() lets no field stand for time, level or event", () => {
  const fields = { time: 1, event: "delivered", level: "loud", Event: "x" };
  const head = { time: "2026-01-05T09:00:00.007Z", level: "INFO", event: "webhook post" };
  const json = kept({ format: "json" });
  log("INFO", "webhook post", fields);
  const [line] = json.lines();
  assertEquals(JSON.parse(line!), {
    ...head,
    "fields.time": 1,
    "fields.event": "delivered",
    "fields.level": "loud",
    Event: "x",
  });
  assertEquals(line!.match(/"(?:time|level|event)":/g)?.length, 3);
  const text = kept();
  log("INFO", "webhook post", fields);
  assertEquals(text.lines(), [
    `${HEAD} webhook post fields.time=1 fields.event=delivered fields.level=loud Event=x`,
  ]);
});

Deno.test("log() never throws", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  for (const format of ["text", "json"] as const) {
    const { lines } = kept({ format });
    log("INFO", "odd", { circular });
    assertEquals(lines().length, 1);
  }
});

Deno.test("log() leaves out what is below the level, which may change", () => {
  const { control, lines } = kept({ level: "WARN" });
  log("INFO", "one");
  assertEquals([isLogged("INFO"), isLogged("WARN"), control.level], [false, true, "WARN"]);
  control.level = "DEBUG";
  log("DEBUG", "two");
  control.format = "json";
  log("ERROR", "three");
  assertEquals(lines().map((line) => line.slice(0, 1)), ["2", "{"]);
  assertEquals([control.level, control.format], ["DEBUG", "json"]);
});

Deno.test("log() writes many lines at once, and a warning without delay", () => {
  const { control, writes } = kept();
  for (let i = 0; i < 10; i++) log("INFO", "quiet");
  assertEquals(writes.length, 0);
  log("WARN", "loud");
  assertEquals(writes.length, 1);
  assertEquals(writes[0]!.split("\n").length, 12);
  for (let i = 0; i < 300; i++) log("INFO", "quiet"); // more than a batch holds
  assert(writes.length >= 2);
  control.flush();
});

Deno.test("setupLogging() writes what the log before it held", () => {
  const { writes } = kept();
  log("INFO", "held");
  kept();
  assertEquals(writes.length, 1);
});
