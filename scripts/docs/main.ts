/** `deno task docs [DIR]`: writes the references anew, and the site into a directory (`./site`). */

import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { references } from "./references.ts";
import { writeSite } from "./site.ts";

const REFERENCE = new URL("../../docs/reference/", import.meta.url);

const made = await references();
for (const [name, text] of Object.entries(made)) await Deno.writeTextFile(new URL(name, REFERENCE), text);
const out = resolve(Deno.args[0] ?? "site");
const pages = await writeSite(pathToFileURL(`${out}/`));
console.log(`${Object.keys(made).length} references written; ${pages.length} pages in ${out}`);
