import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Surface, TOKEN } from "../api/harness.ts";

const JSON_TYPE = { "content-type": "application/json" };

async function login(surface: Surface): Promise<string> {
  const response = await surface.fetch("/api/v1/session", {
    method: "POST",
    headers: JSON_TYPE,
    body: JSON.stringify({ token: TOKEN }),
  });
  assertEquals(response.status, 204);
  const cookie = response.headers.get("set-cookie")!;
  for (const part of ["HttpOnly", "SameSite=Strict", "Path=/"]) assertStringIncludes(cookie, part);
  return cookie.split(";")[0]!;
}

Deno.test("the API needs the token", async (t) => {
  await using surface = await Surface.start();
  const tries: [string, Record<string, string>, number][] = [
    // nothing
    ["/api/v1/queue", {}, 401],
    ["/api/v1/nothing", {}, 401],
    // not the token
    ["/api/v1/queue", { authorization: "Bearer wrong" }, 401],
    ["/api/v1/queue", { authorization: `Basic ${btoa(`:${TOKEN}`)}` }, 401],
    ["/api/v1/queue", { authorization: `Bearer ${TOKEN}x` }, 401],
    ["/api/v1/queue", { authorization: "Bearer" }, 401],
    ["/api/v1/queue", { authorization: `Bearer ${TOKEN} ${TOKEN}` }, 401],
    ["/api/v1/queue", { cookie: "dinopost_session=aaaa" }, 401],
    ["/api/v1/queue", { cookie: `dinopost_session=${"a".repeat(64)}` }, 401],
    // the token
    ["/api/v1/queue", { authorization: `Bearer ${TOKEN}` }, 200],
    ["/api/v1/queue", { authorization: `bearer  ${TOKEN}` }, 200],
    ["/api/v1/nothing", { authorization: `Bearer ${TOKEN}` }, 404],
    // what everybody may see
    ["/healthz", {}, 200],
    ["/readyz", {}, 200],
    ["/metrics", {}, 200],
    ["/openapi.json", {}, 200],
    ["/docs", {}, 200],
  ];
  for (const [path, headers, status] of tries) {
    await t.step(`${path} ${JSON.stringify(headers)}`, async () => {
      const response = await surface.fetch(path, { headers });
      await response.body?.cancel();
      assertEquals(response.status, status);
      if (status === 401) assertStringIncludes(response.headers.get("www-authenticate")!, "Bearer");
    });
  }
});

Deno.test("wrong tokens are answered later and later, the right one at once", async () => {
  await using surface = await Surface.start();
  const started = performance.now();
  for (let i = 0; i < 13; i++) {
    const response = await surface.fetch("/api/v1/queue", { headers: { authorization: `Bearer guess${i}` } });
    assertEquals(response.status, 401);
    await response.body?.cancel();
  }
  // ten are free, then 50, 100 and 200 ms
  assert(performance.now() - started > 300);
  const before = performance.now();
  const response = await surface.call("GET", "/queue");
  assertEquals(response.status, 200);
  await response.body?.cancel();
  assert(performance.now() - before < 200);
});

Deno.test("too many wrong tokens at once are refused, and nobody else is kept out by them", async () => {
  await using surface = await Surface.start();
  const from = async (remote: string, token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const request = new Request("http://localhost/api/v1/queue", { headers });
    return await surface.server.fetch(request, remote);
  };
  const guesses = Array.from({ length: 90 }, (_, i) => from("192.0.2.7", `guess${i}`));
  const others = await Promise.all([
    from("192.0.2.7", TOKEN),
    from("192.0.2.8", TOKEN),
    from("192.0.2.8", "wrong"),
  ]);
  assertEquals(others.map((r) => r.status), [200, 200, 401]);
  for (const { body } of others) await body?.cancel();
  const all = await Promise.all(guesses);
  const statuses = all.map((r) => r.status);
  for (const response of all) await response.body?.cancel();
  assert(statuses.includes(429));
  assert(statuses.filter((s) => s === 401).length >= 50);
});

Deno.test("a session's cookie opens the API, and no page of another origin can use it", async (t) => {
  await using surface = await Surface.start();
  const cookie = await login(surface);
  const tries: [string, Record<string, string>, number][] = [
    // reading
    ["GET", {}, 200],
    ["GET", { origin: "http://localhost" }, 200],
    ["GET", { "sec-fetch-site": "same-origin" }, 200],
    ["GET", { origin: "http://evil.example" }, 403],
    ["GET", { origin: "http://localhost:81" }, 403],
    ["GET", { origin: "null" }, 403],
    ["GET", { "sec-fetch-site": "cross-site" }, 403],
    ["GET", { "sec-fetch-site": "same-site" }, 403],
    // changing
    ["POST", {}, 403],
    ["POST", { "x-dinopost-csrf": "1" }, 200],
    ["POST", { origin: "http://localhost" }, 200],
    ["POST", { origin: "http://evil.example", "x-dinopost-csrf": "1" }, 403],
    // a token that comes along counts alone
    ["POST", { authorization: "Bearer wrong", "x-dinopost-csrf": "1" }, 401],
  ];
  for (const [method, headers, status] of tries) {
    await t.step(`${method} ${JSON.stringify(headers)}`, async () => {
      const path = method === "GET" ? "/api/v1/queue" : "/api/v1/queue/flush";
      const response = await surface.fetch(path, { method, headers: { cookie, ...headers } });
      await response.body?.cancel();
      assertEquals(response.status, status);
    });
  }
  const end = await surface.fetch("/api/v1/session", { method: "DELETE", headers: { cookie } });
  assertEquals(end.status, 204);
  const after = await surface.fetch("/api/v1/queue", { headers: { cookie } });
  assertEquals(after.status, 401);
  await after.body?.cancel();
});

Deno.test("logging in needs the token, JSON, and our own origin", async (t) => {
  await using surface = await Surface.start();
  const tries: [BodyInit | null, Record<string, string>, number][] = [
    [JSON.stringify({ token: "wrong" }), JSON_TYPE, 401],
    [JSON.stringify({ token: TOKEN }), { "content-type": "text/plain" }, 415],
    [`token=${TOKEN}`, { "content-type": "application/x-www-form-urlencoded" }, 415],
    [JSON.stringify({ token: TOKEN }), { ...JSON_TYPE, origin: "http://evil.example" }, 403],
    [JSON.stringify({}), JSON_TYPE, 400],
    [JSON.stringify({ token: TOKEN, more: 1 }), JSON_TYPE, 400],
    ["{", JSON_TYPE, 400],
    [null, {}, 400],
    [JSON.stringify({ token: "x".repeat(20_000) }), JSON_TYPE, 413],
  ];
  for (const [body, headers, status] of tries) {
    await t.step(`${String(body).slice(0, 40)} ${JSON.stringify(headers)}`, async () => {
      const response = await surface.fetch("/api/v1/session", { method: "POST", headers, body });
      assertEquals(response.status, status);
      assertEquals(response.headers.get("set-cookie"), null);
      assertEquals(response.headers.get("content-type"), "application/problem+json");
      await response.body?.cancel();
    });
  }
});

Deno.test("every answer carries the security headers", async (t) => {
  await using surface = await Surface.start();
  const paths = [
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/",
    "/none",
    "/api/v1/queue",
    "/api/v1/none",
  ];
  for (const authorization of [`Bearer ${TOKEN}`, "Bearer wrong"]) {
    for (const path of paths) {
      await t.step(`${path} ${authorization.slice(0, 12)}`, async () => {
        const { headers, body } = await surface.fetch(path, {
          headers: { authorization, origin: "http://evil.example" },
        });
        await body?.cancel();
        assertEquals(headers.get("x-content-type-options"), "nosniff");
        assertEquals(headers.get("referrer-policy"), "no-referrer");
        assertEquals(headers.get("x-frame-options"), "DENY");
        const policy = headers.get("content-security-policy")!;
        assertMatch(policy, /default-src 'none'/);
        assertMatch(policy, /frame-ancestors 'none'/);
        assert(!policy.includes("unsafe"));
        for (const name of headers.keys()) assert(!name.startsWith("access-control-"), name);
      });
    }
  }
});

Deno.test("unknown host names get 421", async (t) => {
  await using surface = await Surface.start();
  const hosts: [string, number][] = [
    ["localhost", 200],
    ["localhost.", 200],
    ["LOCALHOST:8025", 200],
    ["mail.example.org", 200],
    ["127.0.0.1:8025", 200],
    ["[::1]:8025", 200],
    // no name, so no rebinding
    ["192.0.2.7", 200],
    ["evil.example", 421],
    ["localhost.evil.example", 421],
    ["127.0.0.1.evil.example", 421],
  ];
  for (const [host, status] of hosts) {
    await t.step(host, async () => {
      const headers = { authorization: `Bearer ${TOKEN}` };
      const response = await surface.server.fetch(new Request(`http://${host}/api/v1/queue`, { headers }));
      await response.body?.cancel();
      assertEquals(response.status, status);
    });
  }
});

Deno.test("what is not there is told with what would be", async (t) => {
  await using surface = await Surface.start();
  const tries: [string, string, number, string | null][] = [
    ["PUT", "/queue", 405, "GET, HEAD"],
    ["OPTIONS", "/queue/summary", 405, "GET, HEAD"],
    ["GET", "/queue/flush", 404, null],
    ["PUT", "/queue/flush", 405, "POST"],
    ["POST", "/accounts/brain@example.org", 405, "GET, HEAD, PATCH, DELETE"],
    ["GET", "/nothing/here", 404, null],
    ["GET", "/accounts/%zz", 404, null],
  ];
  for (const [method, path, status, allow] of tries) {
    await t.step(`${method} ${path}`, async () => {
      const response = await surface.call(method, path);
      assertEquals(response.status, status);
      assertEquals(response.headers.get("allow"), allow);
      const problem = await response.json();
      assertEquals(problem.status, status);
      assert(problem.detail.length > 10);
    });
  }
});

Deno.test("outside the API a wrong method is told with the right ones", async (t) => {
  await using surface = await Surface.start();
  const paths = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"];
  const allowed = [...paths.map((path) => [path, "GET, HEAD"]), ["/login", "GET, HEAD, POST"]] as const;
  for (const [path, allow] of allowed) {
    for (const method of ["DELETE", "PUT", "OPTIONS"]) {
      await t.step(`${method} ${path}`, async () => {
        const response = await surface.fetch(path, { method });
        assertEquals([response.status, response.headers.get("allow")], [405, allow]);
        assertEquals((await response.json()).status, 405);
      });
    }
  }
});

Deno.test("HEAD is answered as GET is, for who is not logged in too", async (t) => {
  await using surface = await Surface.start();
  const paths: [string, number][] = [["/", 200], ["/queue", 401], ["/login", 200], ["/docs", 200], [
    "/none",
    404,
  ]];
  for (const [path, status] of paths) {
    for (const method of ["GET", "HEAD"]) {
      await t.step(`${method} ${path}`, async () => {
        const response = await surface.fetch(path, { method });
        await response.body?.cancel();
        assertEquals(response.status, status);
      });
    }
  }
});

Deno.test("a path with markup in it comes back as data", async () => {
  await using surface = await Surface.start();
  const response = await surface.fetch("/%3Cscript%3Ealert(1)%3C/script%3E");
  assertEquals(response.status, 404);
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  assertEquals((await response.json()).status, 404);
});

Deno.test("bodies are bounded", async (t) => {
  await using surface = await Surface.start();
  const large = "x".repeat(400 * 1024);
  await t.step("by what they say", async () => {
    const response = await surface.call("POST", "/accounts", { address: "a@example.org", name: large });
    assertEquals(response.status, 413);
    await response.body?.cancel();
  });
  await t.step("by what comes", async () => {
    const body = ReadableStream.from((function* () {
      for (let i = 0; i < 10; i++) yield new TextEncoder().encode("x".repeat(100_000));
    })());
    const response = await surface.fetch("/api/v1/accounts", {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, ...JSON_TYPE },
      body,
    });
    assertEquals(response.status, 413);
    await response.body?.cancel();
  });
  await t.step("a message by what comes", async () => {
    const body = ReadableStream.from((function* () {
      for (let i = 0; i < 10; i++) yield new TextEncoder().encode("x".repeat(99_998) + "\r\n");
    })());
    const response = await surface.fetch("/api/v1/messages?from=a@example.com&to=brain@example.org", {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "message/rfc822" },
      body,
    });
    assertEquals(response.status, 413);
    await response.body?.cancel();
  });
});
