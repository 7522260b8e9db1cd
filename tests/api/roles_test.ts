import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { BASE, Surface, TOKEN } from "./harness.ts";

const USERS = {
  anna: { token: "annas-token", role: "operator" },
  ron: { token: "rons-token", role: "read-only" },
};

/** Calls as one of them; `json` is the body. */
async function as(surface: Surface, token: string, method: string, path: string, json?: unknown) {
  const answer = await surface.call(method, path, json, { authorization: `Bearer ${token}` });
  return { status: answer.status, body: await answer.text() };
}

Deno.test("a message that who may only read looks at stays unread", async () => {
  await using surface = await Surface.start({ config: { admin: { token: TOKEN, users: USERS } } });
  await surface.send({ to: ["brain@example.org"] }, "Subject: Hi\r\n\r\nHi\r\n");
  const box = "/mailboxes/brain@example.org/messages";
  const item = async () => JSON.parse((await as(surface, "rons-token", "GET", box)).body).items[0];
  const { uid, seen } = await item();
  assertEquals(seen, false);
  for (const [token, expected] of [["rons-token", false], ["annas-token", true]] as const) {
    assertEquals((await as(surface, token, "GET", `${box}/${uid}`)).status, 200);
    assertEquals((await item()).seen, expected, token);
  }
});

Deno.test("people with a role may do what it says, by API and page, and nothing else", async () => {
  await using surface = await Surface.start({ config: { admin: { token: TOKEN, users: USERS } } });
  const id = await surface.send({ to: ["jo@elsewhere.example"] }, "Subject: Hi\r\n\r\nHi\r\n");
  const table: [method: string, path: string, json: unknown, anna: number, ron: number][] = [
    ["GET", "/queue", undefined, 200, 200],
    ["GET", "/accounts", undefined, 200, 200],
    ["GET", "/audit", undefined, 200, 200],
    ["POST", `/queue/${id}/hold`, undefined, 200, 403],
    ["POST", "/accounts", { address: "new@example.org", password: "x" }, 403, 403],
    ["PATCH", "/accounts/brain@example.org", { name: "B" }, 403, 403],
    ["DELETE", "/accounts/brain@example.org", undefined, 403, 403],
    ["PUT", "/aliases/staff@example.org", { targets: ["a@b.example"] }, 403, 403],
    ["POST", "/accounts/brain@example.org/app-passwords", { name: "phone" }, 403, 403],
    ["POST", "/webhooks/test", { url: "https://a.example/" }, 403, 403],
  ];
  for (const [method, path, json, anna, ron] of table) {
    const [first, second] = [
      await as(surface, "rons-token", method, path, json),
      await as(surface, "annas-token", method, path, json),
    ];
    assertEquals(
      [second.status, first.status],
      [anna, ron],
      `${method} ${path}: ${first.body} ${second.body}`,
    );
  }
  const refused = await as(surface, "rons-token", "POST", `/queue/${id}/hold`);
  assertEquals(JSON.parse(refused.body).detail, "ron is read-only, and may only read");
  assertEquals((await as(surface, "nobodys-token", "GET", "/queue")).status, 401);

  // the page: a session of the token, the same rules, and no buttons
  for (const [token, buttons, act] of [["rons-token", false, 403], ["annas-token", true, 303]] as const) {
    const login = await surface.fetch("/api/v1/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
    });
    assertEquals(login.status, 204);
    const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
    const get = async (path: string) => await (await surface.fetch(path, { headers: { cookie } })).text();
    const queue = await get("/queue");
    assertEquals(queue.includes('action="/queue/act"'), buttons);
    const accounts = await get("/accounts");
    assertStringIncludes(accounts, "brain@example.org");
    assert(!accounts.includes('action="/accounts"'));
    const csrf = /name="csrf" value="(\w+)"/.exec(await get("/"))?.[1] ?? "";
    const acted = await surface.fetch("/queue/act", {
      method: "POST",
      redirect: "manual",
      headers: { cookie, origin: BASE, "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ csrf, do: "release", id }).toString(),
    });
    await acted.text();
    assertEquals(acted.status, act);
    const out = await surface.call("DELETE", "/session", undefined, { authorization: "", cookie });
    await out.text();
  }
});

Deno.test("the audit log tells who changed what, newest first, page by page, for 90 days", async () => {
  const clock = new ManualClock();
  await using surface = await Surface.start({ clock, config: { admin: { token: TOKEN, users: USERS } } });
  const id = await surface.send({ to: ["jo@elsewhere.example"] }, "Subject: Hi\r\n\r\nHi\r\n");
  await as(surface, "annas-token", "POST", `/queue/${id}/hold`);
  await as(surface, TOKEN, "POST", "/accounts", { address: "new@example.org", password: "secret-word" });
  clock.advance(1000);
  await as(surface, TOKEN, "POST", "/accounts", { address: "new@example.org", password: "again" }); // refused
  await as(surface, "rons-token", "DELETE", `/queue/${id}`); // refused
  await as(surface, "annas-token", "DELETE", `/queue/${id}`);
  const audit = async (query = "") => await surface.json("GET", `/audit${query}`);
  const all = await audit();
  assertEquals(all.items.map((e: Record<string, string>) => [e.user, e.action, e.target]), [
    ["anna", "queue.delete", id],
    ["admin", "accounts.create", "new@example.org"],
    ["anna", "queue.hold", id],
  ]);
  assertEquals(all.items.map((e: { at: string }) => e.at.slice(11)), [
    "09:00:01.000Z",
    "09:00:00.000Z",
    "09:00:00.000Z",
  ]);
  assert(!JSON.stringify(all).includes("secret-word"));
  const first = await audit("?limit=2");
  const second = await audit(`?limit=2&cursor=${first.cursor}`);
  assertEquals([...first.items, ...second.items], all.items);
  assertEquals(second.cursor, null);
  await surface.json("GET", "/audit?cursor=x", { status: 400 });
  clock.advance(91 * 24 * 3600_000);
  assertEquals((await audit()).items, []);
});

Deno.test("an import that stops in the middle is audited where something came in before, and not else", async () => {
  await using there = await Surface.start();
  await using surface = await Surface.start();
  for (const to of ["a", "b"]) {
    await there.send({ to: [`${to}@elsewhere.example`] }, "Subject: Hi\r\n\r\nHi\r\n");
  }
  const file = new Uint8Array(await (await there.call("POST", "/queue/export")).arrayBuffer());
  const put = async (path: string, type: string, body: BodyInit) => {
    const answer = await surface.fetch(`/api/v1${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": type },
      body,
    });
    return { status: answer.status, text: await answer.text() };
  };
  const entries = async () =>
    (await surface.json("GET", "/audit")).items.map((e: Record<string, string>) => `${e.action} ${e.target}`);
  const queue = "application/vnd.dinopost.queue";
  assertEquals((await put("/queue/import", queue, "no queue\n")).status, 422);
  assertEquals((await put("/queue/import", queue, file.slice(0, file.length / 3))).status, 422);
  assertEquals(await entries(), []);
  assertEquals((await put("/queue/import", queue, file.slice(0, file.length - 50))).status, 422);
  assertEquals(await entries(), ["queue.import "]);
  await surface.json("PATCH", "/accounts/brain@example.org", { body: { quota: 10_000 } });
  const mail = (size: number) =>
    `From a@b.example Mon Jan  5 09:00:00 2026\nSubject: x\n\n${"x".repeat(size)}\n\n`;
  const box = "/mailboxes/brain@example.org/import";
  assertEquals((await put(box, "application/mbox", mail(20_000))).status, 409);
  assertEquals((await entries()).length, 2);
  const { status, text } = await put(box, "application/mbox", mail(10) + mail(20_000));
  assertEquals(status, 409, text);
  assertStringIncludes(text, "after 1 messages");
  assertEquals(await entries(), [
    "mailboxes.import brain@example.org",
    "accounts.update brain@example.org",
    "queue.import ",
  ]);
});

/** Says lines to the POP3 server; answers the last reply. */
async function pop3(surface: Surface, lines: string[]): Promise<string> {
  const [address] = surface.server.addresses["pop3"]!;
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(address!.split(":").at(-1)) });
  const reader = conn.readable.getReader();
  const writer = conn.writable.getWriter();
  let last = new TextDecoder().decode((await reader.read()).value);
  for (const line of lines) {
    await writer.write(new TextEncoder().encode(`${line}\r\n`));
    last = new TextDecoder().decode((await reader.read()).value);
  }
  await writer.close().catch(() => {});
  await reader.cancel().catch(() => {});
  return last;
}

Deno.test("an app password opens the mail ports beside the account's own, until it is taken away", async () => {
  await using surface = await Surface.start({
    config: { listen: { smtp: [], pop3: ["127.0.0.1:0"], admin: [] } },
  });
  const path = "/accounts/brain@example.org/app-passwords";
  assertEquals(await surface.json("GET", path), { items: [], cursor: null });
  const made = await surface.json("POST", path, { body: { name: "phone" }, status: 201 });
  assertEquals(Object.keys(made).sort(), ["createdAt", "lastUsedAt", "name", "password"]);
  assertMatch(made.password, /^(?:[a-z2-9]{4}-){3}[a-z2-9]{4}$/);
  assertEquals([made.name, made.lastUsedAt], ["phone", null]);
  await surface.json("POST", path, { body: { name: "phone" }, status: 409 });
  await surface.json("POST", path, { body: { name: "" }, status: 400 });
  await surface.json("POST", "/accounts/ghost@example.org/app-passwords", {
    body: { name: "a" },
    status: 404,
  });
  await surface.json("POST", path, { body: { name: "desk" }, status: 201 });

  const login = (password: string) => pop3(surface, ["USER brain@example.org", `PASS ${password}`]);
  const plain = (password: string) =>
    pop3(surface, [`AUTH PLAIN ${new TextEncoder().encode(`\0brain@example.org\0${password}`).toBase64()}`]);
  for (const password of [made.password, made.password.replaceAll("-", "").toUpperCase(), "narf"]) {
    assertMatch(await login(password), /^\+OK/);
    assertMatch(await plain(password), /^\+OK/);
  }
  assertMatch(await login("aaaa-bbbb-cccc-dddd"), /^-ERR \[AUTH\]/);
  const { items } = await surface.json("GET", path);
  assertEquals(items.map((e: { name: string }) => e.name), ["desk", "phone"]);
  assert(items[0].lastUsedAt === null && Math.abs(Date.parse(items[1].lastUsedAt) - Date.now()) < 60_000);
  assert(!JSON.stringify(items).includes(made.password));

  await surface.json("DELETE", `${path}/phone`, { status: 204 });
  await surface.json("DELETE", `${path}/phone`, { status: 404 });
  assertMatch(await login(made.password), /^-ERR \[AUTH\]/);
  assertMatch(await login("narf"), /^\+OK/);

  // an account of the same name has none of the former one's
  const desk = await surface.json("POST", path, { body: { name: "lamp" }, status: 201 });
  await surface.json("DELETE", "/accounts/brain@example.org", { status: 204 });
  const again = { address: "brain@example.org", password: "zort" };
  await surface.json("POST", "/accounts", { body: again, status: 201 });
  assertMatch(await login(desk.password), /^-ERR \[AUTH\]/);
  assertEquals((await surface.json("GET", path)).items, []);
});
