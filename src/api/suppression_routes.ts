/** The calls of `/api/v1/suppressions`: addresses that nothing is sent to. */

import { createRoute, z } from "@hono/zod-openapi";
import { localKey } from "../mail/address.ts";
import type { Suppression, Suppressions } from "../queue/suppressions.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import type { AdminOptions } from "./options.ts";
import { Problem, quoted } from "../http/problem.ts";
import { iso } from "./queue_view.ts";
import {
  addressCursor,
  addressParam,
  addressSchema,
  limitParam,
  mailboxOf,
  mustBe,
  namedMailbox,
  pageOf,
  timeSchema,
} from "./schemas.ts";

const tags = ["Suppressions"];
const params = z.object({ address: addressParam });

const suppressionSchema = z.object({
  address: z.string(),
  since: timeSchema,
  until: timeSchema.nullable().openapi({ description: "Ends by itself then" }),
  by: z.enum(["bounces", "complaint", "operator"]).openapi({
    description: "Messages came back, its owner complained of one, or somebody put it there",
  }),
  reason: z.string().nullable(),
}).openapi("Suppression");

const list = createRoute({
  method: "get",
  path: "/",
  tags,
  operationId: "listSuppressions",
  summary: "The addresses that nothing is sent to, by address",
  request: { query: z.strictObject({ limit: limitParam(1000, 100), cursor: addressCursor }) },
  responses: { 200: json(pageOf(suppressionSchema), "A page"), ...problems() },
});

const show = createRoute({
  method: "get",
  path: "/{address}",
  tags,
  operationId: "getSuppression",
  summary: "Is anything sent to that address?",
  request: { params },
  responses: { 200: json(suppressionSchema, "Nothing is"), ...problems(404) },
});

const put = createRoute({
  method: "put",
  path: "/{address}",
  tags,
  operationId: "suppressAddress",
  summary: "Send nothing to an address; messages to it come back",
  middleware: [jsonOnly({ required: false })] as const,
  request: {
    params,
    body: jsonBody(
      z.strictObject({
        address: addressSchema.optional().openapi({ description: "The path's, as GET answers it" }),
        since: timeSchema.optional().openapi({
          readOnly: true,
          description: "As GET answers it; not looked at",
        }),
        by: z.string().optional().openapi({
          readOnly: true,
          description: "As GET answers it; not looked at",
        }),
        until: z.iso.datetime({ offset: true }).nullish().openapi({ description: "Ends by itself then" }),
        reason: z.string().max(1000).nullish(),
      }),
      false,
    ),
  },
  responses: { 200: json(suppressionSchema, "It is on the list"), ...problems(413, 415, 422) },
});

const remove = createRoute({
  method: "delete",
  path: "/{address}",
  tags,
  operationId: "unsuppressAddress",
  summary: "Send to an address again",
  request: { params },
  responses: { 204: { description: "It is off the list" }, ...problems(404) },
});

/** The calls. */
export function suppressionRoutes(suppressions: Suppressions, { clock }: AdminOptions) {
  return newApi()
    .openapi(list, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const after = cursor === undefined ? "" : localKey(cursor);
      const rest = (await suppressions.list()).filter(({ address }) => localKey(address) > after);
      const items = rest.slice(0, limit).map(view);
      return c.json({ items, cursor: rest.length > limit ? items.at(-1)!.address : null }, 200);
    })
    .openapi(show, async (c) => {
      const text = c.req.valid("param").address;
      const address = namedMailbox(text);
      const found = address === undefined ? undefined : await suppressions.get(address);
      if (!found) throw notThere(text);
      return c.json(view(found), 200);
    })
    .openapi(put, async (c) => {
      const address = mailboxOf(c.req.valid("param").address, "address");
      const { until, reason, ...body } = c.req.valid("json");
      mustBe(body.address, address, "address");
      const end = until == null ? undefined : Date.parse(until);
      if (end !== undefined && !(end > clock.now())) throw new Problem(422, `until: ${until} is past`);
      const made = await suppressions.put({
        address,
        ...(end === undefined ? {} : { until: end }),
        ...(reason == null ? {} : { reason }),
      });
      return c.json(view(made), 200);
    })
    .openapi(remove, async (c) => {
      const text = c.req.valid("param").address;
      const address = namedMailbox(text);
      if (address === undefined || !await suppressions.remove(address)) throw notThere(text);
      return c.body(null, 204);
    });
}

function notThere(address: string): Problem {
  return new Problem(404, `${quoted(address)} is not on the suppression list`);
}

function view({ address, since, until, by, reason }: Suppression): z.infer<typeof suppressionSchema> {
  return {
    address,
    since: iso(since),
    until: until === undefined ? null : iso(until),
    by,
    reason: reason ?? null,
  };
}
