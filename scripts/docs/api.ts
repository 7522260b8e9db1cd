/** The reference of the modules: a page for each name that one exports, from `deno doc --json`. */

import {
  type Declaration,
  type Definition,
  denoDoc,
  type JsDoc,
  type MemberNode,
  type SymbolNode,
  type TypeNode,
} from "./deno_doc.ts";
import { escapeHtml, readMarkdown } from "./markdown.ts";
import type { SitePage } from "./site.ts";
import { TypeWriter } from "./types.ts";

const ROOT = new URL("../../", import.meta.url);

interface Module {
  /** As it is imported. */
  specifier: string;
  /** The folder of its pages. */
  folder: string;
  doc: JsDoc | undefined;
  symbols: SymbolNode[];
}

/** All pages, the list of the modules first. */
export async function apiPages(): Promise<SitePage[]> {
  const { name, exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const files = Object.entries(exports as Record<string, string>)
    .map(([entry, file]) => ({ entry, url: new URL(file, ROOT) }));
  const nodes = await denoDoc(files.map(({ url }) => url));
  const modules = files.map(({ entry, url }): Module => ({
    specifier: name + entry.slice(1),
    folder: `api/${entry === "." ? "dinopost" : entry.slice(2)}`,
    doc: nodes[url.href]!.module_doc,
    symbols: nodes[url.href]!.symbols.toSorted((one, other) => one.name.localeCompare(other.name)),
  }));
  const homes = homesOf(modules);
  return [
    listOf(modules, homes),
    ...modules.flatMap((module) =>
      module.symbols.filter((symbol) => !isReference(symbol)).map((symbol) => pageOf(symbol, module, homes))
    ),
  ];
}

/** Where each name is told of: in the module that has it itself, the first of them. */
function homesOf(modules: readonly Module[]): Map<string, string> {
  const homes = new Map<string, string>();
  for (const { symbols, folder } of modules) {
    for (const symbol of symbols) {
      if (!isReference(symbol) && !homes.has(symbol.name)) {
        homes.set(symbol.name, `${folder}/${symbol.name}.html`);
      }
    }
  }
  return homes;
}

/** Whether another module's page tells of it. */
function isReference({ declarations }: SymbolNode): boolean {
  return declarations.every((one) => one.kind === "reference");
}

function listOf(modules: readonly Module[], homes: ReadonlyMap<string, string>): SitePage {
  const lists = modules.map(({ specifier, folder, doc, symbols }) => {
    const own = symbols.filter((symbol) => !isReference(symbol));
    const others = symbols.filter(isReference).flatMap(({ name }) => homes.has(name) ? [name] : []);
    const rows = own.map((symbol) =>
      `<tr><td><a href="../${folder}/${symbol.name}.html"><code>${symbol.name}</code></a></td><td>${
        inline(firstSentence(symbol.declarations[0]!.jsDoc?.doc))
      }</td></tr>`
    );
    return [
      `<h2 id="${anchor(specifier)}"><code>${specifier}</code></h2>`,
      docHtml(doc),
      `<div class="wide" tabindex="0"><table><tbody>${rows.join("\n")}</tbody></table></div>`,
      others.length === 0
        ? ""
        : `<details><summary>${others.length} names that others export too</summary><p>${
          others.map((name) => `<a href="../${homes.get(name)}"><code>${name}</code></a>`).join(", ")
        }</p></details>`,
    ].join("\n");
  });
  const intro = "<h1>Modules</h1><p>What programs import, from the comments of the source.</p>";
  const headings = modules.map(({ specifier }) => ({ level: 2, text: specifier, id: anchor(specifier) }));
  return { path: "api/index.html", title: "Modules", html: intro + lists.join("\n"), headings };
}

function anchor(specifier: string): string {
  return specifier.replaceAll(/[^a-z]+/g, "-").replace(/^-/, "");
}

function pageOf(symbol: SymbolNode, module: Module, homes: ReadonlyMap<string, string>): SitePage {
  const { name, declarations } = symbol;
  const writer = new TypeWriter((other) => {
    const home = homes.get(other);
    return home === undefined || other === name ? undefined : `../../${home}`;
  });
  const html = [
    `<p class="crumb"><a href="../index.html#${
      anchor(module.specifier)
    }"><code>${module.specifier}</code></a></p>`,
    `<h1><code>${name}</code></h1>`,
    ...declarations.map((declaration) => declarationHtml(name, declaration, writer)),
    importLine(name, module.specifier),
  ];
  return { path: `${module.folder}/${name}.html`, title: name, html: html.join("\n"), headings: [] };
}

function importLine(name: string, specifier: string): string {
  const names = name === "default" ? "server" : `{ ${name} }`;
  return `<h2 id="import">Import</h2>\n<pre tabindex="0"><code>import ${names} from "${specifier}";</code></pre>`;
}

function declarationHtml(name: string, { kind, def, jsDoc }: Declaration, writer: TypeWriter): string {
  // an object's members are told one by one, whatever it is declared as
  const literal = kind === "typeAlias" && def.tsType?.kind === "typeLiteral"
    ? def.tsType.value as Definition
    : undefined;
  const rest = literal ? " = { … }" : restOf(kind, def, writer);
  return [
    `<pre class="signature" tabindex="0"><code>${headOf(name, { kind, def }, writer)}${rest}</code></pre>`,
    docHtml(jsDoc),
    ...membersOf(name, literal ?? def, writer),
  ].join("\n");
}

function headOf(name: string, { kind, def }: Pick<Declaration, "kind" | "def">, writer: TypeWriter): string {
  const words: Partial<Record<Declaration["kind"], string>> = { typeAlias: "type", variable: "const" };
  const types = kind === "function" ? "" : writer.typeParams(def.typeParams);
  return `${words[kind] ?? kind} ${escapeHtml(name)}${types}`;
}

/** What follows the name. */
function restOf(kind: Declaration["kind"], def: Definition, writer: TypeWriter): string {
  if (kind === "function") return writer.signature(def);
  if (kind === "typeAlias") return ` = ${writer.type(def.tsType)}`;
  if (kind === "variable") return `: ${writer.type(def.tsType)}`;
  const all = (types: TypeNode[] = []) => types.map((one) => writer.type(one)).join(", ");
  const parents = typeof def.extends === "string" ? writer.name(def.extends) : all(def.extends);
  const promises = all(def.implements);
  return `${parents ? ` extends ${parents}` : ""}${promises ? ` implements ${promises}` : ""}`;
}

/** The members that others may use, each with its comment. */
function membersOf(name: string, def: Definition, writer: TypeWriter): string[] {
  const isShown = (one: MemberNode) => one.accessibility !== "private" && !one.name.startsWith("#");
  const constructors = (def.constructors ?? []).filter(isShown).map((one) => ({
    member: one,
    line: `new ${escapeHtml(name)}(${writer.params(one.params ?? [])})`,
  }));
  const members = [...def.properties ?? [], ...def.methods ?? []].filter(isShown).map((one) => ({
    member: one,
    line: writer.member(one),
  }));
  return [
    ...(def.indexSignatures ?? []).map((one) => `<pre tabindex="0"><code>${writer.index(one)}</code></pre>`),
    ...[...constructors, ...members].map(({ member, line }) =>
      `<section class="member"><pre tabindex="0"><code>${line}</code></pre>${docHtml(member.jsDoc)}</section>`
    ),
  ];
}

/** A comment with its tags. */
function docHtml(doc: JsDoc | undefined): string {
  if (!doc) return "";
  const tags = (doc.tags ?? []).filter((tag) => tag.doc !== undefined && tag.kind !== "module").map((tag) => {
    if (tag.kind === "example") return markdown(tag.doc!);
    const what = { return: "Answers", throws: "Throws", param: `<code>${tag.name}</code>` }[tag.kind] ??
      tag.kind;
    const type = (tag.tsType?.value as { typeName?: string } | undefined)?.typeName;
    return `<p><b>${what}</b>${type ? ` <code>${type}</code>` : ""}: ${inline(tag.doc!)}</p>`;
  });
  return markdown(doc.doc ?? "") + tags.join("\n");
}

function markdown(text: string): string {
  return readMarkdown(text.replaceAll(/\{@link(?:code)?\s+([^}]+)\}/g, "`$1`")).html;
}

function inline(text: string): string {
  return markdown(text).replace(/^<p>([^]*)<\/p>\n?$/, "$1");
}

function firstSentence(text = ""): string {
  return /^[^]*?[.:](?=\s|$)/.exec(text.split("\n\n")[0]!)?.[0] ?? text.split("\n\n")[0]!;
}
