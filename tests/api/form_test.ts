/** One rule for all calls: 400 is for what the document tells apart from its own form, 422 for what has that form. */

import { assert, assertEquals } from "@std/assert";
import { Surface } from "./harness.ts";

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: { type?: string; pattern?: string; enum?: string[]; minLength?: number; example?: string };
  example?: string;
}

/** A value that the schema of a parameter does not allow; undefined: it allows all. */
function wrongFor({ schema }: Parameter): string | undefined {
  if (schema.enum || schema.type === "integer" || schema.type === "boolean") return "no-such";
  if (schema.pattern === undefined) return undefined;
  return ["?!", "\u0001", ""].find((text) => !new RegExp(schema.pattern!, "u").test(text));
}

Deno.test("a parameter that has not the form of the document is refused with 400, cursors among them", async () => {
  await using surface = await Surface.start();
  const { paths } = await (await surface.fetch("/openapi.json")).json();
  const asked: string[] = [];
  for (const [path, item] of Object.entries<Record<string, { parameters?: Parameter[] }>>(paths)) {
    for (const parameter of item["get"]?.parameters ?? []) {
      const wrong = parameter.in === "query" ? wrongFor(parameter) : undefined;
      if (wrong === undefined || !path.startsWith("/api/v1/") || path.includes("{name}")) continue;
      const at = path.replace("/api/v1", "").replaceAll(/\{\w+\}/g, "brain@example.org");
      const query = new URLSearchParams({ [parameter.name]: wrong });
      const { errors } = await surface.json("GET", `${at}?${query}`, { status: 400 });
      assert(errors.some(({ name }: { name: string }) => name === parameter.name), `${at} ${parameter.name}`);
      asked.push(`${path} ${parameter.name}`);
    }
  }
  const cursors = asked.filter((one) => one.endsWith(" cursor")).map((one) => one.split(" ")[0]);
  assertEquals(cursors.toSorted(), [
    "/api/v1/accounts",
    "/api/v1/aliases",
    "/api/v1/audit",
    "/api/v1/mailboxes/{address}/messages",
    "/api/v1/queue",
    "/api/v1/suppressions",
  ]);
  assert(asked.length > 12, String(asked));
});

Deno.test("a text that can't be read as what is wanted there is refused with 422", async () => {
  await using surface = await Surface.start();
  const box = "/mailboxes/brain@example.org/messages";
  for (const path of [`${box}?q=before:soon`, "/wait?mailbox=nonsense"]) {
    await surface.json("GET", path, { status: 422 });
  }
  for (const address of ["nobody", "jo@elsewhere.example"]) {
    await surface.json("POST", "/accounts", { body: { address, password: "long enough" }, status: 422 });
  }
});
