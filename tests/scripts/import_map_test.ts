import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

async function importsOf(file: string): Promise<Record<string, string>> {
  return JSON.parse(await Deno.readTextFile(new URL(file, ROOT))).imports;
}

Deno.test("the import map for `deno install -g` has the versions of deno.json", async () => {
  const ours = await importsOf("deno.json");
  const map = Object.entries(await importsOf("import_map.json"));
  const packages = map.filter(([name]) => !name.startsWith("@std/") && !name.endsWith("/"));
  const npm = Object.entries(ours).filter(([, at]) => at.startsWith("npm:"));
  assertEquals(Object.fromEntries(packages), Object.fromEntries(npm));
  for (const [name, at] of map.filter(([name]) => name.endsWith("/"))) {
    assertEquals(at, `${ours[name.slice(0, -1)]!.replace("npm:", "npm:/")}/`);
  }
});
