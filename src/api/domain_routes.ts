/** The calls of `/api/v1/domains` and `/api/v1/suspensions`: a domain's route, and pauses. */

import { createRoute, z } from "@hono/zod-openapi";
import type { MailHosts } from "../dns/mail_hosts.ts";
import { literalOf, parseLiteral } from "../mail/domain.ts";
import { describeSuspension, type Suspension, type Suspensions } from "../queue/suspensions.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import type { AdminOptions } from "./options.ts";
import { Problem } from "../http/problem.ts";
import { iso } from "./queue_view.ts";
import { domainOf, domainParam, knownOnly, mustBe, timeSchema } from "./schemas.ts";

const params = z.object({ domain: domainParam });

const routeSchema = z.object({
  domain: z.string(),
  kind: z.enum(["local", "mx", "implicit", "smartHost", "none"]),
  hosts: z.array(z.object({ preference: z.int(), host: z.string(), addresses: z.array(z.string()) })),
  steps: z.array(z.string()).openapi({ description: "How it came to this, in sentences" }),
}).openapi("Route");

const route = createRoute({
  method: "get",
  path: "/{domain}/route",
  tags: ["Domains"],
  operationId: "getRoute",
  summary: "The route that a domain's mail would take now, and why",
  request: { params },
  responses: { 200: json(routeSchema, "The route"), ...problems(404) },
});

const suspensionSchema = z.object({
  domain: z.string(),
  since: timeSchema,
  until: timeSchema.nullable(),
  reason: z.string().nullable(),
}).openapi("Suspension");

const destinations = createRoute({
  method: "get",
  path: "/",
  tags: ["Domains"],
  operationId: "listDomains",
  summary: "The domains that messages wait for, and those that are suspended",
  responses: {
    200: json(
      z.object({
        items: z.array(z.object({
          domain: z.string(),
          waiting: z.int(),
          oldest: timeSchema.nullable(),
          nextAttemptAt: timeSchema.nullable().openapi({ description: "null: all are held" }),
          lastError: z.string().nullable(),
          suspension: suspensionSchema.nullable(),
        })),
        cursor: z.null(),
      }).openapi("Destinations"),
      "Those with the most messages first",
    ),
    ...problems(),
  },
});

async function destinationsOf({ queue, suspensions }: AdminOptions) {
  const [stats, suspended] = await Promise.all([
    queue.stats(),
    suspensions?.list() ?? [],
  ]);
  const waiting = stats.destinations.map(({ domain, messages, oldest, nextAt, lastError }) => {
    const suspension = suspended.find((one) => one.domain === domain);
    return {
      domain,
      waiting: messages,
      oldest: iso(oldest),
      nextAttemptAt: nextAt === undefined ? null : iso(nextAt),
      lastError: lastError ?? null,
      suspension: suspension ? view(suspension) : null,
    };
  });
  const named = new Set(waiting.map(({ domain }) => domain));
  const others = suspended.filter(({ domain }) => !named.has(domain)).map((one) => ({
    domain: one.domain,
    waiting: 0,
    oldest: null,
    nextAttemptAt: null,
    lastError: null,
    suspension: view(one),
  }));
  return [...waiting, ...others];
}

/** The calls about routes. */
export function domainRoutes(options: AdminOptions) {
  return newApi().openapi(
    destinations,
    async (c) => c.json({ items: await destinationsOf(options), cursor: null }, 200),
  ).openapi(route, async (c) => {
    const text = c.req.valid("param").domain;
    const ip = parseLiteral(text);
    const domain = ip === undefined ? domainOf(text) : literalOf(ip);
    return c.json(await routeOf(domain, options), 200);
  });
}

async function routeOf(domain: string, options: AdminOptions): Promise<z.infer<typeof routeSchema>> {
  if (options.domains.includes(domain)) {
    const steps = [`${domain} is one of this server's domains: it goes into mailboxes here.`];
    return { domain, kind: "local", hosts: [], steps };
  }
  const [found, suspension] = await Promise.all([options.route(domain), options.suspensions?.get(domain)]);
  const steps = suspension ? [`${describeSuspension(suspension)}.`, ...found.steps] : found.steps;
  const bySmartHost = options.usesSmartHost(domain);
  return {
    domain,
    kind: kindOf(found, bySmartHost),
    hosts: found.kind === "hosts"
      ? found.hosts.map(({ preference, host, addresses }) => ({ preference, host, addresses }))
      : [],
    steps: bySmartHost ? ["Its mail goes to the configured smart host.", ...steps] : steps,
  };
}

function kindOf(found: MailHosts, usesSmartHost: boolean): "mx" | "implicit" | "smartHost" | "none" {
  if (found.kind !== "hosts") return "none";
  if (usesSmartHost) return "smartHost";
  // a literal is its own host, as a domain without MX records is
  return found.how === "mx" ? "mx" : "implicit";
}

const list = createRoute({
  method: "get",
  path: "/",
  tags: ["Suspensions"],
  operationId: "listSuspensions",
  summary: "The domains that nothing is delivered to for now",
  responses: {
    200: json(z.object({ items: z.array(suspensionSchema), cursor: z.null() }), "All of them"),
    ...problems(),
  },
});

const put = createRoute({
  method: "put",
  path: "/{domain}",
  tags: ["Suspensions"],
  operationId: "suspendDomain",
  summary: "Deliver nothing to a domain for now; its messages wait",
  middleware: [jsonOnly({ required: false })] as const,
  request: {
    params,
    body: jsonBody(
      knownOnly({
        domain: z.string().max(255).optional().openapi({ description: "The path's, as GET answers it" }),
        since: timeSchema.optional().openapi({
          readOnly: true,
          description: "As GET answers it; not looked at",
        }),
        until: z.iso.datetime({ offset: true }).nullish().openapi({ description: "Ends by itself then" }),
        reason: z.string().max(1000).nullish(),
      }),
      false,
    ),
  },
  responses: { 200: json(suspensionSchema, "The suspension"), ...problems(404, 413, 415, 422) },
});

const remove = createRoute({
  method: "delete",
  path: "/{domain}",
  tags: ["Suspensions"],
  operationId: "resumeDomain",
  summary: "Deliver again",
  request: { params },
  responses: { 204: { description: "It is over" }, ...problems(404) },
});

/** The calls about pauses. */
export function suspensionRoutes(suspensions: Suspensions, options: AdminOptions) {
  return newApi()
    .openapi(
      list,
      async (c) => c.json({ items: (await suspensions.list()).map(view), cursor: null }, 200),
    )
    .openapi(put, async (c) => {
      const domain = domainOf(c.req.valid("param").domain);
      const { until, reason, ...body } = c.req.valid("json");
      mustBe(body.domain, domain, "domain");
      const end = until == null ? undefined : Date.parse(until);
      if (end !== undefined && !(end > options.clock.now())) {
        throw new Problem(422, `until: ${until} is past`);
      }
      const made = await suspensions.put({
        domain,
        ...(end === undefined ? {} : { until: end }),
        ...(reason == null ? {} : { reason }),
      });
      await options.queue.suspended(domain);
      return c.json(view(made), 200);
    })
    .openapi(remove, async (c) => {
      const domain = domainOf(c.req.valid("param").domain);
      if (!await suspensions.remove(domain)) throw new Problem(404, `${domain} is not suspended`);
      await options.queue.flush(domain);
      return c.body(null, 204);
    });
}

function view({ domain, since, until, reason }: Suspension): z.infer<typeof suspensionSchema> {
  return {
    domain,
    since: iso(since),
    until: until === undefined ? null : iso(until),
    reason: reason ?? null,
  };
}
