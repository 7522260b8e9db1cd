import { assertEquals, assertStringIncludes } from "@std/assert";
import { Surface } from "./harness.ts";

Deno.test("what GET answers of an alias, PUT and PATCH take", async () => {
  await using surface = await Surface.start();
  const path = "/aliases/crew@example.org";
  const body = { targets: ["brain@example.org", "jo@example.net"], owner: "brain@example.org" };
  await surface.json("PUT", path, { body });
  const got = await surface.json("GET", path);
  assertEquals(got, { address: "crew@example.org", ...body });
  assertEquals(await surface.json("PUT", path, { body: got }), got);
  assertEquals(await surface.json("PUT", path, { body: { ...got, address: "CREW@Example.ORG." } }), got);
  const { items } = await surface.json("GET", "/aliases");
  for (const item of items) {
    assertEquals(await surface.json("PUT", `/aliases/${item.address}`, { body: item }), item);
  }
  const added = await surface.json("PATCH", path, { body: { address: got.address, add: ["x@example.net"] } });
  assertEquals(added.targets, [...body.targets, "x@example.net"]);
});

Deno.test("what GET answers of an account, PATCH takes, and POST where it is gone", async () => {
  await using surface = await Surface.start();
  await surface.send({ to: ["brain@example.org"] }, "Subject: x\r\n\r\nx\r\n");
  const path = "/accounts/brain@example.org";
  const got = await surface.json("GET", path);
  assertEquals(got.messages, 1);
  assertEquals(await surface.json("PATCH", path, { body: got }), got);
  // what nobody sets is not looked at
  assertEquals(await surface.json("PATCH", path, { body: { ...got, used: 0, messages: 7 } }), got);
  await surface.json("DELETE", path, { status: 204 });
  const again = await surface.json("POST", "/accounts", { body: got, status: 201 });
  assertEquals(again, { ...got, used: 0, messages: 0 });
});

Deno.test("what GET answers of a suspension, PUT takes", async () => {
  await using surface = await Surface.start();
  await surface.json("PUT", "/suspensions/example.net", { body: { reason: "They asked for it" } });
  const { items: [got] } = await surface.json("GET", "/suspensions");
  assertEquals(got.until, null);
  assertEquals(await surface.json("PUT", "/suspensions/example.net", { body: got }), got);
  const until = "2199-01-01T00:00:00.000Z";
  assertEquals(await surface.json("PUT", "/suspensions/example.net", { body: { ...got, until } }), {
    ...got,
    until,
  });
});

Deno.test("a body that names another one than its path is refused, and nothing changes", async () => {
  await using surface = await Surface.start();
  for (
    const [method, path, body] of [
      ["PUT", "/aliases/staff@example.org", { address: "crew@example.org", targets: ["jo@example.net"] }],
      ["PUT", "/aliases/staff@example.org", { address: "staff", targets: ["jo@example.net"] }],
      ["PATCH", "/aliases/staff@example.org", { address: "crew@example.org", add: ["jo@example.net"] }],
      ["PATCH", "/accounts/brain@example.org", { address: "pinky@example.org", name: "Pinky" }],
      ["PUT", "/suspensions/example.net", { domain: "example.com" }],
    ] as const
  ) {
    const { detail } = await surface.json(method, path, { body, status: 422 });
    assertStringIncludes(detail, "but the path names");
  }
  assertEquals((await surface.json("GET", "/aliases/staff@example.org")).targets.length, 2);
  assertEquals((await surface.json("GET", "/accounts/brain@example.org")).name, "Brain");
  assertEquals((await surface.json("GET", "/suspensions")).items, []);
});
