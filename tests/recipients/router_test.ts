import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MAX_EXPANDED, type Resolution, Router, type RouterOptions } from "../../src/recipients/router.ts";

type Aliases = Record<string, readonly string[] | { targets: readonly string[]; owner?: string }>;

function router(
  accounts: readonly string[],
  aliases: Aliases = {},
  options: Partial<RouterOptions> = {},
): Router {
  const known = new Set(accounts);
  return new Router({
    directory: {
      hasAccount: (address) => known.has(address),
      firstAccount: () => accounts[0],
      alias: (address) => {
        const found = aliases[address];
        return found && ("targets" in found ? found : { targets: found });
      },
      revision: () => 0,
    },
    domains: ["here.example", "also.example"],
    hostname: "mx.here.example",
    catchAll: {},
    subaddressSeparator: "+",
    ...options,
  });
}

/** A resolution in short: `mailbox brain@…`, `remote x@…`, or its kind. */
function short(found: Resolution): string[] | string {
  return found.kind === "local" ? found.recipients.map((l) => `${l.kind} ${l.address}`) : found.kind;
}

Deno.test("resolve() knows who a recipient is", () => {
  const brain = "brain@here.example";
  const cases: [string, Aliases, string, string[] | string][] = [
    ["an account", {}, brain, [`mailbox ${brain}`]],
    ["in any case", {}, "BRAIN@here.example", [`mailbox ${brain}`]],
    ["with needless quotes", {}, '"brain"@here.example', [`mailbox ${brain}`]],
    ["somebody else's", {}, "x@there.example", "remote"],
    ["a subdomain is not ours", {}, "brain@sub.here.example", "remote"],
    ["nobody", {}, "nobody@here.example", "unknown"],
    ["nobody in the other domain", {}, "brain@also.example", "unknown"],
    // details
    ["a detail", {}, "brain+news@here.example", [`mailbox ${brain}`]],
    ["a detail with separators", {}, "brain+a+b@here.example", [`mailbox ${brain}`]],
    ["a detail in quotes", {}, '"brain+a b"@here.example', [`mailbox ${brain}`]],
    ["nothing before the separator", {}, "+news@here.example", "unknown"],
    [
      "an alias of its own for a detail",
      { "brain+x@here.example": ["x@there.example"] },
      "brain+x@here.example",
      [
        "remote x@there.example",
      ],
    ],
    // aliases
    ["an alias", { "b@here.example": [brain, "x@there.example"] }, "b@here.example", [
      `mailbox ${brain}`,
      "remote x@there.example",
    ]],
    [
      "an alias of an alias",
      { "a@here.example": ["b@here.example"], "b@here.example": [brain] },
      "a@here.example",
      [
        `mailbox ${brain}`,
      ],
    ],
    [
      "each end once",
      {
        "a@here.example": [brain, "b@here.example", "x@y.example", "x@y.example"],
        "b@here.example": [brain],
      },
      "a@here.example",
      [
        `mailbox ${brain}`,
        "remote x@y.example",
      ],
    ],
    ["an alias before the account of that name", { [brain]: ["x@there.example"] }, brain, [
      "remote x@there.example",
    ]],
    ["a copy for itself", { [brain]: [brain, "jsmith@there.example"] }, brain, [
      `mailbox ${brain}`,
      "remote jsmith@there.example",
    ]],
    ["a target with a detail", { "a@here.example": ["brain+a@here.example"] }, "a@here.example", [
      `mailbox ${brain}`,
    ]],
    ["a target out of date", { "a@here.example": ["gone@here.example", brain] }, "a@here.example", [
      "nobody gone@here.example",
      `mailbox ${brain}`,
    ]],
    ["only targets out of date", { "a@here.example": ["gone@here.example"] }, "a@here.example", "unknown"],
    // circles
    ["itself only", { "a@here.example": ["a@here.example"] }, "a@here.example", "loop"],
    [
      "a circle of three",
      {
        "a@here.example": ["b@here.example"],
        "b@here.example": ["c@here.example"],
        "c@here.example": ["a@here.example"],
      },
      "b@here.example",
      "loop",
    ],
    [
      "a circle with a way out",
      {
        "a@here.example": ["b@here.example", "x@there.example"],
        "b@here.example": ["a@here.example", brain],
      },
      "a@here.example",
      [`mailbox ${brain}`, "remote x@there.example"],
    ],
    // roles
    ["the postmaster alone", {}, "postmaster", [`mailbox ${brain}`]],
    ["the postmaster in any case", {}, "PostMaster", [`mailbox ${brain}`]],
    ["the postmaster of any of our domains", {}, "postmaster@also.example", [`mailbox ${brain}`]],
    ["abuse", {}, "abuse@here.example", [`mailbox ${brain}`]],
    ["abuse is the postmaster's", { "postmaster@also.example": ["x@there.example"] }, "abuse@also.example", [
      "remote x@there.example",
    ]],
    ["the postmaster of the host, whose name is no domain of ours", {}, "Postmaster@mx.here.example", [
      `mailbox ${brain}`,
    ]],
    ["who sends the reports", {}, "MAILER-DAEMON@mx.here.example", [`mailbox ${brain}`]],
    ["whom cron writes to", {}, "root@here.example", [`mailbox ${brain}`]],
    ["root of the host, as cron writes there", {}, "root@mx.here.example", [`mailbox ${brain}`]],
    ["root is the postmaster's", { "postmaster@here.example": ["x@there.example"] }, "Root@here.example", [
      "remote x@there.example",
    ]],
    ["root with an alias of its own", { "root@here.example": ["x@there.example"] }, "root@here.example", [
      "remote x@there.example",
    ]],
    ["nobody else at the host", {}, "brain@mx.here.example", "remote"],
    ["a postmaster with a detail", {}, "postmaster+x@here.example", [`mailbox ${brain}`]],
    ["a postmaster in a circle", { "postmaster@here.example": ["postmaster@here.example"] }, "postmaster", [
      `mailbox ${brain}`,
    ]],
    [
      "a postmaster out of date",
      { "postmaster@here.example": ["gone@here.example"] },
      "postmaster@here.example",
      [
        `mailbox ${brain}`,
      ],
    ],
  ];
  for (const [what, aliases, recipient, expected] of cases) {
    assertEquals(short(router([brain], aliases).resolve(recipient)), expected, what);
  }
});

Deno.test("resolve() gives what nobody has to the catch-all of the domain", () => {
  const catchAll = { "here.example": "brain@here.example", "also.example": "staff@also.example" };
  const r = router(["pinky@here.example", "brain@here.example"], {
    "staff@also.example": ["x@there.example"],
  }, {
    catchAll,
  });
  assertEquals(short(r.resolve("anything@here.example")), ["mailbox brain@here.example"]);
  assertEquals(short(r.resolve("pinky@here.example")), ["mailbox pinky@here.example"]);
  assertEquals(short(r.resolve("pinky+a@here.example")), ["mailbox pinky@here.example"]);
  assertEquals(short(r.resolve("anything@also.example")), ["remote x@there.example"]);
  assertEquals(short(r.resolve("postmaster@here.example")), ["mailbox brain@here.example"]);
});

Deno.test("resolve() without a separator takes no details", () => {
  assertEquals(
    short(router(["brain@here.example"], {}, { subaddressSeparator: "" }).resolve("brain+a@here.example")),
    "unknown",
  );
});

Deno.test("resolve() without any account knows no postmaster", () => {
  assertEquals(short(router([]).resolve("postmaster")), "unknown");
});

Deno.test("resolve() tells through which name a recipient came, and the owner of the list", () => {
  const found = router(["brain@here.example"], {
    "all@here.example": { targets: ["staff@here.example", "x@there.example"], owner: "owner@here.example" },
    "staff@here.example": ["brain@here.example"],
  }).resolve("all@here.example");
  assert(found.kind === "local");
  assertEquals(found, {
    kind: "local",
    list: true,
    recipients: [
      {
        kind: "mailbox",
        address: "brain@here.example",
        via: "staff@here.example",
        owner: "owner@here.example",
      },
      { kind: "remote", address: "x@there.example", via: "all@here.example", owner: "owner@here.example" },
    ],
  });
  const account = router(["brain@here.example"]).resolve("brain@here.example");
  assertEquals(account.kind === "local" && [account.list, account.recipients[0]!.via], [false, undefined]);
});

Deno.test("resolve() refuses what leads too deep or to too many as a whole: a part of a list would be a loss", () => {
  const chain = (length: number): Aliases =>
    Object.fromEntries(
      Array.from({ length }, (_, i) => [`a${i}@here.example`, [`a${i + 1}@here.example`, "x@y.example"]]),
    );
  const accounts = ["a10@here.example", "a11@here.example"];
  assertEquals(router(accounts, chain(10)).resolve("a0@here.example").kind, "local");
  assertEquals(router(accounts, chain(11)).resolve("a0@here.example").kind, "endless");
  for (const [count, kind] of [[MAX_EXPANDED, "local"], [MAX_EXPANDED + 1, "endless"]] as const) {
    const targets = Array.from({ length: count }, (_, i) => `u${i}@there.example`);
    assertEquals(router([], { "all@here.example": targets }).resolve("all@here.example").kind, kind);
  }
  // and that the postmaster's mail is read comes first
  assertEquals(
    short(
      router(accounts, { ...chain(11), "postmaster@here.example": ["a0@here.example"] }).resolve(
        "postmaster",
      ),
    ),
    [
      "mailbox a10@here.example",
    ],
  );
});

Deno.test("property: an expansion ends, and what it comes to are the accounts and remote addresses that can be reached", () => {
  const names = ["a", "b", "c", "d", "e"].map((l) => `${l}@here.example`);
  const target = fc.constantFrom(...names, "x@there.example", "y@there.example");
  const aliases = fc.dictionary(fc.constantFrom(...names), fc.array(target, { minLength: 1, maxLength: 4 }));
  fc.assert(
    fc.property(aliases, fc.subarray(names), fc.constantFrom(...names), (table, accounts, recipient) => {
      const reached = new Set<string>();
      const seen = new Set<string>();
      const visit = (name: string, from: string | undefined) => {
        if (!name.endsWith("@here.example")) reached.add(name);
        else if (table[name] && !seen.has(name)) {
          seen.add(name);
          for (const next of table[name]) visit(next, name);
        } else if (accounts.includes(name) && (from !== undefined || !table[name])) reached.add(name);
      };
      visit(recipient, undefined);
      const found = router(accounts, table).resolve(recipient);
      const expanded = found.kind === "local"
        ? found.recipients.filter((l) => l.kind !== "nobody").map((l) => l.address)
        : [];
      assertEquals(new Set(expanded), reached);
      assertEquals(expanded.length, reached.size);
      assertEquals(found.kind === "local", reached.size > 0);
    }),
  );
});
