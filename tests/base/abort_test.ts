import { assertEquals } from "@std/assert";
import { onAbort } from "../../src/base/abort.ts";

Deno.test("onAbort() calls those that still wait, once and in order", () => {
  const { signal, ...rest } = setUp();
  const called: string[] = [];
  const ignore = onAbort(signal, () => called.push("a"));
  onAbort(signal, () => called.push("b"));
  onAbort(signal, () => called.push("c"));
  ignore();
  ignore();
  rest.abort();
  rest.abort();
  assertEquals(called, ["b", "c"]);
  onAbort(signal, () => called.push("late"));
  rest.abort();
  assertEquals(called, ["b", "c"]);
});

Deno.test("onAbort() does not call one that another took back", () => {
  const { signal, abort } = setUp();
  const called: string[] = [];
  onAbort(signal, () => {
    called.push("a");
    ignore();
  });
  const ignore = onAbort(signal, () => called.push("b"));
  abort();
  assertEquals(called, ["a"]);
});

function setUp() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
