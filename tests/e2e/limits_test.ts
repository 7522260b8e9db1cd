/** Pushes a server to where it has to say no: connections, memory, disk. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Pop3Client, ScriptedPeer } from "../../src/testing/mod.ts";
import { inspect, letter } from "./support/letters.ts";
import { type Knock, knock } from "./support/knock.ts";
import { FREE_PORTS, ServerProcess } from "./support/server_process.ts";
import { SmtpTalk } from "./support/smtp_talk.ts";
import { audit } from "./support/store_audit.ts";

const MIB = 1024 * 1024;

async function within(values: unknown, test: (cwd: string) => Promise<void>): Promise<void> {
  const cwd = await Deno.makeTempDir({ prefix: "dinopost-limits-" });
  try {
    await Deno.writeTextFile(`${cwd}/dinopost.jsonc`, JSON.stringify(values));
    await test(cwd);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

const DOMAIN = { hostname: "mail.d.test", domains: ["d.test"], accounts: { "a@d.test": { password: "pw" } } };

/** Where the other server is, and who gets a letter that goes both ways. */
const FAR = "127.0.9.25";
const BOTH = ["a@d.test", `far@[${FAR}]`];

/** Tries until the server has noticed that somebody went. */
async function letIn(server: { hostname: string; port: number }, from: string): Promise<Knock> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const found = await knock(server, from);
    if (/^(220|\+OK)/.test(found.said)) return found;
    await found.close();
    assert(performance.now() < deadline, found.said);
  }
}

Deno.test("Connections have limits, in all and per address", () =>
  within({ ...DOMAIN, limits: { connections: 8, connectionsPerIp: 3 } }, async (cwd) => {
    await using server = await ServerProcess.ready({ cwd, env: FREE_PORTS });
    for (
      const [kind, fine, busy] of [
        ["smtp", /^220 mail\.d\.test ESMTP dinopost$/, /^421 4\.7\.0 /],
        ["pop3", /^\+OK /, /^-ERR \[SYS\/TEMP\] /],
      ] as const
    ) {
      const address = server.address(kind);
      const open: Knock[] = [];
      // three from one address, and not a fourth
      for (let i = 0; i < 3; i++) open.push(await knock(address, "127.0.9.1"));
      for (const { said } of open) assertMatch(said, fine);
      await using fourth = await knock(address, "127.0.9.1");
      assertMatch(fourth.said, busy);
      // others are welcome, up to eight in all
      for (const from of ["127.0.9.2", "127.0.9.2", "127.0.9.2", "127.0.9.3", "127.0.9.3"]) {
        open.push(await knock(address, from));
        assertMatch(open.at(-1)!.said, fine);
      }
      for (const from of ["127.0.9.3", "127.0.9.4", "127.0.9.5"]) {
        await using ninth = await knock(address, from);
        assertMatch(ninth.said, busy);
      }
      // who goes makes room
      await open.shift()!.close();
      open.push(await letIn(address, "127.0.9.4"));
      await open.shift()!.close();
      open.push(await letIn(address, "127.0.9.1"));
      await Promise.all(open.map((knocked) => knocked.close()));
      const again = await letIn(address, "127.0.9.1");
      await again.close();
    }
    server.signal("SIGTERM");
    assertEquals((await server.end()).code, 0);
  }));

/** Lines of 70 characters, `size` bytes in all; no line begins with a dot. */
function largeText(size: number): string {
  const head = "Subject: Large\r\n\r\n";
  const line = "0123456789 a line like any other line, seventy characters long, or so\r\n";
  const text = head + line.repeat(Math.floor((size - head.length) / line.length));
  return `${text}${"x".repeat(Math.max(0, size - text.length - 2))}\r\n`;
}

Deno.test("50 MiB, to a mailbox and to another server: all of it arrives, in little memory", async () => {
  await using chunks = ScriptedPeer.start({ extensions: ["CHUNKING", "SIZE 60000000"] }, { hostname: FAR });
  const { port } = chunks.address;
  const values = {
    ...DOMAIN,
    relay: { networks: ["127.0.0.0/8"] },
    outbound: { port, allowPrivate: true },
  };
  await within(values, async (cwd) => {
    await using server = await ServerProcess.ready({ cwd, env: FREE_PORTS });
    using talk = await SmtpTalk.connect(server.address("smtp"));
    assertMatch(await talk.ask("EHLO x.test", "250"), /SIZE 52428800\n/);
    await talk.ask("MAIL FROM:<x@y.test> SIZE=52428801", "552 5.3.4");
    const before = (await server.memory()).peak;
    const text = largeText(50 * MIB);
    assertEquals(text.length, 50 * MIB);
    assertMatch(await talk.send({ from: "x@y.test", to: BOTH, text }), /^250 2\.0\.0/);
    const taken = (await server.memory()).peak;
    assert(taken - before < 40 * MIB, `taking it needed ${Math.round((taken - before) / MIB)} MiB`);
    await chunks.until((peer) => peer.messages.length === 1);
    assert(chunks.messages[0]!.text.endsWith(text), "what arrived there is not what was sent");

    const pop3 = await Deno.connect(server.address("pop3"));
    await pop3.write(new TextEncoder().encode("USER a@d.test\r\nPASS pw\r\nRETR 1\r\nQUIT\r\n"));
    const fetched = await new Response(pop3.readable).text();
    const size = Number(/\+OK (\d+) octets/.exec(fetched)?.[1]);
    assert(
      size > text.length && fetched.endsWith(`${text}.\r\n+OK ${fetched.split("+OK ").at(-1)}`),
      "by POP3",
    );

    const { peak } = await server.memory();
    console.log(
      `50 MiB: taken with ${Math.round((taken - before) / MIB)} MiB more than before, ` +
        `sent on and read with ${Math.round((peak - before) / MIB)}`,
    );
    // what the store's reads leave behind is collected when V8 sees 64 MiB of it; the login takes 19
    assert(peak - before < 170 * MIB, `sending it needed ${Math.round((peak - before) / MIB)} MiB`);
    server.signal("SIGTERM");
    assertEquals((await server.end()).code, 0);
  });
});

Deno.test("20 messages of 20 MiB at the same time are taken in little memory", () =>
  within({ ...DOMAIN, catchAll: { "d.test": "a@d.test" } }, async (cwd) => {
    await using server = await ServerProcess.ready({ cwd, env: FREE_PORTS });
    const talks = await Promise.all(
      Array.from({ length: 20 }, () => SmtpTalk.connect(server.address("smtp"))),
    );
    const before = (await server.memory()).peak;
    const text = largeText(20 * MIB);
    const replies = await Promise.all(
      talks.map((talk) => talk.send({ from: "x@y.test", to: ["a@d.test"], text })),
    );
    for (const talk of talks) talk.close();
    for (const reply of replies) assertMatch(reply, /^250 2\.0\.0/);
    const { peak } = await server.memory();
    console.log(`20 x 20 MiB at once: from ${Math.round(before / MIB)} to ${Math.round(peak / MIB)} MiB`);
    assert(peak - before < 80 * MIB, `${Math.round((peak - before) / MIB)} MiB`);
    await using reader = await Pop3Client.connect(server.address("pop3"));
    await reader.login("a@d.test", "pw");
    const sizes = (await reader.lines("LIST")).trimEnd().split("\r\n").map((line) =>
      Number(line.split(" ")[1])
    );
    assertEquals(sizes.length, 20);
    for (const size of sizes) assert(size > 20 * MIB && size < 20 * MIB + 1000, `${size}`);
    await reader.quit();
    server.signal("SIGTERM");
    assertEquals((await server.end()).code, 0);
  }));

async function run(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

Deno.test("A full disk: 452 and nothing lost; with space again, all goes on by itself", async () => {
  const disk = await Deno.makeTempDir({ prefix: "dinopost-disk-" });
  const small = Deno.uid() === 0 && await run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk);
  await using peer = ScriptedPeer.start({}, { hostname: FAR });
  const values = {
    ...DOMAIN,
    dataDir: `${disk}/data`,
    relay: { networks: ["127.0.0.0/8"] },
    outbound: { port: peer.address.port, allowPrivate: true },
    queue: { retry: "1s" },
  };
  try {
    // without a disk of its own (not root) only the healthy half of the story can be played
    const promised: number[] = [];
    await within(values, (cwd) => fillDisk(cwd, { disk, peer, small, promised }));
    promised.sort(byNumber);
    const { mailboxes, queue, problems } = await audit(`${disk}/data`);
    assertEquals(problems, []);
    assertEquals(queue.length, 0);
    const found = (mailboxes.get("a@d.test") ?? []).map((text) => inspect(text));
    assertEquals(found.filter(({ problem }) => problem !== undefined), []);
    assertEquals(found.map(({ n }) => n).sort(byNumber), promised);
    // what was given away while the disk was full was written down when it no longer was: nothing was sent twice
    assertEquals(peer.messages.map(({ text }) => inspect(text).n).sort(byNumber), promised);
  } finally {
    if (small) await run("umount", disk);
    await Deno.remove(disk, { recursive: true });
  }
});

const byNumber = (a: number, b: number) => a - b;

async function fillDisk(
  cwd: string,
  { disk, peer, small, promised }: { disk: string; peer: ScriptedPeer; small: boolean; promised: number[] },
): Promise<void> {
  await using server = await ServerProcess.ready({ cwd, env: FREE_PORTS });
  let n = 0;
  /** Several at once, small ones and large ones; how many were refused. */
  async function some(): Promise<number> {
    const replies = await Promise.all([90_000, 3000, 1_000_000, 20_000].map(async (size) => {
      using talk = await SmtpTalk.connect(server.address("smtp"));
      const number = ++n;
      const reply = await talk.send({ from: "x@y.test", to: BOTH, text: letter(number, size) })
        .catch((error) =>
          /^Error: Behind MAIL the server said (.*);/.exec(String(error))?.[1] ?? String(error)
        );
      if (reply.startsWith("250 ")) promised.push(number);
      else assertMatch(reply, /^452 4\.3\.1 /);
      return reply;
    }));
    return replies.filter((reply) => !reply.startsWith("250 ")).length;
  }
  for (let refused = 0; small && refused < 8;) {
    assert(n < 400, "the disk never gets full");
    refused += await some();
  }
  const whileFull = promised.length;
  if (small) {
    assert(whileFull > 4, "it was full from the start");
    // it is alive, and its reserve lets a maildrop be locked
    await using reader = await Pop3Client.connect(server.address("pop3"));
    await reader.login("a@d.test", "pw");
    assertEquals(await fetch(`${server.url}/healthz`).then((r) => r.text()), '{"status":"ok"}');
    assert(await run("mount", "-o", "remount,size=200m", disk));
    await server.said("there is room on the disk again");
  }
  assertEquals(await some(), 0, "it does not take messages again");
  assertEquals(promised.length, whileFull + 4);
  await peer.until((p) => new Set(p.messages.map(({ text }) => inspect(text).n)).size >= promised.length);
  await emptied(`${server.url}/api/v1/queue`, await Deno.readTextFile(`${disk}/data/admin-token`));
  server.signal("SIGTERM");
  const { code, err } = await server.end();
  assertEquals(code, 0, err);
}

async function emptied(url: string, token: string): Promise<void> {
  const deadline = performance.now() + 15_000;
  for (let left = 1; left > 0;) {
    assert(performance.now() < deadline, `${left} still wait`);
    const response = await fetch(url, { headers: { authorization: `Bearer ${token.trim()}` } });
    left = (await response.json()).items.length;
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
