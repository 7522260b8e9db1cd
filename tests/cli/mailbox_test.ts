import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FREE_PORTS, ServerProcess } from "../e2e/support/server_process.ts";
import { runCli } from "./run_cli.ts";

const CONFIG = `{
  "domains": ["localhost"],
  "accounts": {
    "brain@localhost": { "password": "zort" },
    "pinky@localhost": { "password": "narf", "quota": "2KiB" },
  },
}`;

function mbox(count: number): string {
  return Array.from(
    { length: count },
    (_, i) => `From jsmith@mindspring.com Mon Jan  5 09:0${i}:00 2026\nSubject: ${i}\n\n>From here\n\n`,
  ).join("");
}

async function inTempDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_mailbox_" });
  try {
    await Deno.writeTextFile(`${dir}/dinopost.jsonc`, CONFIG);
    await Deno.writeTextFile(`${dir}/old.mbox`, mbox(3));
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Folders with flags and keywords, out and in again as Maildir++ and as mbox files. */
async function foldersGoRound(dir: string): Promise<void> {
  const run = (...args: string[]) => runCli(["mailbox", ...args], { cwd: dir });
  const marked = "From a@b.test Mon Jan  5 09:00:00 2026\nX-Status: AF\nX-Keywords: $Forwarded later\n" +
    "Status: RO\nX-Status: the message's own\nSubject: marked\n\nx\n\n";
  for (const name of ["Sent", "Größe/2025"]) {
    const made = await runCli(["mailbox", "import", "brain@localhost", "-", "--folder", name], {
      cwd: dir,
      stdin: marked,
    });
    assertEquals([made.err, made.code], ["", 0]);
    assertEquals((await run("export", "brain@localhost", "--folder", name)).out, marked);
  }
  assertEquals((await run("export", "brain@localhost", "--format", "maildir", "-o", "whole")).code, 0);
  const [file] = [...Deno.readDirSync(`${dir}/whole/.Gr&APYA3w-e.2025/cur`)];
  assertMatch(file!.name, /:2,FRSab$/);
  assertEquals(
    await Deno.readTextFile(`${dir}/whole/.Sent/dovecot-keywords`),
    "0 $Forwarded\n1 later\n",
  );
  assertEquals((await run("export", "brain@localhost", "-o", "files/")).code, 0);
  assertEquals(await Deno.readTextFile(`${dir}/files/Größe/2025.mbox`), marked);

  // into a folder of its own each, with all that is in them
  for (const [path, below] of [["whole", "A"], ["files/", "B"]]) {
    const back = await run("import", "brain@localhost", path!, "--folder", below!);
    assertEquals([back.err, back.code], ["", 0]);
    const out = await run("export", "brain@localhost", "--folder", `${below}/Größe/2025`);
    // a Maildir knows no sender but by Return-Path
    assertEquals(out.out, below === "A" ? marked.replace("a@b.test", "MAILER-DAEMON") : marked);
  }
  const none = await run("export", "brain@localhost", "--folder", "None");
  assertEquals(none.code, 67);
  assertMatch(none.err, /no folder "?None/);
}

/** Every way out and in again, whoever answers. */
async function goRound(dir: string): Promise<void> {
  const run = (...args: string[]) => runCli(["mailbox", ...args], { cwd: dir });
  const added = await run("import", "brain@localhost", "old.mbox");
  assertEquals([added.err, added.code], ["", 0]);
  assertMatch(added.out, /^3 messages \(.*\) were added to brain@localhost\.\n$/);

  const out = await run("export", "Brain@localhost");
  assertEquals([out.err, out.code], ["", 0]);
  assertEquals(out.out, mbox(3).replaceAll(/^(From .*)$/gm, "$1\nStatus: O"));

  const folder = await run("export", "brain@localhost", "--format", "maildir", "-o", "brain");
  assertEquals([folder.err, folder.code], ["3 messages are in brain.\n", 0]);
  const names = [...Deno.readDirSync(`${dir}/brain/new`)].map(({ name }) => name).sort();
  assertEquals(names.length, 3);
  assertEquals([...Deno.readDirSync(`${dir}/brain/tmp`)].length, 0);
  assertEquals(await Deno.readTextFile(`${dir}/brain/new/${names[1]}`), "Subject: 1\n\nFrom here\n");
  assertEquals((await Deno.stat(`${dir}/brain/new/${names[1]}`)).mtime, new Date("2026-01-05T09:01:00Z"));

  // one that was read, the way a mail program marks it
  await Deno.rename(`${dir}/brain/new/${names[0]}`, `${dir}/brain/cur/${names[0]}:2,RS`);
  const again = await run("import", "brain@localhost", "brain", "--json");
  assertEquals([again.err, again.code], ["", 0]);
  assertEquals(JSON.parse(again.out).messages, 3);
  assertEquals((await run("export", "brain@localhost", "-o", "all.mbox")).code, 0);
  const all = await Deno.readTextFile(`${dir}/all.mbox`);
  assertEquals(all.match(/^(?:From |Subject: |Status: ).*$/gm)!.length, 18);
  assertEquals(all.match(/^Status: RO$/gm)!.length, 1);
  assertMatch(all, /^From MAILER-DAEMON Mon Jan {2}5 09:02:00 2026\nStatus: O\nSubject: 2$/m);

  // as a program on Windows marks it, with folders as Maildir++ and others have them
  await Deno.mkdir(`${dir}/windows/cur`, { recursive: true });
  for (const part of ["new", ".Sent/new", ".Sent/cur", "Old/2025/new", "Old/2025/cur", "Old/empty"]) {
    await Deno.mkdir(`${dir}/windows/${part}`, { recursive: true });
  }
  for (const name of ["1.a;2,S", "2.b!2,RS", "3.c;2,"]) {
    await Deno.writeTextFile(`${dir}/windows/cur/${name}`, `Subject: windows ${name}\n\nx\n`);
  }
  const windows = await run("import", "brain@localhost", "windows");
  assertEquals([windows.out.slice(0, 10), windows.code], ["3 messages", 0]);
  assertEquals(windows.err, "");
  assertEquals((await run("export", "brain@localhost")).out.match(/^Status: RO$/gm)!.length, 3);
  await foldersGoRound(dir);

  // a line that is doubtful is told, and the others are served
  const doubtful = "From a@b.test Mon Jan  5 09:00:00 2026\nSubject: d\n\nFrom 9:00 on\n";
  const told = await runCli(["mailbox", "import", "brain@localhost", "-", "--json"], {
    cwd: dir,
    stdin: doubtful,
  });
  const warning = 'line 4: "From 9:00 on" was taken for text, not for the beginning of a message';
  assertEquals([told.err, told.code], [`dinopost: warning: ${warning}\n`, 0]);
  assertEquals([JSON.parse(told.out).messages, JSON.parse(told.out).warnings], [1, [warning]]);

  const full = await runCli(["mailbox", "import", "pinky@localhost", "-"], {
    cwd: dir,
    stdin: mbox(9).repeat(20),
  });
  assertEquals(full.code, 75);
  assertMatch(
    full.err,
    /^dinopost: Stopped after \d+ messages, which are in the mailbox: the mailbox is full\n$/,
  );

  const html = await runCli(["mailbox", "import", "brain@localhost", "-"], { cwd: dir, stdin: "<html>\n" });
  assertEquals(html.code, 65);
  assertStringIncludes(html.err, "This is no mbox file");
  for (const what of [["export", "nobody@localhost"], ["import", "nobody@localhost", "old.mbox"]]) {
    const nobody = await run(...what);
    assertEquals([nobody.code, nobody.err], [67, "dinopost: There is no mailbox nobody@localhost\n"]);
  }
}

Deno.test("mailbox export and import, asked of a running server", () =>
  inTempDir(async (dir) => {
    await using server = await ServerProcess.ready({ cwd: dir, env: FREE_PORTS });
    await goRound(dir);
    assert(!server.err.includes("ERROR"), server.err);
  }));

Deno.test("mailbox export and import in the data directory of a server that is down", () =>
  inTempDir(async (dir) => {
    const without = await runCli(["mailbox", "export", "brain@localhost"], { cwd: dir });
    assertEquals(without.code, 69);
    assertStringIncludes(without.err, "There is no mail store in ");
    {
      await using server = await ServerProcess.ready({ cwd: dir, env: FREE_PORTS });
      server.signal("SIGTERM");
      assertEquals((await server.end()).code, 0);
    }
    await goRound(dir);
    await using server = await ServerProcess.ready({ cwd: dir, env: FREE_PORTS });
    const token = await Deno.readTextFile(`${dir}/data/admin-token`);
    const headers = { authorization: `Bearer ${token.trim()}` };
    const { items } = await (await fetch(`${server.url}/api/v1/audit`, { headers })).json();
    const imports = items.map(({ user, action, target }: Record<string, string>) => [user, action, target]);
    // one for each folder, and none that failed
    const told = new Set(imports.map((one: string[]) => one.join(" ")));
    assertEquals([...told], ["admin mailboxes.import brain@localhost"]);
    assert(imports.length > 4, String(imports.length));
  }));

Deno.test("mailbox tells what is wrong with its arguments in one line", async () => {
  const table: [string[], number, string][] = [
    [
      ["export", "brain@localhost", "--format", "pst"],
      64,
      '--format: received "pst", expected mbox or maildir',
    ],
    [
      ["export", "brain@localhost", "--format", "maildir"],
      64,
      "a Maildir needs a folder; give it with --output",
    ],
    [["import", "brain@localhost", "nowhere"], 65, "there is no file or folder nowhere"],
    [["import", "brain@localhost", "."], 65, ". is no Maildir: it has no folder new"],
  ];
  await inTempDir(async (dir) => {
    {
      await using server = await ServerProcess.ready({ cwd: dir, env: FREE_PORTS });
      server.signal("SIGTERM");
      await server.end();
    }
    for (const [args, code, message] of table) {
      const { code: got, err } = await runCli(["mailbox", ...args], { cwd: dir });
      assertEquals([err, got], [`dinopost: ${message}\n`, code]);
    }
  });
});
