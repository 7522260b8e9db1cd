/** The call of `/api/v1/domains` about the DNS records of our own domains. */

import { createRoute, z } from "@hono/zod-openapi";
import { Problem, quoted } from "../http/problem.ts";
import { json, newApi, problems } from "./api_app.ts";
import type { AdminOptions } from "./options.ts";
import { domainOf, domainParam } from "./schemas.ts";

const findingSchema = z.object({
  purpose: z.enum(["Address", "PTR", "MX", "SPF", "DKIM", "DMARC", "MTA-STS", "TLS-RPT", "SRV"]),
  name: z.string().openapi({ description: "Whose record it is; for a PTR an address" }),
  state: z.enum(["right", "wrong", "unknown"]).openapi({
    description: "unknown: the DNS could not be asked",
  }),
  text: z.string().openapi({ description: "What is there, or what is wrong with it" }),
  mend: z.string().nullable().openapi({ description: "What would be right" }),
}).openapi("RecordFinding");

const records = createRoute({
  method: "get",
  path: "/{domain}/records",
  tags: ["Domains"],
  operationId: "checkRecords",
  summary: "What the DNS says of one of our domains and of our host, beside what it should; it is asked anew",
  request: { params: z.object({ domain: domainParam }) },
  responses: {
    200: json(z.object({ items: z.array(findingSchema), cursor: z.null() }), "One for each record"),
    ...problems(404),
  },
});

/** The call. */
export function recordRoutes(
  deliverability: NonNullable<AdminOptions["deliverability"]>,
  { domains }: Pick<AdminOptions, "domains">,
) {
  return newApi().openapi(records, async (c) => {
    const domain = domainOf(c.req.valid("param").domain);
    if (!domains.includes(domain)) {
      throw new Problem(404, `${quoted(domain)} is not one of this server's domains`);
    }
    const found = await deliverability([domain]);
    const all = [...found.host, ...found.domains.flatMap(({ findings }) => findings)];
    return c.json({ items: all.map(({ mend = null, ...one }) => ({ ...one, mend })), cursor: null }, 200);
  });
}
