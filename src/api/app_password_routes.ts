/** The calls of `/api/v1/accounts/{address}/app-passwords`: further passwords for the mail ports, one for each device. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Account, Accounts } from "../auth/accounts.ts";
import { type AppPassword, type AppPasswords, MAX_APP_PASSWORDS } from "../auth/app_passwords.ts";
import { Problem, quoted } from "../http/problem.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import { iso } from "./queue_view.ts";
import {
  addressParam,
  knownOnly,
  namedMailbox,
  NOT_ONE_LINE,
  ONE_LINE,
  pageOf,
  timeSchema,
} from "./schemas.ts";

const tags = ["Accounts"];
const nameSchema = z.string().min(1).max(100).regex(ONE_LINE, NOT_ONE_LINE).openapi({ example: "phone" });
const params = z.object({ address: addressParam });
const oneParams = z.object({ address: addressParam, name: nameSchema });

const entrySchema = z.object({
  name: z.string(),
  createdAt: timeSchema,
  lastUsedAt: timeSchema.nullable().openapi({ description: "To the minute; null: nobody logged in with it" }),
}).openapi("AppPassword");

const madeSchema = entrySchema.extend({
  password: z.string().openapi({ description: "Told this once" }),
}).openapi("NewAppPassword");

const list = createRoute({
  method: "get",
  path: "/{address}/app-passwords",
  tags,
  operationId: "listAppPasswords",
  summary: "The app passwords of an account, by name",
  request: { params },
  responses: { 200: json(pageOf(entrySchema), "All of them"), ...problems(404) },
});

const add = createRoute({
  method: "post",
  path: "/{address}/app-passwords",
  tags,
  operationId: "addAppPassword",
  summary: "Make an app password",
  description: "It opens SMTP submission and POP3 by PLAIN, LOGIN and USER beside the account's own.",
  middleware: [jsonOnly()] as const,
  request: { params, body: jsonBody(knownOnly({ name: nameSchema })) },
  responses: { 201: json(madeSchema, "With the password"), ...problems(404, 409, 413, 415, 422) },
});

const show = createRoute({
  method: "get",
  path: "/{address}/app-passwords/{name}",
  tags,
  operationId: "getAppPassword",
  summary: "One app password",
  request: { params: oneParams },
  responses: { 200: json(entrySchema, "When it was made and used"), ...problems(404) },
});

const remove = createRoute({
  method: "delete",
  path: "/{address}/app-passwords/{name}",
  tags,
  operationId: "removeAppPassword",
  summary: "Take an app password away: it opens nothing any more",
  request: { params: oneParams },
  responses: { 204: { description: "It is gone" }, ...problems(404) },
});

/** The calls. */
export function appPasswordRoutes(accounts: Accounts, appPasswords: AppPasswords) {
  function found(text: string): Account {
    const address = namedMailbox(text);
    const account = address === undefined ? undefined : accounts.get(address);
    if (!account) throw new Problem(404, `There is no account ${quoted(text)}`);
    return account;
  }
  const nothing = (name: string) => new Problem(404, `There is no app password ${quoted(name)}`);

  return newApi()
    .openapi(list, async (c) => {
      const items = await appPasswords.list(found(c.req.valid("param").address));
      return c.json({ items: items.map(view), cursor: null }, 200);
    })
    .openapi(add, async (c) => {
      const account = found(c.req.valid("param").address);
      const { name } = c.req.valid("json");
      const made = await appPasswords.add(account, name);
      if (made === "exists") {
        throw new Problem(409, `${account.address} has an app password ${quoted(name)} already`);
      }
      if (made === "tooMany") {
        throw new Problem(409, `${account.address} has ${MAX_APP_PASSWORDS} app passwords, no more are kept`);
      }
      return c.json({ ...view(made), password: made.password }, 201);
    })
    .openapi(show, async (c) => {
      const { address, name } = c.req.valid("param");
      const one = (await appPasswords.list(found(address))).find((entry) => entry.name === name);
      if (!one) throw nothing(name);
      return c.json(view(one), 200);
    })
    .openapi(remove, async (c) => {
      const { address, name } = c.req.valid("param");
      if (!await appPasswords.remove(found(address), name)) throw nothing(name);
      return c.body(null, 204);
    });
}

function view({ name, createdAt, lastUsedAt }: AppPassword) {
  return { name, createdAt: iso(createdAt), lastUsedAt: lastUsedAt === undefined ? null : iso(lastUsedAt) };
}
