/** In charge of `/docs`: the API's document as a page, without scripts and without any other host. */

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
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: unknown }>> };
  readonly responses?: Readonly<
    Record<
      string,
      {
        readonly description?: string;
        readonly content?: Readonly<Record<string, { readonly schema?: unknown }>>;
      }
    >
  >;
}

interface Parameter {
  readonly name?: string;
  readonly in?: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: unknown;
}

const METHODS = ["get", "post", "put", "patch", "delete"] as const;

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d8dee6, #39414d); --soft: light-dark(#f4f6f9, #1c2128); --accent: light-dark(#0b6bcb, #6cb2ff); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { margin-bottom: 0; } h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; }
summary { cursor: pointer; padding: .5rem .75rem; display: flex; gap: .75rem; flex-wrap: wrap; align-items: baseline; }
details[open] > summary { background: var(--soft); border-bottom: 1px solid var(--line); }
.in { padding: 0 .75rem .5rem; } .verb { font-weight: 700; color: var(--accent); min-width: 4rem; }
code, pre { font: .875rem/1.45 ui-monospace, monospace; } pre { background: var(--soft); padding: .75rem; overflow-x: auto; border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .5rem .25rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
a { color: var(--accent); }`;

/** The page's policy: its own style, known by its hash, and nothing else. */
export async function docsPolicy(): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(STYLE)));
  return `default-src 'none'; style-src 'sha256-${hash.toBase64()}'; frame-ancestors 'none'; base-uri 'none'; ` +
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
    `<pre>${text(JSON.stringify(schema, null, 2))}</pre></div></details>`
  ).join("");
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${text(title)}</title>` +
    `<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head><body>` +
    `<h1>${text(title)}</h1><p>Version ${text(version)}. <a href="/openapi.json">openapi.json</a></p>` +
    `<p>${text(description)}</p>${sections}<h2>Schemas</h2>${schemas}</body></html>`;
}

function operationHtml(of: { method: string; path: string; operation: Operation }): string {
  const { summary = "", description, parameters = [], requestBody, responses = {} } = of.operation;
  const told = description === undefined ? "" : `<p>${text(description)}</p>`;
  const rows = parameters.map((p) =>
    `<tr><td><code>${text(p.name ?? "")}</code></td><td>${text(p.in ?? "")}${
      p.required ? ", required" : ""
    }</td>` +
    `<td>${schemaHtml(p.schema)}</td><td>${text(p.description ?? "")}</td></tr>`
  );
  const bodies = Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) =>
    `<p><b>Body</b> <code>${text(type)}</code> ${schemaHtml(schema)}</p>`
  );
  const answers = Object.entries(responses).map(([status, { description = "", content = {} }]) => {
    const types = Object.entries(content).map(([type, { schema }]) =>
      `<code>${text(type)}</code> ${schemaHtml(schema)}`
    );
    return `<tr><td>${text(status)}</td><td>${text(description)}</td><td>${types.join("<br>")}</td></tr>`;
  });
  return `<details><summary><span class="verb">${of.method.toUpperCase()}</span><code>${
    text(of.path)
  }</code>` +
    `<span>${text(summary)}</span></summary><div class="in">${told}` +
    `${rows.length === 0 ? "" : `<table>${rows.join("")}</table>`}${bodies.join("")}` +
    `<p><b>Answers</b></p><table>${answers.join("")}</table></div></details>`;
}

function schemaHtml(schema: unknown): string {
  if (schema === undefined) return "";
  const ref = (schema as { $ref?: string }).$ref?.split("/").at(-1);
  if (ref !== undefined) return `<a href="#schema-${text(ref)}">${text(ref)}</a>`;
  const short = JSON.stringify(schema);
  return short.length <= 80
    ? `<code>${text(short)}</code>`
    : `<pre>${text(JSON.stringify(schema, null, 2))}</pre>`;
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
