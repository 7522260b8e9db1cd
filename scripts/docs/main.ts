import { references } from "./references.ts";
const dir = new URL("../../docs/reference/", import.meta.url);
for (const [name, text] of Object.entries(await references())) {
  await Deno.writeTextFile(new URL(name, dir), text);
}
