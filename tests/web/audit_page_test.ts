import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Surface, TOKEN } from "../api/harness.ts";
import { Visitor } from "./visitor.ts";

Deno.test("the page shows the audit log to whom the API shows it, a hundred changes at once", async () => {
  const users = { ron: { token: "rons-token", role: "read-only" } };
  await using surface = await Surface.start({ config: { admin: { token: TOKEN, users } } });
  for (let i = 0; i < 101; i++) {
    await surface.json("PUT", `/aliases/list-${i}@example.org`, { body: { targets: ["brain@example.org"] } });
  }
  const get = async (path: string, token: string) => {
    const answer = await surface.fetch(path, {
      headers: { authorization: `Bearer ${token}`, accept: "text/html" },
    });
    return { status: answer.status, text: await answer.text() };
  };
  for (const token of [TOKEN, "rons-token"]) {
    assertStringIncludes((await get("/events", token)).text, 'href="/audit"');
    const newest = await get("/audit", token);
    assertEquals(newest.text.match(/<tr><td class="quiet">/g)?.length, 100);
    assertStringIncludes(newest.text, "<bdi>admin</bdi>");
    assertStringIncludes(newest.text, "<code>aliases.set</code>");
    assertStringIncludes(newest.text, "<bdi>list-100@example.org</bdi>");
    const [, older] = /href="(\/audit\?before=[^"]+)"/.exec(newest.text)!;
    const oldest = await get(older!, token);
    assertEquals(oldest.text.match(/<tr><td class="quiet">/g)?.length, 1);
    assertStringIncludes(oldest.text, "<bdi>list-0@example.org</bdi>");
    assert(!oldest.text.includes("?before="));
  }
  assertEquals((await get("/audit?before=x", TOKEN)).status, 422);
  assertEquals((await get("/audit", "nobodys-token")).status, 401);
});

Deno.test("what a form of the page was refused stands in no audit log", async () => {
  await using surface = await Surface.start();
  const page = await Visitor.of(surface);
  const id = await surface.send({ to: ["jo@elsewhere.example"] }, "Subject: Hi\r\n\r\nHi\r\n");
  const box = "/mailboxes/brain@example.org";
  const refused: [path: string, fields: [string, string][]][] = [
    ["/aliases/remove", [["address", "nobody@example.org"]]],
    ["/queue/act", [["do", "hold"]]],
    ["/queue/act", [["do", "release"], ["id", id]]],
    ["/suppressions/remove", [["address", "nobody@example.org"]]],
    [`${box}/folders`, [["name", "INBOX"]]],
    [box, [["do", "move"], ["uid", id], ["to", ""]]],
    [box, [["do", "flag"]]],
  ];
  for (const [path, fields] of refused) await page.post(path, fields, 303);
  assertEquals((await surface.json("GET", "/audit")).items, []);
  await page.post("/queue/act", [["do", "hold"], ["id", id]], 303);
  assertEquals((await surface.json("GET", "/audit")).items.length, 1);
});
