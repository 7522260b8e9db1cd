/** The calls of `/api/v1/aliases`: names that stand for other addresses. */

import { createRoute, z } from "@hono/zod-openapi";
import { localKey } from "../mail/address.ts";
import { type Alias, areTooMany, MAX_TARGET_OCTETS, MAX_TARGETS } from "../recipients/aliases.ts";
import { localAddress } from "./account_routes.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import type { AdminOptions } from "./options.ts";
import { Problem, quoted } from "../http/problem.ts";
import {
  addressCursor,
  addressParam,
  addressSchema,
  knownOnly,
  limitParam,
  mailboxOf,
  mustBe,
  namedMailbox,
  pageOf,
} from "./schemas.ts";

const tags = ["Aliases"];
const params = z.object({ address: addressParam });

const aliasSchema = z.object({
  address: z.string(),
  targets: z.array(z.string()).openapi({ description: "Whom it stands for; none: it has ended" }),
  owner: z.string().nullable().openapi({ description: "Hears of a list's failures; null: it is no list" }),
}).openapi("Alias");

const sameAddress = addressSchema.optional().openapi({ description: "The path's, as GET answers it" });

const list = createRoute({
  method: "get",
  path: "/",
  tags,
  operationId: "listAliases",
  summary: "List aliases, by address",
  request: { query: knownOnly({ limit: limitParam(1000, 100), cursor: addressCursor }) },
  responses: { 200: json(pageOf(aliasSchema), "A page"), ...problems() },
});

const show = createRoute({
  method: "get",
  path: "/{address}",
  tags,
  operationId: "getAlias",
  summary: "One alias",
  request: { params },
  responses: { 200: json(aliasSchema, "The alias"), ...problems(404) },
});

const put = createRoute({
  method: "put",
  path: "/{address}",
  tags,
  operationId: "putAlias",
  summary: "Make or replace an alias",
  middleware: [jsonOnly()] as const,
  request: {
    params,
    body: jsonBody(knownOnly({
      address: sameAddress,
      targets: z.array(addressSchema).min(1).max(MAX_TARGETS),
      owner: addressSchema.nullish(),
    })),
  },
  responses: { 200: json(aliasSchema, "The alias"), ...problems(413, 415, 422) },
});

const change = createRoute({
  method: "patch",
  path: "/{address}",
  tags,
  operationId: "changeAlias",
  summary: "Add targets and remove others; a missing alias is made, one without a target left ends",
  middleware: [jsonOnly()] as const,
  request: {
    params,
    body: jsonBody(knownOnly({
      address: sameAddress,
      add: z.array(addressSchema).max(MAX_TARGETS).optional(),
      remove: z.array(addressSchema).max(MAX_TARGETS).optional(),
      owner: addressSchema.nullish(),
    })),
  },
  responses: { 200: json(aliasSchema, "The alias as it is then"), ...problems(404, 409, 413, 415, 422) },
});

const remove = createRoute({
  method: "delete",
  path: "/{address}",
  tags,
  operationId: "removeAlias",
  summary: "Remove an alias",
  request: { params },
  responses: { 204: { description: "It is gone" }, ...problems(404, 409) },
});

/** The calls. */
export function aliasRoutes({ aliases, domains }: AdminOptions) {
  return newApi()
    .openapi(list, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const after = cursor === undefined ? "" : localKey(cursor);
      const rest = (await aliases.list()).filter((alias) => localKey(alias.address) > after);
      const items = rest.slice(0, limit).map(view);
      return c.json({ items, cursor: rest.length > limit ? items.at(-1)!.address : null }, 200);
    })
    .openapi(show, async (c) => {
      const text = c.req.valid("param").address;
      const address = namedMailbox(text);
      const alias = address === undefined ? undefined : await aliases.get(address);
      if (!alias) throw new Problem(404, `There is no alias ${quoted(text)}`);
      return c.json(view(alias), 200);
    })
    .openapi(put, async (c) => {
      const address = localAddress(c.req.valid("param").address, domains);
      const { targets, owner, ...body } = c.req.valid("json");
      mustBe(body.address, address, "address");
      const mailboxes = mailboxesOf(targets, "targets");
      if (areTooMany(mailboxes)) throw tooMany("targets");
      const made = await aliases.put({
        address,
        targets: mailboxes,
        ...(owner == null ? {} : { owner: mailboxOf(owner, "owner") }),
      });
      return c.json(view(made), 200);
    })
    .openapi(change, async (c) => {
      const address = localAddress(c.req.valid("param").address, domains);
      const { add = [], remove = [], owner, ...body } = c.req.valid("json");
      mustBe(body.address, address, "address");
      const came = await aliases.edit(address, {
        add: mailboxesOf(add, "add"),
        remove: mailboxesOf(remove, "remove"),
        owner: owner == null ? owner : mailboxOf(owner, "owner"),
      });
      switch (came) {
        case "unknown":
          throw new Problem(404, `There is no alias ${quoted(address)}`);
        case "configured":
          throw inConfiguration(address);
        case "tooMany":
          throw tooMany("add");
        case "ended":
          return c.json({ address, targets: [], owner: null }, 200);
        default:
          return c.json(view(came), 200);
      }
    })
    .openapi(remove, async (c) => {
      const text = c.req.valid("param").address;
      const address = namedMailbox(text);
      const came = address === undefined ? "unknown" : await aliases.remove(address);
      if (came === "unknown") throw new Problem(404, `There is no alias ${quoted(text)}`);
      if (came === "configured") throw inConfiguration(text);
      return c.body(null, 204);
    });
}

function view(alias: Alias): z.infer<typeof aliasSchema> {
  const { address, targets, owner } = alias;
  return { address, targets: [...targets], owner: owner ?? null };
}

function mailboxesOf(given: readonly string[], name: string): string[] {
  return given.map((text, i) => mailboxOf(text, `${name}.${i}`));
}

function tooMany(field: string): Problem {
  const most = `more than ${MAX_TARGETS} targets, or more than ${MAX_TARGET_OCTETS} octets of them`;
  return new Problem(422, `${field}: the alias would have ${most}; put some into an alias of their own`);
}

function inConfiguration(address: string): Problem {
  return new Problem(409, `The alias ${quoted(address)} is in the configuration; take it out there`);
}
