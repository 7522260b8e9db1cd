import { assert, assertEquals } from "@std/assert";
import { sample, type Schema } from "../../src/api/examples.ts";
import { Surface } from "./harness.ts";

type Full = Schema & {
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly additionalProperties?: boolean | Full;
};

/** What of a value does not fit a schema, by JSON Schema's own rules. */
function faults(value: unknown, given: Full, schemas: Record<string, Full>, at = "$"): string[] {
  const schema = given.$ref === undefined ? given : schemas[given.$ref.split("/").at(-1)!]!;
  const within = (inner: unknown, of: Schema, where: string) =>
    faults(inner, of as Full, schemas, `${at}${where}`);
  const found: string[] = [];
  for (const one of schema.allOf ?? []) found.push(...within(value, one, ""));
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices && !choices.some((one) => within(value, one, "").length === 0)) {
    found.push(`${at}: fits no choice`);
  }
  if (schema.enum && !schema.enum.includes(value)) found.push(`${at}: not of the enum`);
  const kind = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const types = schema.type === undefined ? undefined : [schema.type].flat();
  const kinds = kind === "number" && Number.isInteger(value) ? ["number", "integer"] : [kind];
  if (types && !types.some((type) => kinds.includes(type))) {
    return [...found, `${at}: ${kind}, not ${types.join("/")}`];
  }
  if (typeof value === "string") {
    if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
      found.push(`${at}: ${value} has not the form ${schema.pattern}`);
    }
    if (value.length < (schema.minLength ?? 0) || value.length > (schema.maxLength ?? Infinity)) {
      found.push(`${at}: length`);
    }
  }
  if (
    typeof value === "number" &&
    (value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity))
  ) {
    found.push(`${at}: range`);
  }
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0)) found.push(`${at}: too few`);
    if (schema.items) value.forEach((item, i) => found.push(...within(item, schema.items!, `[${i}]`)));
  } else if (typeof value === "object" && value !== null && schema.properties) {
    for (const name of schema.required ?? []) if (!(name in value)) found.push(`${at}.${name}: missing`);
    for (const [name, inner] of Object.entries(value)) {
      const of = schema.properties[name];
      if (of) found.push(...within(inner, of, `.${name}`));
      else if (schema.additionalProperties === false) found.push(`${at}.${name}: not known`);
    }
  }
  return found;
}

Deno.test("each operation has an example of its parameters, body and good answers, which fits its schema", async () => {
  await using surface = await Surface.start();
  const document = await (await surface.fetch("/openapi.json")).json();
  const schemas = document.components.schemas;
  const found: string[] = [];
  let examples = 0;
  // deno-lint-ignore no-explicit-any
  const look = (where: string, content: any) => {
    for (
      const [type, { schema, example }] of Object.entries<{ schema: Full; example: unknown }>(content ?? {})
    ) {
      if (!schema) continue;
      examples++;
      assert(example !== undefined, `${where} ${type} has no example`);
      if (type.includes("json")) found.push(...faults(example, schema, schemas).map((f) => `${where}: ${f}`));
    }
  };
  for (const [path, item] of Object.entries<Record<string, never>>(document.paths)) {
    // deno-lint-ignore no-explicit-any
    for (const [method, operation] of Object.entries<any>(item)) {
      const where = `${method.toUpperCase()} ${path}`;
      look(`${where} asks`, operation.requestBody?.content);
      // deno-lint-ignore no-explicit-any
      for (const [status, answer] of Object.entries<any>(operation.responses)) {
        if (status.startsWith("2")) look(`${where} answers ${status}`, answer.content);
      }
      for (const { name, schema, example } of operation.parameters ?? []) {
        const shown = example ?? schema.example;
        assert(shown !== undefined, `${where} ${name} has no example`);
        found.push(...faults(shown, schema, schemas).map((f) => `${where} ${name}: ${f}`));
      }
    }
  }
  assertEquals(found, []);
  assert(examples > 50);
});

Deno.test("an example that stands in a schema fits it", async () => {
  await using surface = await Surface.start();
  const document = await (await surface.fetch("/openapi.json")).json();
  const found: string[] = [];
  let examples = 0;
  const look = (within: unknown, at: string): void => {
    if (typeof within !== "object" || within === null) return;
    const schema = within as Full & { readonly example?: unknown };
    const isSchema = schema.type !== undefined || schema.anyOf !== undefined;
    if (isSchema && schema.example !== undefined) {
      examples++;
      found.push(...faults(schema.example, schema, document.components.schemas, at));
    }
    for (const [name, inner] of Object.entries(within)) if (name !== "example") look(inner, `${at}.${name}`);
  };
  look(document.components.schemas, "schemas");
  look(document.paths, "paths");
  assertEquals(found, []);
  assert(examples > 50, `only ${examples}`);
});

Deno.test("a false example is found: the test of examples can fail", () => {
  const schema: Full = {
    type: "object",
    required: ["at"],
    properties: { at: { type: "string", format: "date-time" } },
  };
  assertEquals(faults(sample(schema, { schemas: {} }), schema, {}), []);
  assertEquals(faults({ at: 1 }, schema, {}), ["$.at: number, not string"]);
  assertEquals(faults({}, schema, {}), ["$.at: missing"]);
});
