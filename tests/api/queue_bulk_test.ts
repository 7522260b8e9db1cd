import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Surface } from "./harness.ts";

const TEXT = "Subject: Hello\r\n\r\nA letter.\r\n";
const FALSE_ID = "0000000000000000";

/** A job when it has ended. */
async function ended(surface: Surface, id: string) {
  for (let looks = 0; looks < 2000; looks++) {
    const job = await surface.json("GET", `/jobs/${id}`);
    if (job.state !== "running") return job;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`job ${id} goes on and on`);
}

async function act(surface: Surface, body: unknown) {
  const { count, job } = await surface.json("POST", "/queue/actions", { body, status: 202 });
  return { count, job: await ended(surface, job) };
}

async function idsIn(surface: Surface, query: string): Promise<string[]> {
  const { items } = await surface.json("GET", `/queue?${query}`);
  return items.map(({ id }: { id: string }) => id);
}

Deno.test("the queue is filtered by age, answer and subject, in a query and in a body alike", async (t) => {
  const clock = new ManualClock(Date.UTC(2026, 0, 5));
  await using surface = await Surface.start({
    clock,
    config: { queue: { concurrency: 5 } },
    names: { "slow.example": { mx: "SERVFAIL (test)" } },
  });
  const old = await surface.send({ from: "a@ex.example", to: ["jo@slow.example"] }, TEXT);
  await surface.server.queue.idle();
  // else it would be tried again meanwhile
  await surface.json("POST", `/queue/${old}/hold`);
  clock.advance(2 * 3600_000);
  await surface.json("PUT", "/suspensions/b.example", { body: { reason: "A break" } });
  const young = await surface.send(
    { from: "a+tag@ex.example", to: ["ann@b.example"] },
    "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n 100% (now)\r\n\r\nx\r\n",
  );
  await surface.server.queue.idle();
  const table: [Record<string, string>, string[]][] = [
    [{ olderThan: "2h" }, [old]],
    [{ olderThan: "7200000" }, [old]],
    [{ olderThan: "2h1s" }, []],
    [{ olderThan: "0s" }, [old, young]],
    [{ error: "servfail" }, [old]],
    [{ error: "A BREAK" }, [young]],
    [{ error: "(test)" }, [old]],
    [{ subject: "hello" }, [old]],
    [{ subject: "GRÜSSE" }, []],
    [{ subject: "grüße 100% (" }, [young]],
    [{ sender: "a+tag@ex.example" }, [young]],
    [{ sender: "A@EX.example", domain: "Slow.example." }, [old]],
    [{ sender: "a@ex.example", domain: "b.example" }, []],
    [{ sender: "<>" }, []],
    [{ recipient: "ann@B.example", state: "deferred" }, [young]],
    [{ state: "held" }, [old]],
    [{ state: "queued" }, []],
  ];
  for (const [filter, ids] of table) {
    await t.step(JSON.stringify(filter), async () => {
      assertEquals(await idsIn(surface, `${new URLSearchParams(filter)}`), ids);
      const body = { action: "delete", filter, dryRun: true };
      const answer = await surface.json("POST", "/queue/actions", { body, status: 202 });
      assertEquals(answer, { count: ids.length, job: null });
    });
  }
  assertEquals(await idsIn(surface, ""), [old, young]);
});

Deno.test("actions on many are done as a job, which tells what came of each", async () => {
  await using surface = await Surface.start();
  const ids: string[] = [];
  for (let i = 0; i < 6; i++) {
    ids.push(
      await surface.send({ from: `${i % 2}@ex.example`, to: [`u${i}@a.example`, `u${i}@b.example`] }, TEXT),
    );
  }
  const held = await act(surface, {
    action: "hold",
    ids: [ids[0], FALSE_ID, ids[2], "what is that?", ids[0]],
  });
  assertEquals(held.count, 2);
  assertEquals([held.job.action, held.job.state, held.job.total, held.job.done], ["hold", "done", 4, 4]);
  assertEquals(held.job.result.changed, 2);
  assertEquals(held.job.result.refused, [
    { id: FALSE_ID, text: "The message is not in the queue" },
    { id: "what is that?", text: "The message is not in the queue" },
  ]);
  assertEquals(await idsIn(surface, "state=held"), [ids[0], ids[2]]);

  const released = await act(surface, { action: "release", filter: { domain: "a.example" } });
  assertEquals([released.count, released.job.result.changed], [6, 2]);
  assertEquals(
    released.job.result.refused.map((r: { text: string }) => r.text),
    Array(4).fill("The message is not held"),
  );

  const retried = await act(surface, { action: "retry", all: true });
  // nothing is delivered there: the job ends all the same, and says so
  const { delivered, deferred, failed, refused } = retried.job.result;
  assertEquals([retried.job.state, delivered, deferred, failed, refused.length], ["done", 0, 0, 0, 6]);
  assertStringIncludes(refused[0].text, "concurrency");

  const bounced = await act(surface, { action: "bounce", filter: { sender: "1@ex.example" } });
  assertEquals([bounced.count, bounced.job.result], [3, { changed: 3, refused: [] }]);
  const life = await surface.json("GET", `/messages/${ids[1]}`);
  assert(life.events.some((e: { type: string }) => e.type === "bounced"));

  const deleted = await act(surface, { action: "delete", filter: { sender: "0@ex.example", olderThan: 0 } });
  assertEquals([deleted.count, deleted.job.result], [3, { changed: 3, refused: [] }]);
  await surface.json("GET", `/queue/${ids[0]}`, { status: 404 });
  // the reports to the senders are still there, one for each record
  assertEquals((await act(surface, { action: "delete", all: true })).count, 6);
  assertEquals(await idsIn(surface, ""), []);
});

Deno.test("a retry and a flush count what became of their messages", async () => {
  const names: Record<string, { mx: string }> = { "slow.example": { mx: "SERVFAIL" } };
  await using surface = await Surface.start({ config: { queue: { concurrency: 5 } }, names });
  names["gone.example"] = { mx: "SERVFAIL" };
  const to = [["jo@slow.example"], ["jo@gone.example"], ["jo@slow.example", "jo@gone.example"], [
    "x@slow.example",
  ]];
  const ids: string[] = [];
  for (const one of to) ids.push(await surface.send({ to: one }, TEXT));
  await surface.server.queue.idle();
  delete names["gone.example"];
  await surface.json("POST", `/queue/${ids[3]}/hold`);
  const { count, job } = await surface.json("POST", "/queue/flush");
  assertEquals(count, 3);
  const { state, total, done, result } = await ended(surface, job);
  assertEquals([state, total, done], ["done", 3, 3]);
  // the second is given up; of the third somebody still waits
  assertEquals(result, { delivered: 0, deferred: 2, failed: 1, refused: [] });
  const retried = await act(surface, { action: "retry", ids: [ids[0], ids[1], ids[3]] });
  assertEquals(retried.count, 2);
  const { refused, ...counts } = retried.job.result;
  assertEquals(counts, { delivered: 0, deferred: 1, failed: 0 });
  assertEquals(
    new Map(refused.map((r: { id: string; text: string }) => [r.id, r.text])),
    new Map([
      [ids[1], "The message is not in the queue"],
      [ids[3], "The message is held; release it first"],
    ]),
  );
});

Deno.test("a dry run counts, names unknown ids, and changes nothing", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["jo@example.net"] }, TEXT);
  for (const action of ["retry", "hold", "release", "bounce", "delete"]) {
    const body = { action, ids: [id, FALSE_ID], dryRun: true };
    assertEquals(await surface.json("POST", "/queue/actions", { body, status: 202 }), {
      count: 1,
      job: null,
      unknown: [FALSE_ID],
    });
  }
  assertEquals(
    await surface.json("POST", "/queue/actions", {
      body: { action: "delete", all: true, dryRun: true },
      status: 202,
    }),
    {
      count: 1,
      job: null,
    },
  );
  assertEquals((await surface.json("GET", `/queue/${id}`)).state, "queued");
});

Deno.test("actions that are not clear are refused, with what is wrong", async (t) => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["jo@example.net"] }, TEXT);
  const table: [unknown, string][] = [
    [{ action: "delete" }, "one of ids, filter and all"],
    [{ action: "delete", ids: [id], all: true }, "ids and all"],
    [{ action: "delete", ids: [id], filter: { state: "held" } }, "ids and filter"],
    [{ action: "delete", filter: { state: "held" }, all: true }, "filter and all"],
    [{ action: "delete", ids: [] }, "ids"],
    [{ action: "delete", ids: [7] }, "ids.0"],
    [{ action: "delete", filter: {} }, "filter"],
    [{ action: "delete", filter: { sender: "" } }, "filter.sender"],
    [{ action: "delete", filter: { domain: " " } }, "filter.domain"],
    [{ action: "delete", filter: { sendr: "x@y.example" } }, "sendr"],
    [{ action: "delete", filter: { state: "waiting" } }, "filter.state"],
    [{ action: "delete", filter: { olderThan: "soon" } }, "filter.olderThan"],
    [{ action: "delete", filter: { olderThan: -1 } }, "filter.olderThan"],
    [{ action: "delete", all: false }, "all"],
    [{ action: "drop", all: true }, "action"],
    [{ all: true }, "action"],
    [{ action: "delete", all: true, dryrun: true }, "dryrun"],
    [{ action: "delete", all: true, dryRun: "yes" }, "dryRun"],
    ["delete", "body"],
  ];
  for (const [body, named] of table) {
    await t.step(JSON.stringify(body), async () => {
      const problem = await surface.json("POST", "/queue/actions", { body, status: 400 });
      assertStringIncludes(problem.detail, named);
      assertEquals((await surface.json("GET", `/queue/${id}`)).state, "queued");
    });
  }
  for (const query of ["olderThan=soon", "olderThan=", "olderthan=2h"]) {
    await t.step(query, async () => {
      const problem = await surface.json("GET", `/queue?${query}`, { status: 400 });
      assertStringIncludes(problem.detail.toLowerCase(), "olderthan");
    });
  }
  await surface.json("GET", "/jobs/nothing", { status: 404 });
});
