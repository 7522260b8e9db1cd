import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHmac } from "node:crypto";
import { systemClock } from "../../src/base/clock.ts";
import { IdMaker } from "../../src/base/ids.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { WebhookConfig } from "../../src/config/config.ts";
import { Health } from "../../src/observe/health.ts";
import { type AcceptedEvent, type AttemptEvent, Journal } from "../../src/observe/journal.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import { type Post, post, type PostResult, signedHeaders } from "../../src/webhooks/post.ts";
import { Webhooks } from "../../src/webhooks/webhooks.ts";
import { countedStore, StoreActivity } from "../support/busy_kv.ts";

const URL_A = "https://a.example/hook";
const SECOND = 1000;
const HOUR = 3600 * SECOND;

const BOUNCED: AttemptEvent = {
  type: "bounced",
  id: "1M85X0GES17DRES7",
  recipient: "anna@there.example",
  status: "5.1.1",
  text: "No such user",
  code: 550,
  durationMs: 12,
};
const ACCEPTED: AcceptedEvent = {
  type: "accepted",
  id: "1M85X0GES17DRES7",
  sender: "brain@here.example",
  recipients: ["anna@there.example"],
  size: 100,
  source: "smtp",
};

function hook(of: Partial<WebhookConfig> = {}): WebhookConfig {
  return { url: URL_A, events: ["bounced"], allowPrivate: false, ...of };
}

/** Webhooks on a store in memory, with posts that a test answers and a clock that it moves. */
class Scene implements AsyncDisposable {
  readonly clock = new ManualClock(1_700_000_000_000);
  readonly journal = new Journal(undefined);
  readonly posts: Post[] = [];
  answer: (of: Post) => PostResult | Promise<PostResult> = () => ({ ok: true, status: 200, text: "200 OK" });
  readonly health = new Health(this);
  webhooks!: Webhooks;

  private constructor(
    readonly store: Store,
    readonly activity: StoreActivity,
    readonly hooks: readonly WebhookConfig[],
  ) {}

  static async open(hooks: readonly WebhookConfig[] = [hook()]): Promise<Scene> {
    const clock = new ManualClock();
    const activity = new StoreActivity();
    const store = await openStore({ location: ":memory:", clock });
    const scene = new Scene(countedStore(store, activity), activity, hooks);
    scene.begin();
    return scene;
  }

  begin(): void {
    const { store, clock, journal, hooks } = this;
    this.webhooks = new Webhooks({
      store,
      clock,
      journal,
      hooks,
      health: this.health,
      ids: new IdMaker(clock, seededRandom(1)),
      post: async (of) => {
        this.posts.push(of);
        return await this.answer(of);
      },
    });
    this.webhooks.start();
  }

  /** Lets everything that needs no time happen. */
  settle(): Promise<void> {
    return this.activity.quiet();
  }

  async pass(ms: number, step = 30 * SECOND): Promise<void> {
    for (const end = this.clock.now() + ms; this.clock.now() < end;) {
      this.clock.advance(Math.min(step, end - this.clock.now()));
      await this.settle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.webhooks.stop();
    await this.store.close();
  }
}

Deno.test("an event that a webhook asks for is posted once, others are not", async () => {
  await using scene = await Scene.open([hook(), hook({ url: "https://b.example/", events: ["accepted"] })]);
  scene.journal.emit(BOUNCED);
  scene.journal.emit({ ...BOUNCED, type: "delivered" });
  await scene.settle();
  assertEquals(scene.posts.map(({ url, secret }) => [url, secret]), [[URL_A, undefined]]);
  assertMatch(scene.posts[0]!.id, /^msg_[0-9A-Z]{16}$/);
  const { type: _, ...data } = BOUNCED;
  assertEquals(JSON.parse(scene.posts[0]!.body), {
    type: "bounced",
    timestamp: "2023-11-14T22:13:20.000Z",
    data,
  });
  assertEquals((await scene.webhooks.states()).map((s) => [s.url, s.waiting, s.last?.ok]), [
    [URL_A, 0, true],
    ["https://b.example/", 0, undefined],
  ]);
  await scene.pass(72 * HOUR, HOUR);
  assertEquals(scene.posts.length, 1);
});

Deno.test("a long list of recipients is cut, a time is told in ISO 8601", async () => {
  await using scene = await Scene.open([hook({ events: ["accepted", "deferred"] })]);
  const recipients = Array.from({ length: 1000 }, (_, i) => `${"x".repeat(60)}${i}@there.example`);
  scene.journal.emit({ ...ACCEPTED, recipients });
  scene.journal.emit({ ...BOUNCED, type: "deferred", nextAttemptAt: 1_700_000_900_000 });
  await scene.settle();
  const [accepted, deferred] = scene.posts.map(({ body }) => JSON.parse(body).data);
  assertEquals([accepted.recipients.length, accepted.recipientsLeftOut], [100, 900]);
  assertEquals(deferred.nextAttemptAt, "2023-11-14T22:28:20.000Z");
});

Deno.test("what fails is tried again for three days with the same id, then it stands in the dead letters", async () => {
  await using scene = await Scene.open();
  scene.answer = () => ({ ok: false, status: 503, text: "503 Service Unavailable" });
  const began = scene.clock.now();
  const at: number[] = [];
  const answer = scene.answer;
  scene.answer = (of) => {
    at.push(Math.round((scene.clock.now() - began) / SECOND));
    return answer(of);
  };
  scene.journal.emit(BOUNCED);
  await scene.settle();
  await scene.pass(HOUR);
  await scene.pass(100 * HOUR, HOUR / 2);
  assertEquals(new Set(scene.posts.map((p) => `${p.id} ${p.body}`)).size, 1);
  const pauses = at.slice(1).map((t, i) => t - at[i]!);
  // each within the steps of the clock of what the specification advises
  const wanted = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
  assertEquals(pauses.length, wanted.length);
  for (const [i, pause] of pauses.entries()) {
    assert(pause >= wanted[i]! && pause < wanted[i]! + (i < 3 ? 120 : 3700), `${pauses}`);
  }
  const [dead, ...more] = await scene.webhooks.dead();
  assertEquals([dead?.url, dead?.type, dead?.attempts, dead?.lastError, more.length], [
    URL_A,
    "bounced",
    10,
    "503 Service Unavailable",
    0,
  ]);

  scene.answer = () => ({ ok: true, status: 204, text: "204" });
  assertEquals(await scene.webhooks.revive(dead!.id), true);
  await scene.settle();
  assertEquals([scene.posts.length, scene.posts.at(-1)!.id], [11, dead!.id]);
  assertEquals(await scene.webhooks.dead(), []);
  assertEquals([await scene.webhooks.revive(dead!.id), await scene.webhooks.bury(dead!.id)], [false, false]);
});

Deno.test("410 ends it at once, Retry-After is heeded", async () => {
  await using scene = await Scene.open();
  scene.answer = () => ({ ok: false, status: 410, text: "410 Gone" });
  scene.journal.emit(BOUNCED);
  await scene.settle();
  const [dead] = await scene.webhooks.dead();
  assertEquals(dead?.attempts, 1);
  assertEquals(await scene.webhooks.bury(dead!.id), true);
  await scene.pass(2 * SECOND); // who just failed is given a moment
  scene.answer = () => ({ ok: false, status: 429, text: "429", retryAfterMs: 2 * HOUR });
  scene.journal.emit(BOUNCED);
  await scene.settle();
  await scene.pass(1.9 * HOUR, HOUR / 10);
  assertEquals(scene.posts.length, 2);
  await scene.pass(0.2 * HOUR, HOUR / 10);
  assertEquals(scene.posts.length, 3);
});

Deno.test("what waited when the server stopped is posted by the next one, also what was cut off", async () => {
  await using scene = await Scene.open();
  scene.answer = ({ signal }) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve({ ok: false, text: "aborted" })));
  scene.journal.emit(BOUNCED);
  await scene.settle();
  scene.journal.emit({ ...BOUNCED, recipient: "bert@there.example" });
  await scene.settle();
  await scene.webhooks.stop();
  scene.answer = () => ({ ok: true, status: 200, text: "200" });
  scene.posts.length = 0;
  scene.begin();
  await scene.settle();
  await scene.pass(120 * SECOND);
  assertEquals(scene.posts.map((p) => JSON.parse(p.body).data.recipient).sort(), [
    "anna@there.example",
    "bert@there.example",
  ]);
});

Deno.test("a receiver that is away does not delay another one, and is asked less and less often", async () => {
  await using scene = await Scene.open([hook(), hook({ url: "https://b.example/" })]);
  scene.answer = ({ url }) =>
    url === URL_A ? { ok: false, text: "refused" } : { ok: true, status: 200, text: "200" };
  for (let i = 0; i < 40; i++) scene.journal.emit(BOUNCED);
  await scene.settle();
  assertEquals(scene.posts.filter((p) => p.url !== URL_A).length, 40);
  assertEquals(scene.posts.filter((p) => p.url === URL_A).length, 8);
  assertEquals((await scene.webhooks.states())[0]?.waiting, 40);
});

Deno.test("on a full disk nothing is put into the queue but that the disk is full", async () => {
  await using scene = await Scene.open([hook({ events: ["bounced", "health"] })]);
  Object.defineProperty(scene.store, "isFull", { value: true });
  scene.journal.emit(BOUNCED);
  const problems = [{ code: "disk", text: "The disk is full", since: "2026-01-05T09:00:00.000Z" }];
  scene.journal.emit({ type: "health", status: "degraded", problems });
  await scene.settle();
  assertEquals(scene.posts.map(({ body }) => JSON.parse(body).type), ["health"]);
  assertEquals(JSON.parse(scene.posts[0]!.body).data, { status: "degraded", problems });
});

Deno.test("without webhooks nothing listens to the journal and nothing is written", async () => {
  await using scene = await Scene.open([]);
  scene.journal.emit(BOUNCED);
  await scene.settle();
  assertEquals((await Array.fromAsync(scene.store.kv.list({ prefix: ["hook"] }))).length, 0);
});

Deno.test("signedHeaders() signs as the specification says", () => {
  const of = { id: "msg_1", now: 1_700_000_000_999, body: '{"type":"test"}' };
  for (const [secret, key] of [["a secret", "a secret"], ["whsec_bWFpbA==", "mail"]] as const) {
    const headers = signedHeaders({ ...of, secret });
    const signature = createHmac("sha256", key).update(`msg_1.1700000000.${of.body}`).digest("base64");
    assertEquals(headers, {
      "webhook-id": "msg_1",
      "webhook-timestamp": "1700000000",
      "webhook-signature": `v1,${signature}`,
    });
  }
  assertEquals(Object.keys(signedHeaders({ ...of, secret: undefined })), ["webhook-id", "webhook-timestamp"]);
});

Deno.test("post() posts, and tells what came of it: answers, redirects, silence", async () => {
  const seen: Headers[] = [];
  const bodies: string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    seen.push(new Headers(request.headers));
    bodies.push(await request.text());
    const { pathname } = new URL(request.url);
    if (pathname === "/away") return Response.redirect("http://127.0.0.1/secret", 302);
    if (pathname === "/busy") return new Response("no", { status: 503, headers: { "retry-after": "7" } });
    return new Response("x".repeat(1_000_000));
  });
  const { port } = server.addr;
  const closing = new AbortController();
  const to = (path: string, more: Partial<Post> = {}) =>
    post({
      url: `http://localhost:${port}${path}`,
      id: "msg_1",
      body: '{"type":"test"}',
      now: 1_700_000_000_000,
      secret: "a secret",
      allowPrivate: true,
      clock: systemClock,
      signal: closing.signal,
      ...more,
    });
  const fine = await to("/");
  assertEquals([fine.ok, fine.status], [true, 200]);
  assertEquals(bodies, ['{"type":"test"}']);
  assertEquals(seen[0]!.get("content-type"), "application/json");
  assertMatch(seen[0]!.get("webhook-signature")!, /^v1,/);
  assertEquals((await to("/away")).status, 302);
  assertEquals(await to("/busy"), {
    ok: false,
    status: 503,
    text: "503 Service Unavailable",
    retryAfterMs: 7000,
  });
  assertEquals(seen.length, 3);
  assertMatch((await to("/", { url: "http://no-such-name.invalid/" })).text, /no-such-name\.invalid/);

  // never to a private address: by name, by address, in other clothes
  for (
    const url of [
      `http://localhost:${port}/`,
      `http://127.0.0.1:${port}/`,
      `http://[::ffff:127.0.0.1]:${port}/`,
    ]
  ) {
    const result = await to("/", { url, allowPrivate: false });
    assertEquals(result.ok, false, url);
    assertStringIncludes(result.text, "loopback", url);
  }
  assertEquals(seen.length, 3);
});

Deno.test("post() gives up a receiver that answers a little at a time", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const clock = new ManualClock();
  const closing = new AbortController();
  const posted = post({
    url: `http://127.0.0.1:${listener.addr.port}/`,
    id: "msg_1",
    body: "{}",
    now: 0,
    clock,
    allowPrivate: true,
    signal: closing.signal,
  });
  using conn = await listener.accept();
  await conn.read(new Uint8Array(1000));
  for (let seconds = 0; seconds < 20; seconds++) {
    await conn.write(new TextEncoder().encode(seconds === 0 ? "HTTP/1.1 200 OK\r\n" : "A: b\r\n"));
    clock.advance(SECOND);
  }
  assertEquals(await posted, { ok: false, text: "No answer within 20 seconds" });
  assertEquals(clock.timers, 0);
});

Deno.test("health says that a webhook takes nothing, or that posts were given up, until that is over", async () => {
  // what a receiver knows its own by is told to nobody: /healthz needs no token
  await using scene = await Scene.open([hook({ url: "https://me:word@a.example/services/s3cret?key=k" })]);
  const log: string[] = [];
  scene.journal.on((event) => void log.push(JSON.stringify(event)));
  const problems = () => scene.health.problems.map(({ code, text }) => `${code}: ${text}`);
  scene.answer = () => ({ ok: false, status: 503, text: "503 Service Unavailable" });
  scene.journal.emit(BOUNCED);
  await scene.settle();
  await scene.pass(10 * SECOND);
  assertEquals(problems(), []);
  await scene.pass(6 * 60 * SECOND);
  const since = new Date(scene.clock.now() - 370 * SECOND).toISOString();
  assertEquals(problems(), [
    `webhooks: The webhook at https://a.example has taken nothing since ${since}: 503 Service Unavailable`,
  ]);
  scene.answer = () => ({ ok: true, status: 200, text: "200 OK" });
  await scene.pass(HOUR);
  assertEquals(problems(), []);

  scene.answer = () => ({ ok: false, status: 410, text: "410 Gone" });
  scene.journal.emit(BOUNCED);
  await scene.settle();
  const gone = [`webhooks: A post to a webhook was given up, to https://a.example: 410 Gone`];
  assertEquals(problems(), gone);
  // it is known again after a start
  await scene.webhooks.stop();
  scene.health.clear("webhooks");
  scene.begin();
  await scene.settle();
  assertEquals(problems(), gone);
  const [dead] = await scene.webhooks.dead();
  assertEquals(await scene.webhooks.bury(dead!.id), true);
  assertEquals(problems(), []);
  assert(log.some((line) => line.includes("webhook post given up")));
  assert(!log.some((line) => line.includes("s3cret")));
});
