import { assertEquals, assertMatch } from "@std/assert";
import { LoopbackInternet } from "../../src/testing/mod.ts";

async function open() {
  const internet = await LoopbackInternet.start({ seed: 1 });
  const host = await internet.host("here.example", {
    accounts: { brain: "secret" },
    config: { admin: { token: "sesame" } },
  });
  const ask = async (method: string, path: string, body?: unknown) => {
    const request = new Request(`http://localhost${path}`, {
      method,
      headers: {
        authorization: "Bearer sesame",
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer = await host.server.fetch(request, "127.0.0.1");
    const text = await answer.text();
    return { status: answer.status, text, json: () => JSON.parse(text) };
  };
  return { internet, host, ask, [Symbol.asyncDispose]: () => internet[Symbol.asyncDispose]() };
}

const PATH = "/api/v1/suppressions";

Deno.test("addresses are put on the suppression list, listed page by page, and taken off", async () => {
  await using api = await open();
  assertEquals((await api.ask("GET", PATH)).json(), { items: [], cursor: null });
  const until = "2026-02-01T00:00:00.000Z";
  const made = await api.ask("PUT", `${PATH}/Jo@There.Example`, { reason: "They asked", until });
  assertEquals([made.status, made.json()], [200, {
    address: "Jo@there.example",
    since: "2026-01-05T09:00:00.000Z",
    until,
    by: "operator",
    reason: "They asked",
  }]);
  const [got] = (await api.ask("GET", PATH)).json().items;
  await api.internet.pass("1h");
  assertEquals(
    (await api.ask("PUT", `${PATH}/Jo@there.example`, got)).json(),
    got,
    "PUT takes what GET answers",
  );
  assertEquals((await api.ask("GET", `${PATH}/jo@there.example`)).json(), got);
  await api.ask("PUT", `${PATH}/ann@there.example`);
  const page = (await api.ask("GET", `${PATH}?limit=1`)).json();
  assertEquals([page.items[0].address, page.cursor], ["ann@there.example", "ann@there.example"]);
  const next = (await api.ask("GET", `${PATH}?limit=1&cursor=${page.cursor}`)).json();
  assertEquals([next.items[0].address, next.cursor], ["Jo@there.example", null]);
  assertEquals((await api.ask("DELETE", `${PATH}/JO@there.example`)).status, 204);
  assertEquals((await api.ask("DELETE", `${PATH}/jo@there.example`)).status, 404);
  assertEquals((await api.ask("GET", `${PATH}/jo@there.example`)).status, 404);
});

Deno.test("what can't be on the list is refused", async () => {
  await using api = await open();
  for (
    const [address, body] of [
      ["nobody", {}],
      ["jo@there.example", { until: "2025-01-01T00:00:00Z" }],
      ["jo@there.example", { address: "ann@there.example" }],
    ] as const
  ) assertEquals((await api.ask("PUT", `${PATH}/${address}`, body)).status, 422, JSON.stringify(body));
  assertEquals((await api.ask("PUT", `${PATH}/jo@there.example`, { until: 5 })).status, 400);
});

Deno.test("the page shows the list, and a message to an address on it comes back with its reason", async () => {
  await using api = await open();
  await api.ask("PUT", `${PATH}/jo@there.example`, { reason: "<b>They</b> asked" });
  const page = await api.ask("GET", "/suppressions");
  assertMatch(page.text, /jo@there\.example/);
  assertMatch(page.text, /&lt;b&gt;They&lt;\/b&gt; asked/);
  assertMatch((await api.ask("GET", "/domains")).text, /href="\/suppressions"/);
  await api.host.send({
    from: "brain@here.example",
    to: "jo@there.example",
    text: "Subject: x\r\n\r\nHi\r\n",
  });
  await api.internet.settled();
  const [report] = await api.host.mailbox("brain");
  assertMatch(
    report!.replaceAll(/\r\n +/g, " "),
    /jo@there\.example is on the suppression list .*<b>They<\/b> asked/,
  );
});
