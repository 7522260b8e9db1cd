/** Tests of the calls of `/api/v1/faults`. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { seededRandom } from "../../src/base/random.ts";
import { FaultRules } from "../../src/faults/rules.ts";
import { Surface } from "./harness.ts";

const RULE = { stage: "rcpt", match: { to: "@x.example" }, reply: "451 4.3.0 Later", times: 2 };

Deno.test("rules are put, told with how often each acted, put again as they were told, and taken away", async () => {
  const faults = new FaultRules({ random: seededRandom(1) });
  await using surface = await Surface.start({ faults });
  assertEquals(await surface.json("GET", "/faults"), { items: [] });
  const put = await surface.json("PUT", "/faults", { body: [RULE, { stage: "end", drop: true, out: true }] });
  assertEquals(put.items, [{ ...RULE, acted: 0 }, { stage: "end", drop: true, out: true, acted: 0 }]);
  await faults.at({ stage: "rcpt", from: "", to: ["a@x.example"] });
  const got = await surface.json("GET", "/faults");
  assertEquals(got.items[0], { ...RULE, acted: 1 });
  assertEquals(await surface.json("PUT", "/faults", { body: got }), put);
  await surface.json("DELETE", "/faults", { status: 204 });
  assertEquals(await surface.json("GET", "/faults"), { items: [] });
});

Deno.test("rules that can't act are refused, each with the name of its member, and the old ones stay", async () => {
  const faults = new FaultRules({ random: seededRandom(1) });
  await using surface = await Surface.start({ faults });
  await surface.json("PUT", "/faults", { body: [RULE] });
  const body = {
    items: [RULE, { stage: "hello", drop: true }, { stage: "mail", drop: true, match: { subject: "x" } }],
  };
  const response = await surface.call("PUT", "/faults", body);
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  const problem = await response.json();
  assertEquals(problem.status, 400);
  assertEquals(
    problem.errors.map(({ in: where, name }: { in: string; name: string }) => `${where} ${name}`),
    ["body items.1.stage", "body items.2.match.subject"],
  );
  assertMatch(
    problem.detail,
    /items\.1\.stage: must be one of connect, ehlo, .*items\.2\.match\.subject: is not known at mail/,
  );
  for (const wrong of [{}, 7, "drop", null]) {
    const { detail } = await surface.json("PUT", "/faults", { body: wrong, status: 400 });
    assertStringIncludes(detail, "must be a list of rules");
  }
  assertEquals((await surface.json("GET", "/faults")).items, [{ ...RULE, acted: 0 }]);
});

Deno.test("a server of real mail has no faults, and says why", async () => {
  await using surface = await Surface.start();
  for (const [method, body] of [["GET"], ["PUT", [RULE]], ["DELETE"]] as const) {
    const { detail } = await surface.json(method, "/faults", { body, status: 409 });
    assertStringIncludes(detail, "serve --capture");
  }
});
