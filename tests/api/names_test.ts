import { assertEquals, assertStringIncludes } from "@std/assert";
import { BASE, Surface, TOKEN } from "./harness.ts";

Deno.test("accounts are made, changed, listed and removed", async () => {
  await using surface = await Surface.start();
  const made = await surface.json("POST", "/accounts", {
    body: { address: "Jo@EXAMPLE.org", password: "secret", name: "Jo", quota: "1MiB" },
    status: 201,
  });
  assertEquals(made, { address: "Jo@example.org", name: "Jo", quota: 1048576, used: 0, messages: 0 });
  await surface.json("POST", "/accounts", { body: { address: "jo@example.org" }, status: 409 });
  assertEquals(await surface.json("GET", "/accounts/jo@example.org"), made);
  const changed = await surface.json("PATCH", "/accounts/jo@example.org", {
    body: { name: null, quota: 5, password: "other" },
  });
  assertEquals([changed.name, changed.quota], [null, 5]);
  assertEquals((await surface.server.accounts.verify("jo@example.org", "other"))?.address, "Jo@example.org");
  const list = await surface.json("GET", "/accounts");
  assertEquals(list.items.map((a: { address: string }) => a.address), [
    "brain@example.org",
    "Jo@example.org",
  ]);
  const page = await surface.json("GET", "/accounts?limit=1");
  assertEquals(page.items.length, 1);
  const next = await surface.json("GET", `/accounts?limit=1&cursor=${encodeURIComponent(page.cursor)}`);
  assertEquals([next.items[0].address, next.cursor], ["Jo@example.org", null]);
  await surface.json("DELETE", "/accounts/jo@example.org", { status: 204 });
  await surface.json("GET", "/accounts/jo@example.org", { status: 404 });
  await surface.json("DELETE", "/accounts/jo@example.org", { status: 404 });
});

Deno.test("an account's mail goes with it", async () => {
  await using surface = await Surface.start();
  await surface.send({ to: ["brain@example.org"] }, "Subject: x\n\nx\n");
  const account = await surface.json("GET", "/accounts/brain@example.org");
  assertEquals(account.messages, 1);
  await surface.json("DELETE", "/accounts/brain@example.org", { status: 204 });
  await surface.json("POST", "/accounts", { body: { address: "brain@example.org" }, status: 201 });
  assertEquals((await surface.json("GET", "/mailboxes/brain@example.org/messages")).items, []);
});

Deno.test("accounts that can't be are refused", async (t) => {
  await using surface = await Surface.start();
  const tries: [unknown, number, string][] = [
    [{}, 400, "address"],
    [{ address: "nobody" }, 422, "address"],
    [{ address: "jo@elsewhere.example" }, 422, "example.org"],
    [{ address: "jo@example.org", quota: -1 }, 400, "quota"],
    [{ address: "jo@example.org", quota: "much" }, 400, "quota"],
    [{ address: "jo@example.org", password: "" }, 400, "password"],
    [{ address: "jo@example.org", password: "é".repeat(600) }, 400, "1024 octets"],
    [{ address: "jo@example.org", password: "p\ufffdss" }, 400, "UTF-8"],
    [{ address: "jo@example.org", name: "a\nb" }, 400, "name"],
    [{ address: "jo@example.org", admin: true }, 400, "admin"],
  ];
  for (const [body, status, part] of tries) {
    await t.step(JSON.stringify(body), async () => {
      assertStringIncludes((await surface.json("POST", "/accounts", { body, status })).detail, part);
    });
  }
});

Deno.test("the page takes the passwords that the API takes", async () => {
  await using surface = await Surface.start();
  const session = await surface.call("POST", "/session", { token: TOKEN });
  const headers = { cookie: session.headers.get("set-cookie")!.split(";")[0]!, origin: BASE };
  const form = await (await surface.fetch("/accounts", { headers })).text();
  const csrf = /name="csrf" value="([^"]+)"/.exec(form)![1]!;
  for (const [length, status] of [[512, 303], [513, 422]] as const) {
    const body = new URLSearchParams({
      csrf,
      address: `jo${length}@example.org`,
      password: "é".repeat(length),
      name: "",
      quota: "",
    });
    const answer = await surface.fetch("/accounts", { method: "POST", headers, body });
    assertEquals((await answer.text()).includes("1024 octets"), length > 512);
    assertEquals([answer.status, surface.server.accounts.has(`jo${length}@example.org`)], [
      status,
      length === 512,
    ]);
  }
});

Deno.test("aliases are made, replaced, listed and removed", async () => {
  await using surface = await Surface.start();
  const made = await surface.json("PUT", "/aliases/Sales@example.org", {
    body: { targets: ["brain@example.org", "jo@EXAMPLE.net", "brain@example.org"] },
  });
  assertEquals(made, {
    address: "Sales@example.org",
    targets: ["brain@example.org", "jo@example.net"],
    owner: null,
  });
  await surface.json("PUT", "/aliases/sales@example.org", {
    body: { targets: ["jo@example.net"], owner: "brain@example.org" },
  });
  const { items } = await surface.json("GET", "/aliases");
  assertEquals(items, [
    { address: "sales@example.org", targets: ["jo@example.net"], owner: "brain@example.org" },
    { address: "staff@example.org", targets: ["brain@example.org", "pinky@example.net"], owner: null },
  ]);
  assertEquals((await surface.json("GET", "/aliases?limit=1")).cursor, "sales@example.org");
  assertEquals((await surface.json("GET", "/aliases?cursor=sales@example.org")).items.length, 1);
  assertEquals((await surface.json("GET", "/aliases/SALES@example.org")).targets, ["jo@example.net"]);
  await surface.json("DELETE", "/aliases/sales@example.org", { status: 204 });
  await surface.json("DELETE", "/aliases/sales@example.org", { status: 404 });
  assertStringIncludes(
    (await surface.json("DELETE", "/aliases/staff@example.org", { status: 409 })).detail,
    "configuration",
  );
  await surface.json("PUT", "/aliases/x@elsewhere.example", {
    body: { targets: ["a@b.example"] },
    status: 422,
  });
  await surface.json("PUT", "/aliases/x@example.org", { body: { targets: ["nobody"] }, status: 422 });
  await surface.json("PUT", "/aliases/x@example.org", { body: { targets: [] }, status: 400 });
});

Deno.test("an alias's targets are added and removed; it begins and ends with them", async () => {
  await using surface = await Surface.start();
  const change = async (body: unknown, status = 200) =>
    await surface.json("PATCH", "/aliases/Sales@example.org", { body, status });
  assertEquals(
    await change({ add: ["tea@b\u00fccher.example", "Jo@EXAMPLE.net"], owner: "brain@example.org" }),
    {
      address: "Sales@example.org",
      targets: ["tea@xn--bcher-kva.example", "Jo@example.net"],
      owner: "brain@example.org",
    },
  );
  const { targets } = await change({ add: ["jo@example.net"], remove: ["tea@b\u00dccher.example"] });
  assertEquals(targets, ["Jo@example.net", "jo@example.net"]);
  const ended = await change({ remove: ["jo@example.net", "Jo@example.net"] });
  assertEquals(ended, { address: "Sales@example.org", targets: [], owner: null });
  await surface.json("GET", "/aliases/sales@example.org", { status: 404 });
  await change({ remove: ["jo@example.net"] }, 404);
  assertStringIncludes((await change({ add: ["nobody"] }, 422)).detail, "add.0");
  await change({ targets: ["jo@example.net"] }, 400);
  const all = { remove: ["brain@example.org", "pinky@example.net"] };
  await surface.json("PATCH", "/aliases/staff@example.org", { body: all, status: 409 });
  assertEquals((await surface.json("GET", "/aliases/staff@example.org")).targets.length, 2);
});

Deno.test("the route tells where mail would go, and why", async (t) => {
  await using surface = await Surface.start({
    names: {
      "example.net": { mx: [[20, "b.example.net"], [10, "a.example.net"]] },
      "a.example.net": { a: ["198.51.100.1"] },
      "b.example.net": { a: ["198.51.100.2"], aaaa: ["2001:db8::2"] },
      "bare.example": { a: ["198.51.100.3"] },
      "shy.example": { mx: [[0, ""]] },
    },
  });
  const routes: [string, string, number][] = [
    ["example.org", "local", 0],
    ["EXAMPLE.net", "mx", 2],
    ["bare.example", "implicit", 1],
    ["shy.example", "none", 0],
    ["nowhere.example", "none", 0],
    ["[198.51.100.9]", "implicit", 1],
  ];
  for (const [domain, kind, hosts] of routes) {
    await t.step(domain, async () => {
      const route = await surface.json("GET", `/domains/${encodeURIComponent(domain)}/route`);
      assertEquals([route.kind, route.hosts.length], [kind, hosts], JSON.stringify(route));
      assertEquals(route.steps.length > 0, true);
    });
  }
  await surface.json("GET", "/domains/no%20domain/route", { status: 404 });
});

Deno.test("a smart host is the route of all that leaves", async () => {
  await using surface = await Surface.start({
    config: { relay: { networks: [], smartHost: { host: "smart.example", port: 25 } } },
    names: { "smart.example": { a: ["198.51.100.1"] } },
  });
  const route = await surface.json("GET", "/domains/example.net/route");
  assertEquals([route.kind, route.hosts[0].host], ["smartHost", "smart.example"]);
});

Deno.test("names that the wild has are aliases, senders and recipients like any other", async () => {
  await using surface = await Surface.start();
  const names = [`token.${"t".repeat(200)}@example.org`, "a..b@example.org", "c.@example.org"];
  for (const name of names) {
    const made = await surface.json("PUT", `/aliases/${name}`, { body: { targets: ["brain@example.org"] } });
    assertEquals([made.address, made.targets], [name, ["brain@example.org"]]);
    const id = await surface.send({ from: name, to: [name] }, "Subject: x\n\nx\n");
    const life = await surface.json("GET", `/messages/${id}`);
    assertEquals([life.sender, life.recipients], [name, [name]]);
  }
  // underscores in domains, and the dot that ends a name
  const id = await surface.send(
    { from: "www-data@app_web_1.", to: ["brain@example.org."] },
    "Subject: x\n\nx\n",
  );
  const life = await surface.json("GET", `/messages/${id}`);
  assertEquals([life.sender, life.recipients], ["www-data@app_web_1", ["brain@example.org"]]);
  assertEquals((await surface.json("GET", "/mailboxes/brain@example.org/messages")).items.length, 4);
});
