/**
 * The check that no files of `src/` import one another in a circle: types, re-exports and `import("…")` count alike.
 *
 * Prints each circle and exits with 1 when there is one.
 */

/** What stands between quotes behind `from`, `import` or `import(`, when it is a path. */
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

/** Every source file below a folder, with the files that it imports: paths relative to the folder. */
export async function importGraph(root: URL): Promise<Map<string, string[]>> {
  const graph = new Map<string, string[]>();
  async function walk(folder: string): Promise<void> {
    for await (const entry of Deno.readDir(new URL(folder, root))) {
      const path = folder + entry.name;
      if (entry.isDirectory) await walk(`${path}/`);
      else if (/\.tsx?$/.test(path)) {
        graph.set(path, importsOf(path, await Deno.readTextFile(new URL(path, root))));
      }
    }
  }
  await walk("./");
  return graph;
}

/** The files that a source text imports, as paths from where its own path starts. */
export function importsOf(path: string, source: string): string[] {
  const base = new URL(path, "file:///");
  return [...source.matchAll(IMPORT)].map((m) => `.${new URL(m[1]!, base).pathname}`);
}

/** The groups of files that reach one another, each in the order of its names (Tarjan's algorithm). */
export function cycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  function visit(file: string): number {
    order.set(file, order.size);
    let low = order.get(file)!;
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!graph.has(next)) continue;
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (stack.includes(next)) low = Math.min(low, order.get(next)!);
      if (next === file) found.push([file]);
    }
    if (low === order.get(file)) {
      const group = stack.splice(stack.indexOf(file));
      if (group.length > 1) found.push(group.sort());
    }
    return low;
  }
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return found;
}

if (import.meta.main) {
  const found = cycles(await importGraph(new URL("../src/", import.meta.url)));
  for (const group of found) {
    console.error(`These files import one another in a circle: ${group.map((f) => f.slice(2)).join(", ")}`);
  }
  if (found.length > 0) {
    console.error("Move what they share, often a type, into a file that imports none of them.");
    Deno.exit(1);
  }
}
