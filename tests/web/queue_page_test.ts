import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Surface } from "../api/harness.ts";
import { Visitor } from "./visitor.ts";

/** The text of a page's part with that id, without its marks. */
function part(html: string, id: string): string {
  const at = html.indexOf(`id="${id}"`);
  assert(at >= 0, `no ${id} in ${html}`);
  const [end] = [html.indexOf("data-live", html.indexOf("data-live", at) + 10)];
  return html.slice(at, end < 0 ? undefined : end).replace(/^[^>]*>/, "").replace(/<[^>]*>/g, " ").replace(
    /\s+/g,
    " ",
  );
}

/** 250 messages to two domains that are put off, in some kinds. */
async function filled(): Promise<Surface> {
  const surface = await Surface.start({
    config: { queue: { concurrency: 5 } },
    names: { "slow.example": { mx: "SERVFAIL" }, "other.example": { mx: "SERVFAIL" } },
  });
  const { queue } = surface.server;
  const sent: Promise<string>[] = [];
  for (let i = 0; i < 250; i++) {
    const to = i < 240 ? `u${i}@slow.example` : `u${i}@other.example`;
    sent.push(
      surface.send(
        { from: `${i % 2}@ex.example`, to: [to] },
        `Subject: Order ${100000 + i} came\r\n\r\nx\r\n`,
      ),
    );
  }
  await Promise.all(sent);
  await queue.idle();
  return surface;
}

async function jobsEnd(surface: Surface): Promise<void> {
  for (let looks = 0; looks < 1000; looks++) {
    if (surface.server.queue.jobs.list().every(({ state }) => state !== "running")) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("a job goes on and on");
}

Deno.test("the queue's page tells ranges and totals, and tabs and rows are of one look", async () => {
  await using surface = await filled();
  const visitor = await Visitor.of(surface);
  const first = await visitor.get("/queue");
  assertStringIncludes(first, "1–100 of 250");
  assertMatch(part(first, "queue-tabs"), /All 250 Queued 0 Deferred 250 Held 0/);
  assertStringIncludes(first, "All 250 that fit");
  assertStringIncludes(first, "Order 100000 came");
  const next = /href="([^"]*after=[^"]*)">Next page/.exec(first)![1]!.replaceAll("&amp;", "&");
  assertStringIncludes(await visitor.get(next), "101–200 of 250");
  assertStringIncludes(await visitor.get("/queue?sort=newest&skip=200"), "201–250 of 250");
  const found = await visitor.get("/queue?q=%40other.example");
  assertMatch(part(found, "queue-tabs"), /All 10 Queued 0 Deferred 10 Held 0/);
  assertStringIncludes(found, "1–10 of 10");
  assertStringIncludes(await visitor.get("/queue?q=order+100007"), "1–1 of 1");
  assertStringIncludes(await visitor.get("/queue?q=servfail"), "1–100 of 250");
});

Deno.test("each view tells how many messages wait, and has not all of them read for that", async () => {
  await using surface = await filled();
  const visitor = await Visitor.of(surface);
  const { queue } = surface.server;
  for (const path of ["/", "/accounts"]) {
    assertStringIncludes(await visitor.get(path), 'aria-label="250 waiting"', path);
  }
  assertStringIncludes(await visitor.get("/domains"), "2 destinations");
  assertEquals((await queue.waiting()).whole, false, "the first that asks for it");
  const [one, other] = await queue.select({ domain: "other.example" });
  await queue.delete(one!);
  await queue.hold(other!);
  assertStringIncludes(await visitor.get("/events"), 'aria-label="249 waiting"');
});

Deno.test("messages are grouped by answer, subject, sender and destination, and each group leads to them", async () => {
  await using surface = await filled();
  const visitor = await Visitor.of(surface);
  for (const [by, groups] of [["error", 1], ["subject", 1], ["sender", 2], ["domain", 2]] as const) {
    const html = await visitor.get(`/queue?group=${by}`);
    const links = [...html.matchAll(/<a class="row-link" href="([^"]*)"/g)].map(([, href]) =>
      href!.replaceAll("&amp;", "&")
    );
    assertEquals(links.length, groups, by);
    const counts = [...html.matchAll(/data-label="Messages">([\d,]+)</g)].map(([, text]) => Number(text));
    for (const [i, link] of links.entries()) {
      assertStringIncludes(await visitor.get(link), ` of ${counts[i]}<`, link);
    }
  }
});

Deno.test("all that fit are chosen, and what came of it is told", async () => {
  await using surface = await filled();
  const visitor = await Visitor.of(surface);
  await visitor.post("/queue/act", [["do", "hold"], ["every", "1"], ["domain", "other.example"], [
    "back",
    "/queue",
  ]]);
  await jobsEnd(surface);
  const held = await visitor.get("/queue");
  assertMatch(part(held, "queue-tabs"), /All 250 Queued 0 Deferred 240 Held 10/);
  assertStringIncludes(part(held, "queue-jobs"), "10 held");
  const question = await visitor.post("/queue/act", [
    ["do", "delete"],
    ["every", "1"],
    ["q", "@slow.example"],
    ["back", "/queue"],
  ]);
  assertStringIncludes(question, "240 messages");
  assertStringIncludes(question, "and 220 more");
  assertEquals((await surface.server.queue.select({})).length, 250);
  const fields = [...question.matchAll(/<input type="hidden" name="(every|q|sure|back)" value="([^"]*)"/g)]
    .map(([, name, value]): [string, string] => [name!, value!]);
  await visitor.post("/queue/act", [["do", "delete"], ...fields]);
  await jobsEnd(surface);
  const after = await visitor.get("/queue");
  assertStringIncludes(part(after, "queue-jobs"), "240 deleted");
  assertMatch(part(after, "queue-tabs"), /All 10 Queued 0 Deferred 0 Held 10/);
  assertStringIncludes(after, "1–10 of 10");
  assertStringIncludes(after, 'aria-label="10 waiting"');
});

Deno.test("'Try all now' tells how far it is and what came of it", async () => {
  await using surface = await filled();
  const visitor = await Visitor.of(surface);
  const now = await visitor.post("/queue/flush", [["back", "/queue"]]);
  assertMatch(part(now, "queue-jobs"), /Trying 250 messages: [\d,]+ done|0 delivered, 250 failed again/);
  await jobsEnd(surface);
  const after = await visitor.get("/queue");
  assertStringIncludes(part(after, "queue-jobs"), "0 delivered, 250 failed again");
  assertMatch(part(after, "queue-tabs"), /All 250 Queued 0 Deferred 250 Held 0/);
});

Deno.test("the destinations' page shows all of them, with failures, and pauses and resumes", async () => {
  await using surface = await filled();
  const visitor = await Visitor.of(surface);
  const html = await visitor.get("/domains");
  assertStringIncludes(html, "2 destinations");
  assertStringIncludes(html, "240 of 240 attempts in the last hour");
  assertStringIncludes(html, "100 %");
  assertStringIncludes(html, "SERVFAIL");
  const paused = await visitor.post("/domains/slow.example", [["do", "pause"], ["back", "/domains"]]);
  assertStringIncludes(paused, "Resume delivery to slow.example");
  assertStringIncludes(paused, "Delivery to slow.example is suspended");
  const resumed = await visitor.post("/domains/slow.example", [["do", "resume"], ["back", "/domains"]]);
  assertStringIncludes(resumed, "Pause delivery to slow.example");
});

Deno.test("jobs that ended long ago are told no more", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 5));
  await using surface = await Surface.start({ clock });
  const visitor = await Visitor.of(surface);
  const id = await surface.send({ to: ["jo@example.net"] }, "Subject: x\r\n\r\nx\r\n");
  await visitor.post("/queue/act", [["do", "hold"], ["every", "1"], ["back", "/queue"]]);
  await jobsEnd(surface);
  assertStringIncludes(part(await visitor.get("/queue"), "queue-jobs"), "1 held");
  assertEquals((await surface.server.queue.message(id))[0]!.held, true);
  clock.advance(11 * 60_000);
  assertEquals(part(await visitor.get("/queue"), "queue-jobs").includes("held"), false);
});
