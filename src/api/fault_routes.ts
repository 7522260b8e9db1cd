/** The calls of `/api/v1/faults`: what goes wrong on purpose, in a server that captures mail or that a test made. */

import { createRoute, z } from "@hono/zod-openapi";
import { FAULT_STAGES, parseFaultRules } from "../faults/rule.ts";
import { FaultRuleRefused, type FaultRules } from "../faults/rules.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import { Problem } from "../http/problem.ts";

const part = z.string().min(1).max(1000);
const count = z.int().min(1);

const ruleSchema = z.object({
  stage: z.enum(FAULT_STAGES).openapi({ description: "What is answered; `end`: the end of the text" }),
  match: z.object({
    from: part.openapi({ description: "A sender or a part of one (`<>`: the empty one); from `mail` on" }),
    to: part.openapi({ description: "A recipient, or a part of one; from `rcpt` on" }),
    subject: part.openapi({ description: "A part of the subject; at `end`" }),
    attempt: count.openapi({ description: "Only the n-th time that the rest of it fits" }),
  }).partial().optional().openapi({ description: "All that is given has to fit" }),
  reply: z.string().optional().openapi({ description: "A 4xx or 5xx", example: "451 4.3.0 Not now" }),
  delay: z.union([z.string(), z.number()]).optional().openapi({ example: "2s" }),
  drop: z.literal(true).optional().openapi({ description: "The connection ends without an answer" }),
  truncate: count.optional().openapi({
    description: "So many octets of the answer, and the connection ends",
  }),
  tlsFail: z.literal(true).optional().openapi({ description: "The handshake fails; at `starttls`" }),
  times: count.optional().openapi({ description: "So often at most; absent: for ever" }),
  probability: z.number().gt(0).max(1).optional().openapi({ description: "Absent: surely" }),
  out: z.boolean().optional().openapi({ description: "It is the next server's answer to what goes out" }),
}).openapi("FaultRule");

const listSchema = z.object({
  items: z.array(ruleSchema.extend({ acted: z.int().openapi({ description: "How often" }) })),
}).openapi("FaultRules");

/** One reader for rules, whoever they come from: its words are the problem's. */
const bodySchema = z.unknown().transform((body, context) => {
  const parsed = parseFaultRules(body);
  if (parsed.ok) return [...parsed.rules];
  for (const { name, detail } of parsed.errors) {
    context.addIssue({ code: "custom", message: detail, path: name === "" ? [] : name.split(".") });
  }
  return z.NEVER;
}).openapi({
  anyOf: [
    { type: "array", items: { $ref: "#/components/schemas/FaultRule" } },
    { $ref: "#/components/schemas/FaultRules" },
  ],
});

const list = createRoute({
  method: "get",
  path: "/",
  tags: ["Faults"],
  operationId: "listFaults",
  summary: "The rules of faults in their order, and how often each acted",
  responses: { 200: json(listSchema, "All of them"), ...problems(409) },
});

const put = createRoute({
  method: "put",
  path: "/",
  tags: ["Faults"],
  operationId: "putFaults",
  summary: "Put rules of faults in the place of those before",
  description:
    "Each says exactly one of `reply`, `delay`, `drop`, `truncate` and `tlsFail`. They are taken in " +
    "order; the first that fits acts. When one can't act, all are refused, and those before stay.",
  middleware: [jsonOnly()] as const,
  request: { body: jsonBody(bodySchema) },
  responses: { 200: json(listSchema, "The rules"), ...problems(409, 413, 415, 422) },
});

const remove = createRoute({
  method: "delete",
  path: "/",
  tags: ["Faults"],
  operationId: "removeFaults",
  summary: "Take all rules of faults away",
  responses: { 204: { description: "There are none" }, ...problems(409) },
});

/** The calls. `faults` absent: this server does nothing wrong on purpose, and says so. */
export function faultRoutes(faults: FaultRules | undefined) {
  const rules = () => {
    if (faults) return faults;
    throw new Problem(
      409,
      "This server serves real mail: faults are for capture mode (serve --capture) and tests",
    );
  };
  return newApi()
    .openapi(list, (c) => c.json({ items: rules().list() }, 200))
    .openapi(put, (c) => {
      try {
        rules().set(c.req.valid("json"));
      } catch (error) {
        if (!(error instanceof FaultRuleRefused)) throw error;
        throw new Problem(422, error.message, {
          errors: error.errors.map((one) => ({ in: "body", ...one })),
        });
      }
      return c.json({ items: rules().list() }, 200);
    })
    .openapi(remove, (c) => {
      rules().clear();
      return c.body(null, 204);
    });
}
