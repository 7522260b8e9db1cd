import { assertEquals } from "@std/assert";
import { cycles, importGraph, importsOf } from "../../scripts/import_cycles.ts";

Deno.test("importsOf() finds every way to name a file", () => {
  const source = `
import { a } from "./a.ts";
import type { B } from "../b/b.ts";
import "./c.ts";
export { d } from "./d.tsx";
export type * from "./e.ts";
const f = await import("./f.ts");
type G = import("./g.ts").G;
import h from "npm:h";
import {
  i,
} from "./i.ts";
`;
  assertEquals(
    importsOf("./x/y.ts", source),
    ["./x/a.ts", "./b/b.ts", "./x/c.ts", "./x/d.tsx", "./x/e.ts", "./x/f.ts", "./x/g.ts", "./x/i.ts"],
  );
});

Deno.test("cycles() names each group of files that reach one another", () => {
  const table: [graph: Record<string, string[]>, want: string[][]][] = [
    [{}, []],
    [{ a: ["b"], b: ["c"], c: [] }, []],
    [{ a: ["b", "c"], b: ["d"], c: ["d"], d: [] }, []], // a diamond is none
    [{ a: ["a"] }, [["a"]]],
    [{ a: ["b"], b: ["a"] }, [["a", "b"]]],
    [{ a: ["b"], b: ["c"], c: ["d"], d: ["b"] }, [["b", "c", "d"]]],
    [{ a: ["b"], b: ["a", "c"], c: ["d"], d: ["c"] }, [["c", "d"], ["a", "b"]]],
    [{ a: ["elsewhere"] }, []],
  ];
  for (const [graph, want] of table) assertEquals(cycles(new Map(Object.entries(graph))), want);
});

Deno.test("no files of src/ import one another in a circle", async () => {
  const graph = await importGraph(new URL("../../src/", import.meta.url));
  assertEquals(graph.has("./mail_server.ts"), true);
  assertEquals(cycles(graph), []);
});
