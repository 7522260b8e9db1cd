import { assert, assertEquals, assertMatch } from "@std/assert";
import { Journal, type JournalEvent } from "../../src/observe/journal.ts";
import type { HealthView } from "../../src/observe/health.ts";
import { type Host, LoopbackInternet, ScriptedPeer } from "../../src/testing/mod.ts";

/** Our server in an internet, and what its surface says of its health. */
interface Scene {
  readonly internet: LoopbackInternet;
  readonly ours: Host;
  readonly heard: string[][];
}

async function ask(host: Host, path: string): Promise<string> {
  const answer = await host.server.fetch(
    new Request(`http://localhost${path}`, { headers: { authorization: "Bearer sesame" } }),
    "127.0.0.1",
  );
  assertEquals(answer.status, 200);
  return await answer.text();
}

async function health({ ours }: Scene): Promise<HealthView> {
  return JSON.parse(await ask(ours, "/healthz?verbose"));
}

function codes({ problems }: HealthView): string[] {
  return problems.map(({ code }) => code).sort();
}

async function playing(play: (scene: Scene) => Promise<void>): Promise<void> {
  await using internet = await LoopbackInternet.start({ seed: 1 });
  const journal = new Journal(undefined);
  const heard: string[][] = [];
  journal.on((event: JournalEvent) => {
    if (event.type === "health") heard.push(event.problems.map(({ code }) => code).sort());
  });
  const ours = await internet.host("here.example", {
    accounts: { brain: "secret" },
    journal,
    config: { admin: { token: "sesame" }, queue: { retry: "1h" } },
  });
  await play({ internet, ours, heard });
}

/** Domains of one host, which is not there, or says what the script has. */
function domains({ internet }: Scene, count: number, address = internet.address()): string[] {
  internet.dns.zones["mail.there.example"] = { A: [address] };
  return Array.from({ length: count }, (_, i) => {
    internet.dns.zones[`d${i}.example`] = { MX: [[10, "mail.there.example"]] };
    return `d${i}.example`;
  });
}

async function send({ internet, ours }: Scene, to: string[], times = 1): Promise<void> {
  for (const domain of to) {
    for (let i = 0; i < times; i++) {
      const text = "Subject: Hi\r\n\r\nHi\r\n";
      await ours.send({ from: "brain@here.example", to: [`pinky@${domain}`], text });
    }
  }
  await internet.settled();
}

Deno.test("health says that attempts and destinations fail, with the text, and recovers by itself", () =>
  playing(async (scene) => {
    const { internet, ours, heard } = scene;
    assertEquals(await health(scene), { status: "ok", problems: [] });
    await send(scene, domains(scene, 4), 2);
    const { status, problems } = await health(scene);
    assertEquals([status, problems.map(({ code }) => code)], ["degraded", ["attempts", "destinations"]]);
    assertEquals(problems[0]!.text, "Of 8 delivery attempts in the last ten minutes 8 failed");
    assertMatch(
      problems[1]!.text,
      /^All 4 destinations that were tried in the last ten minutes fail with: .*refused/i,
    );
    assertEquals(problems[0]!.since, new Date(internet.clock.now()).toISOString());
    assertEquals(heard, [["attempts"], ["attempts", "destinations"]]);

    const metrics = await ask(ours, "/metrics");
    assertMatch(metrics, /^dinopost_problem\{code="attempts"\} 1$/m);
    const html = await ask(ours, "/");
    for (const { text } of problems) assert(html.includes(`<li>${text.replaceAll("'", "&#39;")}</li>`));

    // nobody asks meanwhile: the event comes by the clock
    await internet.pass("11m");
    assertEquals(heard.slice(2).map((list) => list.join()).at(-1), "");
    assertEquals(await health(scene), { status: "ok", problems: [] });
  }));

Deno.test("few attempts are no evidence, and neither is one message that is tried again and again", () =>
  playing(async (scene) => {
    await send(scene, domains(scene, 2), 2);
    assertEquals(await health(scene), { status: "ok", problems: [] });
    const server = scene.ours.server;
    for (let i = 0; i < 9; i++) {
      await server.queue.flush();
      await scene.internet.settled();
    }
    assertEquals(await health(scene), { status: "ok", problems: [] });
  }));

Deno.test("what an operator returns is no attempt", () =>
  playing(async (scene) => {
    const { ours } = scene;
    const call = async (method: string, path: string) =>
      await (await ours.server.fetch(
        new Request(`http://localhost/api/v1${path}`, {
          method,
          headers: { authorization: "Bearer sesame" },
        }),
        "127.0.0.1",
      )).json();
    await send(scene, domains(scene, 1), 10);
    await scene.internet.pass("11m");
    for (const { id } of (await call("GET", "/queue")).items) await call("POST", `/queue/${id}/bounce`);
    await scene.internet.settled();
    assertEquals(await health(scene), { status: "ok", problems: [] });
  }));

Deno.test("health says that the resolver fails", () =>
  playing(async (scene) => {
    const names = domains(scene, 4);
    for (const name of names.slice(0, 2)) scene.internet.dns.fail(name, "servfail");
    await send(scene, names.slice(0, 2), 1);
    assertEquals((await health(scene)).problems, []);
    for (const name of names) scene.internet.dns.fail(name, "servfail");
    await scene.internet.pass("1m");
    await send(scene, names, 1);
    const found = (await health(scene)).problems.find(({ code }) => code === "dns");
    assertMatch(
      found?.text ?? "",
      /^The DNS fails: none of \d+ questions of the last ten minutes was answered; .*SERVFAIL/,
    );
    assertMatch(await ask(scene.ours, "/metrics"), /^dinopost_problem\{code="dns"\} 1$/m);
    await scene.internet.pass("11m");
    assertEquals(await health(scene), { status: "ok", problems: [] });
  }));

Deno.test("health says that peers take us for spam, by their words", async (t) => {
  const table: [answer: string, messages: number, codes: string[]][] = [
    ["421 4.7.0 Too much unsolicited mail from your network", 3, ["reputation"]],
    ["451 4.7.1 Client host blocked using zen.example", 3, ["reputation"]],
    ["554 5.7.1 Your address is on a blocklist", 3, ["reputation"]],
    ["451 4.7.1 Client host blocked using zen.example", 2, []],
    ["450 4.2.1 The mailbox is busy", 3, []],
    ["554 5.7.1 This message is spam", 3, []],
  ];
  for (const [answer, messages, want] of table) {
    await t.step(`${answer}, ${messages} times`, () =>
      playing(async (scene) => {
        const { internet } = scene;
        const hostname = internet.address();
        const peer = ScriptedPeer.start({ rcpt: answer }, { hostname, port: internet.smtpPort });
        try {
          const names = domains(scene, 1, hostname);
          await send(scene, names, messages);
          const view = await health(scene);
          assertEquals(codes(view), want);
          if (want.length > 0) {
            assertEquals(
              view.problems[0]!.text,
              `Mail to ${names[0]} is taken for spam or blocked: ${answer}`,
            );
          }
          peer.script = {};
          await internet.pass("2h");
          assertEquals(await health(scene), { status: "ok", problems: [] });
        } finally {
          await peer.close();
        }
      }));
  }
});
