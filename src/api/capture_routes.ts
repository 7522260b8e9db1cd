/** The calls of a server that captures: fresh inboxes, a reset, and the release of a message to the real world. */

import { createRoute, z } from "@hono/zod-openapi";
import { type Clock, sleep } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { Problem } from "../http/problem.ts";
import { normalizeDomain } from "../mail/domain.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import { storedMail } from "./mail_lookup.ts";
import type { AdminOptions } from "./options.ts";
import { releaseCaptured } from "./releasing.ts";
import { addressParam, addressSchema, knownOnly } from "./schemas.ts";

const tags = ["Capture"];

const inbox = createRoute({
  method: "post",
  path: "/",
  tags,
  operationId: "makeInbox",
  summary: "A fresh address that nobody else has: a test's own inbox",
  middleware: [jsonOnly({ required: false })] as const,
  request: { body: jsonBody(knownOnly({ domain: z.string().max(253).optional() }), false) },
  responses: {
    201: json(z.object({ address: addressSchema }), "The address"),
    ...problems(409, 413, 415, 422),
  },
});

const reset = createRoute({
  method: "post",
  path: "/",
  tags,
  operationId: "reset",
  summary: "Empty all mailboxes, the queue and the rules of faults",
  responses: { 204: { description: "All of it is empty" }, ...problems(409) },
});

const release = createRoute({
  method: "post",
  path: "/{address}/messages/{uid}/release",
  tags,
  operationId: "releaseMail",
  summary: "Send a captured message on for real, octet for octet",
  description:
    "It goes to these recipients by the way that the queue takes for any message, in the name of the " +
    "sender of its envelope; reports about it are captured.",
  middleware: [jsonOnly()] as const,
  request: {
    params: z.object({
      address: addressParam,
      uid: z.string().min(1).openapi({ param: { name: "uid", in: "path" }, example: "01KB8Y4ZQ2M3N4P5" }),
    }),
    body: jsonBody(knownOnly({ to: z.array(addressSchema).min(1).max(1000) })),
  },
  responses: {
    202: json(z.object({ id: z.string() }), "It is in the queue, by this id"),
    ...problems(404, 409, 413, 415, 422),
  },
});

/** `/api/v1/inboxes`. */
export function inboxRoutes(options: AdminOptions) {
  return newApi().openapi(inbox, (c) => {
    onlyCapturing(options, "an address that nobody was given has no mailbox here");
    const { domain } = c.req.valid("json") ?? {};
    return c.json({ address: freshAddress(domain, options) }, 201);
  });
}

/** `/api/v1/reset`. */
export function resetRoutes(options: AdminOptions) {
  return newApi().openapi(reset, async (c) => {
    const { captured, faults, dialogues, queue, clock } = options;
    onlyCapturing(options, "nothing of it can be emptied at once");
    faults?.clear();
    await emptyQueue(queue, clock);
    await captured?.removeAll();
    dialogues?.clear();
    return c.body(null, 204);
  });
}

/** `/api/v1/mailboxes/…/release`. */
export function releaseRoutes(options: AdminOptions) {
  return newApi().openapi(release, async (c) => {
    onlyCapturing(options, "mail here went where it was to go");
    const { entry } = await storedMail(c.req.valid("param"), options);
    return c.json({ id: await releaseCaptured(options, entry.uid, c.req.valid("json").to) }, 202);
  });
}

/** Throws the answer of a live server. */
function onlyCapturing({ captured }: AdminOptions, why: string): void {
  if (captured) return;
  throw new Problem(409, `This server serves real mail: ${why}; capture mode (serve --capture) has it`);
}

const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";
/** 32 characters to choose from: 80 bits. */
const LENGTH = 16;
/** Programs that look at addresses ask for a dot in the domain; this one is nobody's (RFC 2606 3). */
const SOME_DOMAIN = "inbox.example.com";

function freshAddress(
  wanted: string | undefined,
  { random, domains }: { random: Random; domains: readonly string[] },
) {
  const domain = wanted === undefined
    ? domains.find((one) => one.includes(".")) ?? SOME_DOMAIN
    : normalizeDomain(wanted.trim().replace(/\.$/, ""));
  if (domain === undefined) {
    throw new Problem(422, `domain: received "${wanted}", expected a domain such as ${SOME_DOMAIN}`);
  }
  let local = "";
  for (const octet of random.bytes(LENGTH)) local += ALPHABET[octet % ALPHABET.length];
  return `${local}@${domain}`;
}

/** What is being delivered at this instant gets so long to come to its end. */
const BUSY_MS = 5_000;
const LOOK_AGAIN_MS = 20;

async function emptyQueue(queue: DeliveryQueue, clock: Clock): Promise<void> {
  const until = clock.monotonic() + BUSY_MS;
  for (;;) {
    let busy = false;
    for await (const [record] of queue.messages()) {
      const refusal = record && await queue.delete(record.id);
      busy ||= refusal === "busy" || refusal === "partlyBusy";
    }
    if (!busy) return;
    if (clock.monotonic() > until) {
      throw new Problem(503, "A message is being sent on right now; try again when that has ended", {
        headers: { "retry-after": "5" },
        isChanged: true,
      });
    }
    await sleep(clock, LOOK_AGAIN_MS);
  }
}
