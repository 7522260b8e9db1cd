/**
 * The types of the API's client, from the document that the API shows of itself: `deno task client` writes them, and a
 * test finds them out of date. So the client's types need nothing of the server, whose schemas they are made from.
 */

/** The file with what the calls take and answer. */
export const MODELS = new URL("../src/api/client_models.ts", import.meta.url);
/** The file with the calls. */
export const CALLS = new URL("../src/api/client_calls.ts", import.meta.url);

interface Schema {
  type?: string | string[];
  $ref?: string;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  additionalProperties?: Schema | boolean;
  description?: string;
}

type Content = Record<string, { schema: Schema }>;

interface Operation {
  summary: string;
  description?: string;
  tags?: string[];
  parameters?: { in: string; name: string; required?: boolean; schema: Schema; description?: string }[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, { content?: Content }>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** A path's segments as nested objects, as Hono's client has them; calls are leaves. */
interface Tree {
  [segment: string]: Tree | string;
}

const MADE = "Made by `deno task client`; change the schemas, not this file.";

/** The text of {@linkcode MODELS}. */
export function modelsOf(document: Document): string {
  const models = Object.entries(document.components.schemas).map(([name, schema]) =>
    `${comment(schema.description ?? `${name}, as the API has it.`)}export type ${name} = ${
      typeOf(schema)
    };\n`
  );
  return `/** The values that the API's calls take and answer. ${MADE} */\n\n${models.join("\n")}`;
}

/** The text of {@linkcode CALLS}. */
export function callsOf(document: Document): string {
  const root: Tree = {};
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const text = callOf(operation);
      branch(root, path)[`$${method}`] = `${comment(`${operation.summary}.`)}$${method}${text}`;
    }
  }
  return `/** The API's calls, by their paths. ${MADE} */\n\n` +
    'import type { Answer, CallOptions } from "./client_answer.ts";\n' +
    'import type * as m from "./client_models.ts";\n\n' +
    `/** Each call by the segments of its path and its method. */\nexport type AdminClient = ${
      block(root)
    };\n`;
}

function branch(root: Tree, path: string): Tree {
  let at = root;
  for (const segment of path.split("/").slice(1)) {
    const name = segment.replace(/^\{(.*)\}$/, ":$1");
    at = (at[name] ??= {}) as Tree;
  }
  return at;
}

function block(tree: Tree): string {
  const members = Object.entries(tree).map(([name, value]) =>
    typeof value === "string" ? value : `${key(name)}: ${block(value)};`
  );
  return `{ ${members.join("\n")} }`;
}

function callOf({ parameters = [], requestBody, responses }: Operation): string {
  const groups = [
    group("param", parameters.filter((one) => one.in === "path")),
    group("query", parameters.filter((one) => one.in === "query")),
    bodyOf(requestBody),
  ].filter((one) => one !== undefined);
  const args = groups.length === 0
    ? "args?: Record<never, never>"
    : `args${groups.some((one) => !one.includes("?:")) ? "" : "?"}: { ${groups.join("; ")} }`;
  return `(${args}, options?: CallOptions): Promise<${answerOf(responses)}>;`;
}

function group(name: string, parameters: NonNullable<Operation["parameters"]>): string | undefined {
  if (parameters.length === 0) return undefined;
  const members = parameters.map((one) =>
    `${key(one.name)}${one.required ? "" : "?"}: ${parameterType(one.schema)}`
  );
  const isNeeded = parameters.some((one) => one.required);
  return isNeeded ? `${name}: { ${members.join("; ")} }` : `${name}?: { ${members.join("; ")} }`;
}

/** A parameter goes into the address as text, whatever it means there. */
function parameterType(schema: Schema): string {
  const type = typeOf(schema);
  return type === "number" || type === "boolean" ? `${type} | string` : type;
}

function bodyOf(body: Operation["requestBody"]): string | undefined {
  const json = body?.content["application/json"];
  if (!body || !json) return undefined;
  const isOnly = Object.keys(body.content).length === 1;
  return `json${body.required && isOnly ? "" : "?"}: ${typeOf(json.schema, "m.")}`;
}

function answerOf(responses: Operation["responses"]): string {
  const answers = Object.entries(responses).filter(([status]) => status.startsWith("2")).map(
    ([, { content }]) => {
      const json = content?.["application/json"];
      return json ? `Answer<${typeOf(json.schema, "m.")}>` : "Response";
    },
  );
  return [...new Set(answers)].join(" | ");
}

/** A schema as a type; `prefix` stands before the names of others. */
function typeOf(schema: Schema, prefix = ""): string {
  const all = (schemas: Schema[]) => schemas.map((one) => typeOf(one, prefix));
  if (schema.$ref) return prefix + schema.$ref.split("/").at(-1)!;
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.allOf) return all(schema.allOf).join(" & ");
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return `(${all(either).join(" | ")})`;
  if (Array.isArray(schema.type)) {
    return `(${all(schema.type.map((type) => ({ ...schema, type }))).join(" | ")})`;
  }
  switch (schema.type) {
    case "integer":
    case "number":
      return "number";
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "array":
      return `${bracketed(typeOf(schema.items ?? {}, prefix))}[]`;
    case "object":
      return objectOf(schema, prefix);
    default:
      return "unknown";
  }
}

function bracketed(type: string): string {
  return type.includes(" | ") && !/^[({]/.test(type) ? `(${type})` : type;
}

function objectOf({ properties, required = [], additionalProperties }: Schema, prefix: string): string {
  if (!properties) {
    const value = typeof additionalProperties === "object" ? typeOf(additionalProperties, prefix) : "unknown";
    return `Record<string, ${value}>`;
  }
  const members = Object.entries(properties).map(([name, schema]) =>
    `${comment(schema.description)}${key(name)}${required.includes(name) ? "" : "?"}: ${
      typeOf(schema, prefix)
    };`
  );
  return `{ ${members.join("\n")} }`;
}

function key(name: string): string {
  return /^[a-z_$][\w$]*$/i.test(name) ? name : JSON.stringify(name);
}

function comment(text: string | undefined): string {
  return text === undefined ? "" : `\n/** ${text.replaceAll("*/", "*\\/").replaceAll(/\s+/g, " ")} */\n`;
}

/** A text in the project's form. */
export async function formatted(text: string, ext: "ts" | "md" = "ts"): Promise<string> {
  const fmt = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--line-width", "110", "--ext", ext, "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = fmt.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await fmt.output();
  if (!success) throw new Error(`what was made can't be formatted: ${text}`);
  return new TextDecoder().decode(stdout);
}

/** The document of an API that has all its parts. */
export async function documentOfApi(): Promise<Document> {
  const { loadConfig } = await import("../src/config/load.ts");
  const { MailServer } = await import("../src/mail_server.ts");
  const { Journal } = await import("../src/observe/journal.ts");
  const config = await loadConfig({
    env: {},
    overrides: { listen: { smtp: [], pop3: [], admin: [] }, admin: { token: "to-see-the-document" } },
  });
  await using server = await MailServer.start(config, { inMemory: true, journal: new Journal(undefined) });
  const response = await server.fetch(new Request("http://localhost/openapi.json"), "127.0.0.1");
  return await response.json();
}

if (import.meta.main) {
  const document = await documentOfApi();
  await Deno.writeTextFile(MODELS, await formatted(modelsOf(document)));
  await Deno.writeTextFile(CALLS, await formatted(callsOf(document)));
}
