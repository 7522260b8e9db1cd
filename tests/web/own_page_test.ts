import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { BASE, Surface, TOKEN } from "../api/harness.ts";

const BRAIN = "brain@example.org";
const COOKIE = "dinopost_own";

/** Somebody at the own page, in a browser without scripts. */
class Person {
  cookie = "";

  constructor(
    readonly surface: Surface,
    readonly base = "https://localhost",
    readonly remote = "192.0.2.1",
  ) {}

  async fetch(path: string, init: RequestInit = {}): Promise<{ status: number; text: string; to: string }> {
    const headers = { accept: "text/html", cookie: this.cookie, ...init.headers as Record<string, string> };
    const request = new Request(this.base + path, { ...init, headers });
    const answer = await this.surface.server.fetch(request, this.remote);
    const set = /^dinopost_own=([0-9a-f]+);/.exec(answer.headers.get("set-cookie") ?? "");
    if (set) {
      if (this.base.startsWith("https")) {
        assertMatch(answer.headers.get("set-cookie")!, /; Path=\/own; HttpOnly; Secure; SameSite=Strict$/);
      }
      this.cookie = `${COOKIE}=${set[1]}`;
    }
    return { status: answer.status, text: await answer.text(), to: answer.headers.get("location") ?? "" };
  }

  /** Sends a form with the page's secret; follows where that leads. */
  async post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
    const csrf = /name="csrf" value="(\w+)"/.exec((await this.fetch("/own")).text)?.[1] ?? "";
    const sent = await this.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", origin: this.base, ...headers },
      body: `${new URLSearchParams({ csrf, ...fields })}`,
    });
    return sent.status === 303 ? { ...await this.fetch(sent.to), to: sent.to } : sent;
  }

  login(password: string, address = BRAIN) {
    return this.post("/own/login", { address, password });
  }
}

async function loggedIn(surface: Surface, password = "narf"): Promise<Person> {
  const person = new Person(surface);
  assertEquals((await person.login(password)).to, "/own");
  return person;
}

function change(person: Person, current: string, password: string, again = password) {
  return person.post("/own/password", { current, password, again });
}

Deno.test("a person changes the password on the own page, and sessions elsewhere end", async () => {
  await using surface = await Surface.start();
  const [person, elsewhere] = [await loggedIn(surface), await loggedIn(surface)];
  const shown = await person.fetch("/own");
  assertStringIncludes(shown.text, `<h1>${BRAIN}</h1>`);
  assert(!shown.text.includes("<script"));
  const table: [current: string, password: string, again: string, status: number, says: string][] = [
    ["narf", "short", "short", 422, "A password needs 8 characters at least"],
    ["narf", "long enough", "long enoug", 422, "The new password was written in two ways"],
    ["zort", "long enough", "long enough", 422, "The present password is wrong"],
  ];
  for (const [current, password, again, status, says] of table) {
    const answer = await change(person, current, password, again);
    assertEquals([answer.status, answer.text.includes(says)], [status, true], says);
  }
  const changed = await change(person, "narf", "long enough");
  assertEquals(changed.status, 200);
  assertStringIncludes(changed.text, "The password is changed");
  assertEquals((await elsewhere.fetch("/own")).to, "/own/login");
  assertEquals((await new Person(surface).login("narf")).status, 401);
  await loggedIn(surface, "long enough");
  const { items } = await surface.json("GET", "/audit");
  assertEquals([items[0].user, items[0].action, items[0].target], [BRAIN, "accounts.password", BRAIN]);
  assert(!JSON.stringify(items).includes("long enough"));

  // by somebody else, and by an account of the same name
  await surface.json("PATCH", `/accounts/${BRAIN}`, { body: { password: "zort zort" } });
  assertEquals((await person.fetch("/own")).to, "/own/login");
  const third = await loggedIn(surface, "zort zort");
  await surface.json("DELETE", `/accounts/${BRAIN}`, { status: 204 });
  assertEquals((await third.fetch("/own")).to, "/own/login");
  await surface.json("POST", "/accounts", { body: { address: BRAIN, password: "zort zort" }, status: 201 });
  assertEquals((await third.fetch("/own")).to, "/own/login");
  assertEquals((await third.post("/own/password", {})).status, 401);
});

Deno.test("app passwords are made, shown once and removed there, and don't open it", async () => {
  await using surface = await Surface.start();
  const person = await loggedIn(surface);
  const made = await person.post("/own/app-passwords", { name: "phone" });
  assertEquals(made.status, 201);
  const [, password] = /<code>((?:[a-z2-9]{4}-){3}[a-z2-9]{4})<\/code>/.exec(made.text)!;
  const shown = await person.fetch("/own");
  assertStringIncludes(shown.text, "<bdi>phone</bdi>");
  assertStringIncludes(shown.text, "never");
  assert(!shown.text.includes(password!));
  assertEquals((await person.post("/own/app-passwords", { name: "phone" })).status, 422);
  assertEquals((await person.post("/own/app-passwords", { name: " " })).status, 422);

  // what a device has is no key to this page
  assertEquals((await new Person(surface).login(password!)).status, 401);
  assertStringIncludes(
    (await change(person, password!, "long enough")).text,
    "The present password is wrong",
  );
  await loggedIn(surface);

  const asked = await person.post("/own/app-passwords/remove", { name: "phone" });
  assertStringIncludes(asked.text, "Remove the app password?");
  assertEquals((await surface.json("GET", `/accounts/${BRAIN}/app-passwords`)).items.length, 1);
  const removed = await person.post("/own/app-passwords/remove", { name: "phone", sure: "1" });
  assertStringIncludes(removed.text, "is gone");
  assertEquals((await surface.json("GET", `/accounts/${BRAIN}/app-passwords`)).items, []);
  assertEquals((await person.post("/own/app-passwords/remove", { name: "phone", sure: "1" })).status, 404);
  const { items } = await surface.json("GET", "/audit");
  assertEquals(items.map((e: Record<string, string>) => [e.user, e.action, e.target]), [
    [BRAIN, "app-passwords.delete", `${BRAIN} phone`],
    [BRAIN, "app-passwords.create", `${BRAIN} phone`],
  ]);
});

Deno.test("the own page shows the names that lead to it, and nothing of anybody else", async () => {
  await using surface = await Surface.start({
    config: {
      aliases: {
        "staff@example.org": [BRAIN, "pinky@example.net"],
        "all@example.org": ["Staff@example.org", "snowball@example.org"],
        "mouse@example.org": [BRAIN],
        "cat@example.org": ["snowball@example.org"],
        "round@example.org": ["about@example.org"],
        "about@example.org": ["round@example.org"],
      },
      accounts: { [BRAIN]: { password: "narf" }, "snowball@example.org": { password: "narf" } },
    },
  });
  await surface.json("POST", "/accounts/snowball@example.org/app-passwords", {
    body: { name: "secret-device" },
    status: 201,
  });
  const { text } = await (await loggedIn(surface)).fetch("/own");
  assertEquals([...text.matchAll(/<bdi>(\w+)@example.org<\/bdi>/g)].map(([, name]) => name), [
    "all",
    "mouse",
    "staff",
  ]);
  for (const other of ["pinky", "snowball", "cat@", "secret-device"]) assert(!text.includes(other), other);
});

/** Every path and form of the page that its links lead to, from the overview on. */
async function pathsOfThePage(surface: Surface): Promise<Set<string>> {
  const found = new Set(["/", "/logout"]);
  for (const path of found) {
    const answer = await surface.fetch(path, {
      headers: { authorization: `Bearer ${TOKEN}`, accept: "text/html" },
    });
    const text = await answer.text();
    for (const [, at] of text.matchAll(/ (?:href|action|src)="(\/[^"#]*)/g)) {
      const to = at!.replaceAll("&amp;", "&");
      if (!/^\/(?:assets|docs|openapi|own)\b/.test(to)) found.add(to);
    }
  }
  return found;
}

Deno.test("the session of a person opens nothing but the own page", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["jo@elsewhere.example"] }, "Subject: Hi\r\n\r\nHi\r\n");
  await surface.send({ to: [BRAIN] }, "Subject: Secret\r\n\r\nHi\r\n");
  const { cookie } = await loggedIn(surface);
  const value = cookie.split("=")[1]!;
  const cookies = [cookie, `${cookie}; dinopost_session=${value}`];
  const paths = await pathsOfThePage(surface);
  for (
    const one of ["/queue", "/queue/act", "/audit", `/messages/${id}`, "/accounts/brain%40example.org/remove"]
  ) {
    assert(paths.has(one), `${one} is not among ${[...paths].join(" ")}`);
  }
  const document = await (await surface.fetch("/openapi.json")).json();
  const calls = Object.entries<Record<string, unknown>>(document.paths).flatMap(([path, methods]) => {
    const filled = path.replace("{address}", BRAIN).replace("{id}", id).replace(/\{[^}]+\}/g, "1");
    return Object.keys(methods).map((method): [string, string] => [method.toUpperCase(), filled]);
  }).filter(([method, path]) =>
    path.startsWith("/api/") && !(method === "POST" && path === "/api/v1/session")
  );
  assert(calls.length > 50);
  for (const path of paths) calls.push(["GET", path], ["POST", path]);
  for (const cookie of cookies) {
    for (const [method, path] of calls) {
      const answer = await surface.fetch(path, {
        method,
        redirect: "manual",
        headers: { cookie, origin: BASE, "x-dinopost-csrf": "1", accept: "text/html" },
      });
      const text = await answer.text();
      // the overview is where people log in
      const isLogin = text.includes('id="token"') && path === "/" && method === "GET";
      assert(answer.status === 401 || isLogin, `${method} ${path}: ${answer.status}`);
      for (const secret of ["pinky@example.net", "Secret"]) {
        assert(!text.includes(secret), `${method} ${path}: ${text}`);
      }
    }
  }
  const bearer = await surface.fetch("/api/v1/queue", { headers: { authorization: `Bearer ${value}` } });
  assertEquals([bearer.status, (await bearer.text()) !== ""], [401, true]);
  // nor does the admin's token open somebody's page
  const admin = await surface.fetch("/own", {
    redirect: "manual",
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  assertEquals([admin.status, await admin.text()], [303, ""]);
});

Deno.test("forms of other pages and without the page's secret do nothing on the own page", async () => {
  await using surface = await Surface.start();
  const person = await loggedIn(surface);
  const table: [path: string, fields: Record<string, string>, headers: Record<string, string>][] = [
    ["/own/app-passwords", { name: "a", csrf: "0".repeat(40) }, {}],
    ["/own/app-passwords", { name: "a", csrf: "" }, {}],
    ["/own/app-passwords", { name: "a" }, { origin: "https://evil.example" }],
    ["/own/app-passwords", { name: "a" }, { origin: "null" }],
    ["/own/app-passwords", { name: "a" }, { "sec-fetch-site": "cross-site" }],
    ["/own/logout", { csrf: "" }, {}],
    ["/own/password", { current: "narf", password: "long enough", again: "long enough", csrf: "" }, {}],
    ["/own/login", { address: BRAIN, password: "narf" }, { origin: "https://evil.example" }],
  ];
  for (const [path, fields, headers] of table) {
    const { status, text } = await person.post(path, fields, headers);
    assertEquals([status, text.includes("<h1>That did not work</h1>")], [403, true], `${path} ${text}`);
  }
  assertEquals((await person.fetch("/own", { headers: { "sec-fetch-site": "cross-site" } })).status, 403);
  assertEquals((await surface.json("GET", `/accounts/${BRAIN}/app-passwords`)).items, []);
  const kept = person.cookie;
  assertEquals((await person.post("/own/logout", {})).to, "/own/login");
  assertEquals(person.cookie, kept);
  assertEquals((await person.fetch("/own")).to, "/own/login");
});

Deno.test("the own page takes passwords over https, or on this machine", async () => {
  await using surface = await Surface.start();
  const table: [base: string, remote: string, ok: boolean][] = [
    ["http://localhost", "192.0.2.1", false],
    ["https://localhost", "192.0.2.1", true],
    ["http://localhost", "127.0.0.1", true],
  ];
  for (const [base, remote, ok] of table) {
    const person = new Person(surface, base, remote);
    assertEquals((await person.fetch("/own/login")).status, ok ? 200 : 403);
    const answer = await person.post("/own/login", { address: BRAIN, password: "narf" });
    assertEquals([answer.status, answer.to], ok ? [200, "/own"] : [403, ""], base);
  }
});

Deno.test("who guesses at the own page is slowed down and refused, as at the mail ports", async () => {
  const clock = new ManualClock();
  await using surface = await Surface.start({ clock });
  const guesser = new Person(surface);
  const guesses = Array.from({ length: 30 }, async (_, i) => (await guesser.login(`guess-${i}`)).status);
  const all = Promise.all(guesses);
  let over = false;
  void all.then(() => over = true);
  for (let i = 0; !over && i < 5000; i++) {
    clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const statuses = await all;
  assertEquals(statuses.filter((status) => status === 401).length, 20);
  assertEquals(statuses.filter((status) => status === 429).length, 10);
  assertEquals((await guesser.login("narf")).status, 429);
});

Deno.test("a server that captures mail has no own page", async () => {
  await using surface = await Surface.start({ config: { capture: {} } });
  for (const path of ["/own", "/own/login"]) {
    const answer = await surface.fetch(path, { headers: { authorization: `Bearer ${TOKEN}` } });
    assertEquals([answer.status, (await answer.text()).includes("password")], [404, false]);
  }
  const login = await surface.fetch("/login", { headers: { accept: "text/html" } });
  assert(!(await login.text()).includes('href="/own"'));
});
