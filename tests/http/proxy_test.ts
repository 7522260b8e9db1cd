/** Behind a proxy: which names are answered for, whose word counts, and what the cookie says. */

import { assertEquals, assertMatch } from "@std/assert";
import { Surface, TOKEN } from "../api/harness.ts";

const ADMIN = {
  token: TOKEN,
  hosts: ["Mail.Example.NET", "mailserver"],
  proxies: ["192.0.2.0/24", "2001:db8::/64"],
};

interface Asked {
  remote?: string;
  url?: string;
  headers?: Record<string, string>;
}

function ask(
  surface: Surface,
  { remote = "192.0.2.7", url = "http://10.0.0.1/healthz", headers = {} }: Asked,
) {
  return surface.server.fetch(new Request(url, { headers }), remote);
}

function login(surface: Surface, { remote = "192.0.2.7", headers = {} }: Asked, token = TOKEN) {
  const request = new Request("http://10.0.0.1:8025/api/v1/session", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ token }),
  });
  return surface.server.fetch(request, remote);
}

Deno.test("admin.hosts names further hosts that are answered for, whoever asks", async () => {
  await using surface = await Surface.start({ config: { admin: ADMIN } });
  for (
    const [url, status] of [
      ["http://mail.example.net/healthz", 200],
      ["http://MAIL.example.net.:8443/healthz", 200],
      ["http://mailserver:8025/healthz", 200],
      ["http://other.example.net/healthz", 421],
    ] as const
  ) assertEquals((await ask(surface, { url, remote: "203.0.113.9" })).status, status, url);
});

Deno.test("X-Forwarded-Host of a trusted proxy is the host that was asked for, of anybody else it is nothing", async () => {
  await using surface = await Surface.start({ config: { admin: ADMIN } });
  const foreign = { "x-forwarded-host": "evil.example" };
  const known = { "x-forwarded-host": "mail.example.net:8443" };
  const evil = "http://evil.example/healthz";
  for (
    const [asked, status] of [
      [{ headers: known }, 200],
      [{ headers: known, url: evil }, 200],
      [{ headers: known, url: evil, remote: "2001:db8::5" }, 200],
      [{ headers: known, url: evil, remote: "203.0.113.9" }, 421],
      [{ headers: known, url: evil, remote: "2001:db8:1::5" }, 421],
      [{ headers: foreign }, 421],
      [{ headers: foreign, remote: "203.0.113.9" }, 200],
      // a client's own header, and what the proxy added to it
      [{ headers: { "x-forwarded-host": "mail.example.net, evil.example" } }, 421],
      [{ headers: { "x-forwarded-host": "evil.example, mail.example.net" } }, 200],
      [{ headers: { "x-forwarded-host": "mail.example.net/x" } }, 421],
      [{ headers: { "x-forwarded-host": "x@mail.example.net" } }, 421],
    ] as [Asked, number][]
  ) assertEquals((await ask(surface, asked)).status, status, JSON.stringify(asked));
});

Deno.test("the cookie is Secure when the client came by https, and a page of its origin may use it", async () => {
  await using surface = await Surface.start({ config: { admin: ADMIN } });
  const https = { "x-forwarded-proto": "https", "x-forwarded-host": "mail.example.net:8443" };
  const own = { ...https, origin: "https://mail.example.net:8443" };
  for (
    const [asked, status, secure] of [
      [{ headers: own }, 204, true],
      [{ headers: https }, 204, true],
      [{ headers: { "x-forwarded-proto": "https, http" } }, 204, true],
      [{ headers: { "x-forwarded-proto": "http" } }, 204, false],
      [{ headers: { "x-forwarded-proto": "gopher" } }, 204, false],
      [{}, 204, false],
      // not from a proxy: the header is anybody's
      [{ headers: https, remote: "203.0.113.9" }, 204, false],
      [{ headers: own, remote: "203.0.113.9" }, 403, false],
      [{ headers: { ...https, origin: "https://evil.example" } }, 403, false],
    ] as [Asked, number, boolean][]
  ) {
    const response = await login(surface, asked);
    const cookie = response.headers.get("set-cookie") ?? "";
    assertEquals([response.status, /; Secure/.test(cookie)], [status, secure], JSON.stringify(asked));
  }
});

Deno.test("X-Forwarded-For of trusted proxies tells the client, as far as they are trusted", async () => {
  await using surface = await Surface.start({ config: { admin: ADMIN, queue: { concurrency: 0 } } });
  for (
    const [remote, forwarded, told] of [
      ["192.0.2.7", "198.51.100.4", "198.51.100.4"],
      ["192.0.2.7", "198.51.100.4:5123", "198.51.100.4"],
      ["192.0.2.7", "[2001:db8:9::1]:443", "IPv6:2001:db8:9::1"],
      // what stands before the client's address was the client's own
      ["192.0.2.7", "10.9.9.9, 198.51.100.4, 192.0.2.9", "198.51.100.4"],
      ["192.0.2.7", "192.0.2.8, 192.0.2.9", "192.0.2.8"],
      ["192.0.2.7", "unknown", "192.0.2.7"],
      ["192.0.2.7", "", "192.0.2.7"],
      ["203.0.113.9", "198.51.100.4", "203.0.113.9"],
    ] as const
  ) {
    const request = new Request("http://10.0.0.1/api/v1/messages?from=a@example.com&to=brain@example.org", {
      method: "POST",
      headers: {
        authorization: `Bearer ${TOKEN}`,
        "content-type": "message/rfc822",
        ...(forwarded !== "" && { "x-forwarded-for": forwarded }),
      },
      body: "Subject: x\r\n\r\nx\r\n",
    });
    const response = await surface.server.fetch(request, remote);
    const { id } = await response.json();
    const raw = await surface.call("GET", `/mailboxes/brain@example.org/messages/${id}`, undefined, {
      accept: "message/rfc822",
    });
    assertMatch(await raw.text(), new RegExp(`\\(\\[${told.replaceAll(".", "\\.")}\\]\\)`), forwarded);
  }
});
