/** The page `/docs`: the API's document for people, with examples, and each call to try; it needs no other host. */

import { encode } from "../base/bytes.ts";
import SCRIPT from "./assets/docs.js" with { type: "text" };
import STYLE from "./assets/docs.css" with { type: "text" };

/** As much of an OpenAPI document as the page shows. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly paths?: Readonly<Record<string, object>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, Media>> };
  readonly responses?: Readonly<
    Record<
      string,
      {
        readonly description?: string;
        readonly content?: Readonly<Record<string, Media>>;
      }
    >
  >;
}

interface Media {
  readonly schema?: unknown;
  readonly example?: unknown;
}

interface Parameter {
  readonly name?: string;
  readonly in?: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: unknown;
  readonly example?: unknown;
}

const METHODS = ["get", "post", "put", "patch", "delete"] as const;

/** The page's policy: its own style and script, known by their hashes, and calls to this server. */
export async function docsPolicy(): Promise<string> {
  const [style, script] = await Promise.all([STYLE, SCRIPT].map(async (text) => {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", encode(text))).toBase64();
  }));
  return `default-src 'none'; style-src 'sha256-${style}'; script-src 'sha256-${script}'; ` +
    `connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; ` +
    "form-action 'none'";
}

/** The page. */
export function docsPage(document: ApiDocument): string {
  const { title, version, description = "" } = document.info;
  const byTag = new Map<string, string[]>();
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS) {
      const operation = (item as Partial<Record<string, Operation>>)[method];
      if (!operation) continue;
      const tag = operation.tags?.[0] ?? "Other";
      byTag.set(tag, [...byTag.get(tag) ?? [], operationHtml({ method, path, operation })]);
    }
  }
  const sections = [...byTag].map(([tag, html]) => `<h2>${text(tag)}</h2>${html.join("")}`).join("");
  const schemas = Object.entries(document.components?.schemas ?? {}).map(([name, schema]) =>
    `<details id="schema-${text(name)}"><summary><code>${text(name)}</code></summary><div class="in">` +
    `<pre tabindex="0">${text(JSON.stringify(schema, null, 2))}</pre></div></details>`
  ).join("");
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${text(title)}</title>` +
    `<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head><body><main>` +
    `<p><a href="/">Back to the page</a></p><h1>${text(title)}</h1><p>Version ${
      text(version)
    }. <a href="/openapi.json">openapi.json</a></p>` +
    `<p>${
      text(description)
    }</p><p class="js"><label>Token, for calls from this page (who is logged in needs none) ` +
    `<input id="token" type="password" autocomplete="off"></label></p>` +
    `${sections}<h2>Schemas</h2>${schemas}</main><script type="module">${SCRIPT}</script></body></html>`;
}

function operationHtml(of: { method: string; path: string; operation: Operation }): string {
  const { summary = "", description, parameters = [], requestBody, responses = {} } = of.operation;
  const details = description === undefined ? "" : `<p>${text(description)}</p>`;
  const rows = parameters.map((p) =>
    `<tr><td><code>${text(p.name ?? "")}</code></td><td>${text(p.in ?? "")}${
      p.required ? ", required" : ""
    }</td>` +
    `<td>${schemaHtml(p.schema)}</td><td>${text(p.description ?? "")}</td></tr>`
  );
  const bodies = Object.entries(requestBody?.content ?? {}).map(([type, { schema, example }]) =>
    `<p><b>Body</b> <code>${text(type)}</code> ${schemaHtml(schema)}</p>${exampleHtml(example)}`
  );
  const answers = Object.entries(responses).map(([status, { description = "", content = {} }]) => {
    const types = Object.entries(content).map(([type, { schema, example }]) =>
      `<code>${text(type)}</code> ${schemaHtml(schema)}${exampleHtml(example)}`
    );
    return `<tr><td>${text(status)}</td><td>${text(description)}</td><td>${types.join("<br>")}</td></tr>`;
  });
  return `<details ${triedWith(of)}><summary><span class="verb">${of.method.toUpperCase()}</span><code>${
    text(of.path)
  }</code>` +
    `<span>${text(summary)}</span></summary><div class="in">${details}` +
    `${rows.length === 0 ? "" : `<table>${rows.join("")}</table>`}${bodies.join("")}` +
    `<p><b>Answers</b></p><table>${answers.join("")}</table><div class="try"></div></div></details>`;
}

/** What the script makes the call's form of. */
function triedWith(
  { method, path, operation }: { method: string; path: string; operation: Operation },
): string {
  const [body] = Object.entries(operation.requestBody?.content ?? {});
  const parameters = (operation.parameters ?? []).map((p) => ({
    name: p.name,
    in: p.in,
    required: p.required,
    example: p.example ?? (p.schema as { example?: unknown } | undefined)?.example,
  }));
  const data = {
    method,
    path,
    parameters: JSON.stringify(parameters),
    type: body?.[0] ?? "",
    body: body ? written(body[1].example) : "",
  };
  return Object.entries(data).map(([name, value]) => `data-${name}="${text(value)}"`).join(" ");
}

function exampleHtml(example: unknown): string {
  return example === undefined ? "" : `<pre class="example" tabindex="0">${text(written(example))}</pre>`;
}

function written(example: unknown): string {
  return typeof example === "string" ? example : JSON.stringify(example, null, 2) ?? "";
}

function schemaHtml(schema: unknown): string {
  if (schema === undefined) return "";
  const ref = (schema as { $ref?: string }).$ref?.split("/").at(-1);
  if (ref !== undefined) return `<a href="#schema-${text(ref)}">${text(ref)}</a>`;
  const short = JSON.stringify(schema);
  return short.length <= 80
    ? `<code>${text(short)}</code>`
    : `<pre tabindex="0">${text(JSON.stringify(schema, null, 2))}</pre>`;
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
