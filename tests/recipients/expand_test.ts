import { assertEquals } from "@std/assert";
import type { EnvelopeRecipient } from "../../src/mail/envelope.ts";
import { expand, successOf } from "../../src/recipients/expand.ts";
import { currentTargets, routed, type RoutedRecipient } from "../../src/recipients/route.ts";
import { Router } from "../../src/recipients/router.ts";

const ALL = ["success", "failure"] as const;
const OWNER = "owner-list@here.example";

type Aliases = Record<string, { targets: readonly string[]; owner?: string }>;

/** A router for `here.example`; what it knows may be changed, and then it counts one up. */
function names(accounts: string[], aliases: Aliases) {
  let revision = 0;
  const router = new Router({
    directory: {
      hasAccount: (address) => accounts.includes(address),
      firstAccount: () => accounts[0],
      alias: (address) => aliases[address],
      revision: () => revision,
    },
    domains: ["here.example"],
    hostname: "mx.here.example",
    catchAll: {},
    subaddressSeparator: "+",
  });
  return { router, accounts, aliases, changed: () => void revision++ };
}

Deno.test("expand() gives each copy the DSN parameters and the sender that it goes on with (RFC 3461 5.2.7)", () => {
  const { router } = names(["ann@here.example"], {
    "one@here.example": { targets: ["x@there.example"] },
    "two@here.example": { targets: ["ann@here.example", "y@there.example"] },
    "list@here.example": { targets: ["ann@here.example", "gone@here.example"], owner: OWNER },
  });
  const cases: [EnvelopeRecipient, unknown[], string | undefined][] = [
    [
      { address: "z@there.example", notify: ALL },
      [{ kind: "queue", address: "z@there.example", recipient: { address: "z@there.example", notify: ALL } }],
      undefined,
    ],
    [
      { address: "ann@here.example", notify: ALL, orcpt: "rfc822;a" },
      [{
        kind: "mailbox",
        address: "ann@here.example",
        recipient: { address: "ann@here.example", notify: ALL, orcpt: "rfc822;a" },
      }],
      "delivered",
    ],
    // passed on: who relays it tells
    [
      { address: "one@here.example", notify: ALL },
      [{
        kind: "queue",
        address: "x@there.example",
        recipient: { address: "one@here.example", notify: ALL, orcpt: "rfc822;one@here.example" },
        via: "one@here.example",
      }],
      undefined,
    ],
    [
      { address: "two@here.example", notify: ["success"], orcpt: "rfc822;first" },
      [
        ["mailbox", "ann@here.example"],
        ["queue", "y@there.example"],
      ].map(([kind, address]) => ({
        kind,
        address,
        recipient: { address: "two@here.example", notify: "never", orcpt: "rfc822;first" },
        via: "two@here.example",
      })),
      "expanded",
    ],
    [
      { address: "list@here.example", notify: ALL, orcpt: "rfc822;first" },
      [{
        kind: "mailbox",
        address: "ann@here.example",
        recipient: { address: "list@here.example" },
        via: "list@here.example",
        owner: OWNER,
      }, {
        kind: "queue",
        address: "gone@here.example",
        recipient: { address: "list@here.example" },
        via: "list@here.example",
        owner: OWNER,
        waits: { reason: "There is no such mailbox here" },
      }],
      "delivered",
    ],
    [
      { address: "nobody@here.example", notify: ALL },
      [{
        kind: "queue",
        address: "nobody@here.example",
        recipient: { address: "nobody@here.example", notify: ALL },
        waits: { reason: "There is no such mailbox here" },
      }],
      undefined,
    ],
  ];
  for (const [recipient, targets, success] of cases) {
    const found = expand(router.resolve(recipient.address), recipient);
    assertEquals(found, targets as typeof found, recipient.address);
    assertEquals(successOf(found, recipient), success as never, recipient.address);
    const silent = { address: recipient.address };
    assertEquals(successOf(expand(router.resolve(silent.address), silent), silent), undefined);
  }
});

Deno.test("expand() makes no original recipient that other servers would refuse for its length", () => {
  const alias = (length: number) => `${"=".repeat(length)}@here.example`;
  const { router } = names([], {
    [alias(150)]: { targets: ["x@there.example"] },
    [alias(170)]: { targets: ["x@there.example"] },
  });
  for (const [length, expected] of [[150, 7 + 3 * 150 + 13], [170, undefined]] as const) {
    const [target] = expand(router.resolve(alias(length)), { address: alias(length) });
    assertEquals(target!.recipient.orcpt?.length, expected);
  }
});

Deno.test("currentTargets() is what was found at RCPT, until a name changes", () => {
  const { router, accounts, aliases, changed } = names(["ann@here.example"], {});
  const at = (address: string) => routed({ address }, router.resolve(address), { before: [], router })!;
  const short = (recipient: RoutedRecipient) =>
    currentTargets(recipient, router).map(({ kind, address, owner, waits }) => [
      kind,
      address,
      owner ?? waits?.reason,
    ]);
  const ann = at("ann@here.example");
  const targets = ann.route!.targets;
  assertEquals(currentTargets(ann, router) === targets, true);
  // it became a list
  aliases["ann@here.example"] = { targets: ["x@there.example"], owner: OWNER };
  changed();
  assertEquals(short(ann), [["queue", "x@there.example", OWNER]]);
  // and vanished
  delete aliases["ann@here.example"];
  accounts.length = 0;
  changed();
  assertEquals(short(ann), [["queue", "ann@here.example", "There is no such mailbox here"]]);
  // without a route it is looked up
  assertEquals(short({ address: "x@there.example" }), [["queue", "x@there.example", undefined]]);
});

Deno.test("routed() adds up what all recipients take, and lets one alone always pass", () => {
  const many = (length: number) => Array.from({ length }, (_, i) => `user${i}@${"d".repeat(200)}.example`);
  const { router } = names([], {
    "all@here.example": { targets: many(1000) },
    "few@here.example": { targets: many(10) },
  });
  const take = (address: string, before: readonly RoutedRecipient[]) =>
    routed({ address }, router.resolve(address), { before, router });
  const all = take("all@here.example", [])!;
  assertEquals(all.route!.targets.length, 1000);
  assertEquals(take("all@here.example", [all]), undefined);
  const before: RoutedRecipient[] = [];
  for (;;) {
    const few = take("few@here.example", before);
    if (!few) break;
    before.push(few);
  }
  // each of the targets takes some 600 bytes of 600,000
  assertEquals(before.length > 80 && before.length < 110, true, `${before.length}`);
});
