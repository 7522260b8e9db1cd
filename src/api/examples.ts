/** The examples in the API's document: made from the schemas that check each call, so that none can be false. */

/** As much of a JSON schema as the document has. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly example?: unknown;
  readonly const?: unknown;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly minimum?: number;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly writeOnly?: boolean;
  readonly readOnly?: boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

type Content = Record<string, { schema?: Schema; example?: unknown }>;

interface Operation {
  parameters?: { name?: string; example?: unknown; schema?: Schema }[];
  requestBody?: { content?: Content };
  responses?: Record<string, { content?: Content }>;
}

interface Document {
  readonly paths?: Readonly<Record<string, object>>;
  readonly components?: { readonly schemas?: unknown };
}

const MESSAGE = "From: brain@example.org\r\nTo: jo@example.net\r\nSubject: Hello\r\n\r\nA first message.\r\n";
const TIME = "2026-01-05T09:00:00.000Z";
/** What stands in for a text, by its name. */
const BY_NAME: Readonly<Record<string, string>> = {
  address: "brain@example.org",
  sender: "brain@example.org",
  mailbox: "brain@example.org",
  from: "brain@example.org",
  recipient: "jo@example.net",
  to: "jo@example.net",
  domain: "example.net",
  host: "mail.example.net",
  id: "1M85X0GES17DRES7",
  job: "1M85X0GES17DRES7",
  cursor: "1M85X0GES17DRES7",
  types: "delivered,bounced",
  name: "phone",
  subject: "Hello",
  text: "A first message.",
  url: "https://hooks.example.net/mail",
  reply: "250 2.0.0 Ok",
  enhanced: "2.0.0",
  tls: "TLSv1.3",
  password: "a long secret",
};
/** What stands in for a body that is no JSON, by its type. */
const BY_TYPE: Readonly<Record<string, string>> = {
  "message/rfc822": MESSAGE,
  "application/mbox": `From brain@example.org Mon Jan  5 09:00:00 2026\n${MESSAGE.replaceAll("\r\n", "\n")}`,
  "text/event-stream":
    `event: delivered\ndata: {"at":"${TIME}","id":"1M85X0GES17DRES7","recipient":"jo@example.net"}\n\n`,
};

/** Gives each operation of a document its examples: of parameters, of the body, and of each good answer. */
export function withExamples<D extends Document>(document: D): D {
  const schemas = (document.components?.schemas ?? {}) as Readonly<Record<string, Schema>>;
  for (const item of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(item) as Operation[]) {
      for (const parameter of operation.parameters ?? []) {
        const { name = "", schema } = parameter;
        if (schema && parameter.example === undefined && schema.example === undefined) {
          parameter.example = sample(schema, { schemas, name });
        }
      }
      fill(operation.requestBody?.content, { schemas, asks: true });
      for (const [status, { content }] of Object.entries(operation.responses ?? {})) {
        if (status.startsWith("2")) fill(content, { schemas });
      }
    }
  }
  return document;
}

interface Around {
  readonly schemas: Readonly<Record<string, Schema>>;
  /** The name of what is made. */
  readonly name?: string;
  /** It is sent: what only answers have is left out. */
  readonly asks?: boolean;
  /** How deep it stands: a schema may hold itself. */
  readonly depth?: number;
}

function fill(content: Content | undefined, around: Around): void {
  for (const [type, media] of Object.entries(content ?? {})) {
    if (media.example !== undefined || !media.schema) continue;
    media.example = /json/.test(type) ? sample(media.schema, around) : BY_TYPE[type] ?? "A first message.";
  }
}

/** A value that fits a schema. */
export function sample(given: Schema, around: Around): unknown {
  const { schemas, name = "", depth = 0 } = around;
  const schema = given.$ref === undefined ? given : schemas[given.$ref.split("/").at(-1)!] ?? {};
  const inner = { ...around, depth: depth + 1 };
  if (schema.example !== undefined) return schema.example;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return sample(choices.find((one) => one.type !== "null") ?? choices[0]!, around);
  if (schema.allOf) {
    const parts = schema.allOf.map((one) => sample(one, around));
    return parts.length === 1 ? parts[0] : Object.assign({}, ...parts);
  }
  const types = [schema.type ?? "object"].flat();
  switch (types.find((type) => type !== "null") ?? "null") {
    case "null":
      return null;
    case "string":
      return schema.format === "date-time" ? TIME : schema.default ?? BY_NAME[name] ?? "text";
    case "integer":
    case "number":
      return schema.default ?? Math.max(1, schema.minimum ?? 1);
    case "boolean":
      return schema.default ?? true;
    case "array": {
      const isDeep = depth > 4 && (schema.minItems ?? 0) === 0;
      return isDeep || !schema.items ? [] : [sample(schema.items, { ...inner, name: singular(name) })];
    }
    default:
      return Object.fromEntries(
        Object.entries(schema.properties ?? {})
          .filter(([key, { readOnly }]) =>
            schema.required?.includes(key) || (!readOnly && !around.asks) || depth > 0
          )
          .filter(([, { readOnly }]) => !(around.asks && readOnly))
          .map(([key, value]) => [key, sample(value, { ...inner, name: key })]),
      );
  }
}

function singular(name: string): string {
  const one: Readonly<Record<string, string>> = {
    recipients: "recipient",
    targets: "to",
    ids: "id",
    addresses: "host",
  };
  return one[name] ?? name.replace(/s$/, "");
}
