/** The calls of `/api/v1/accounts`: who has a mailbox here. */

import { createRoute, z } from "@hono/zod-openapi";
import { MAX_PASSWORD, passwordFault } from "../base/passwords.ts";
import { parseSize } from "../base/units.ts";
import { splitMailbox } from "../mail/address.ts";
import type { Account } from "../auth/accounts.ts";
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
  NOT_ONE_LINE,
  ONE_LINE,
  pageOf,
} from "./schemas.ts";

const tags = ["Accounts"];
const params = z.object({ address: addressParam });

const accountSchema = z.object({
  address: z.string(),
  name: z.string().nullable(),
  quota: z.int().nullable().openapi({ description: "Bytes; null: no limit" }),
  subFolders: z.literal(true).optional().openapi({
    description: "name+folder@ is delivered into that folder, where it is there",
  }),
  used: z.int().openapi({ description: "Bytes" }),
  messages: z.int(),
}).openapi("Account");

const nameSchema = z.string().max(200).regex(ONE_LINE, NOT_ONE_LINE);
const passwordSchema = z.string().min(1).max(MAX_PASSWORD).superRefine((password, context) => {
  const message = passwordFault(password);
  if (message !== undefined) context.addIssue({ code: "custom", message });
}).openapi({
  format: "password",
  writeOnly: true,
  description: `At most ${MAX_PASSWORD} octets of UTF-8`,
});
const quotaSchema = z.union([
  z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  // in either case by its letters: a flag would get into the document's pattern, where none can be
  z.string().max(30).regex(
    /^\d{1,12}(?:\.\d{1,6})? *(?:[KMGTkmgt][Ii]?)?[Bb]$/,
    "is no size such as 1GiB",
  ),
]).openapi({ description: 'Bytes, or a size such as "1GiB"', example: "1GiB" });

/** What GET answers and nobody sets. */
const readOnly = {
  used: z.int().optional().openapi({ readOnly: true, description: "As GET answers it; not looked at" }),
  messages: z.int().optional().openapi({ readOnly: true, description: "As GET answers it; not looked at" }),
};

const list = createRoute({
  method: "get",
  path: "/",
  tags,
  operationId: "listAccounts",
  summary: "List accounts, by address",
  request: { query: knownOnly({ limit: limitParam(1000, 100), cursor: addressCursor }) },
  responses: { 200: json(pageOf(accountSchema), "A page"), ...problems() },
});

const add = createRoute({
  method: "post",
  path: "/",
  tags,
  operationId: "addAccount",
  summary: "Make an account",
  middleware: [jsonOnly()] as const,
  request: {
    body: jsonBody(knownOnly({
      address: addressSchema,
      password: passwordSchema.optional(),
      name: nameSchema.nullish(),
      quota: quotaSchema.nullish(),
      subFolders: z.boolean().optional(),
      ...readOnly,
    })),
  },
  responses: { 201: json(accountSchema, "The account"), ...problems(409, 413, 415, 422) },
});

const show = createRoute({
  method: "get",
  path: "/{address}",
  tags,
  operationId: "getAccount",
  summary: "One account",
  request: { params },
  responses: { 200: json(accountSchema, "The account"), ...problems(404) },
});

const change = createRoute({
  method: "patch",
  path: "/{address}",
  tags,
  operationId: "changeAccount",
  summary: "Change what is given; null takes name or quota away",
  middleware: [jsonOnly()] as const,
  request: {
    params,
    body: jsonBody(knownOnly({
      address: addressSchema.optional().openapi({ description: "The path's, as GET answers it" }),
      password: passwordSchema.optional(),
      name: nameSchema.nullish(),
      quota: quotaSchema.nullish(),
      subFolders: z.boolean().optional(),
      ...readOnly,
    })),
  },
  responses: { 200: json(accountSchema, "The account as it is then"), ...problems(404, 413, 415, 422) },
});

const remove = createRoute({
  method: "delete",
  path: "/{address}",
  tags,
  operationId: "removeAccount",
  summary: "Remove an account with its mail",
  request: { params },
  responses: { 204: { description: "It is gone" }, ...problems(404) },
});

/** The calls. */
export function accountRoutes(options: AdminOptions) {
  const { accounts, mailStore, domains } = options;

  const view = (account: Account) => viewOf(mailStore, account);

  async function found(text: string): Promise<Account> {
    const address = namedMailbox(text);
    const account = address === undefined ? undefined : await accounts.get(address);
    if (!account) throw new Problem(404, `There is no account ${quoted(text)}`);
    return account;
  }

  return newApi()
    .openapi(list, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const page = await accounts.list({
        limit: limit + 1,
        ...(cursor === undefined ? {} : { after: cursor }),
      });
      const items = await Promise.all(page.slice(0, limit).map(view));
      return c.json({ items, cursor: page.length > limit ? items.at(-1)!.address : null }, 200);
    })
    .openapi(add, async (c) => {
      const { name, quota, subFolders, password, ...body } = c.req.valid("json");
      const address = localAddress(body.address, domains);
      const made = await accounts.add({
        address,
        password,
        name: name ?? undefined,
        quota: bytesOf(quota) ?? undefined,
        subFolders,
      });
      if (made === "exists") throw new Problem(409, `The account ${address} exists already`);
      return c.json(await view(made), 201);
    })
    .openapi(show, async (c) => c.json(await view(await found(c.req.valid("param").address)), 200))
    .openapi(change, async (c) => {
      const { address } = await found(c.req.valid("param").address);
      const { password, name, subFolders, ...body } = c.req.valid("json");
      mustBe(body.address, address, "address");
      const quota = bytesOf(body.quota);
      if (password !== undefined) await accounts.setPassword(address, password);
      const changed = await accounts.update(address, { name, quota, subFolders });
      if (!changed) throw new Problem(404, `The account ${address} was removed meanwhile`);
      return c.json(await view(changed), 200);
    })
    .openapi(remove, async (c) => {
      const { address } = await found(c.req.valid("param").address);
      await Promise.all([accounts.remove(address), options.appPasswords?.forget(address)]);
      return c.body(null, 204);
    });
}

async function viewOf(
  mailStore: AdminOptions["mailStore"],
  account: Account,
): Promise<z.infer<typeof accountSchema>> {
  const { bytes, messages } = await mailStore.usage(account.address);
  return {
    address: account.address,
    name: account.name ?? null,
    quota: account.quota ?? null,
    ...(account.subFolders && { subFolders: true as const }),
    used: bytes,
    messages,
  };
}

/** An address of this server in canonical form; throws a {@linkcode Problem} for others. */
export function localAddress(text: string, domains: readonly string[]): string {
  const address = mailboxOf(text, "address");
  const { domain } = splitMailbox(address);
  if (domains.includes(domain)) return address;
  throw new Problem(
    422,
    `address: ${quoted(domain)} is not delivered here; ${quoted(domains.join(", "))} is`,
  );
}

function bytesOf(quota: number | string | null | undefined): number | null | undefined {
  if (typeof quota !== "string") return quota;
  const bytes = parseSize(quota);
  if (bytes !== undefined) return bytes;
  throw new Problem(422, `quota: received "${quota}", expected a size such as 1GiB`);
}
