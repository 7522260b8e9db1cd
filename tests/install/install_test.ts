import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Home, serveOnce, shownBlock } from "./home.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const TEST_TOOLS = ["fast-check", "playwright-core", "deno-std"];

Deno.test("the command is installed as README shows, and runs from anywhere", async () => {
  await using home = await Home.make();
  const installed = await home.sh(await shownBlock("sh", "deno install -gA"));
  assertEquals(installed.code, 0, installed.err);
  assertStringIncludes(installed.out, "Usage: dinopost");
  const elsewhere = await home.project("elsewhere", {});
  const version = await home.sh("dinopost version", elsewhere);
  assertMatch(version.out, /^dinopost \d/);
  const said = await serveOnce(home, { command: "dinopost serve", cwd: elsewhere });
  assertMatch(said, / ready .*smtp=\["127\.0\.0\.1:\d+"\][^]*\nexit 0$/);
  const fetched = await home.fetched();
  assertEquals(TEST_TOOLS.filter((name) => fetched.includes(name)), []);
});

Deno.test("a newcomer with Node alone has a mail server in another project's test, by README alone", async () => {
  await using home = await Home.make(["node", "npm", "npx", "git", "sh"]);
  await home.sh(`git clone -q "file://${ROOT}" ${home.path}/dinopost`);
  const project = await home.project("shop", { "mail.test.mjs": await shownBlock("js", "node:test") });
  const [command] = (await shownBlock("sh", "task capture")).split("#");
  const said = await serveOnce(home, {
    command: command!,
    cwd: `${home.path}/dinopost`,
    async use(said) {
      const [smtp, admin] = ["smtp", "admin"].map((name) =>
        new RegExp(`${name}=\\["127.0.0.1:(\\d+)`).exec(said)![1]!
      );
      const test = `${project}/mail.test.mjs`;
      const text = await Deno.readTextFile(test);
      await Deno.writeTextFile(test, text.replace("1025", smtp!).replace("8025", admin!));
      const tested = await home.sh(await shownBlock("sh", "node --test"), project);
      assertEquals(tested.code, 0, tested.out + tested.err);
      assertMatch(tested.out, /^# pass 1$/m);
    },
  });
  assertMatch(said, / stopped\b/);

  const inProcess = await home.project("story", { "story_test.ts": await shownBlock("ts", "Deno.test(") });
  const withNpx = (line: string) => home.sh(line.replace(/^deno/, "npx -y deno@2.9.6"), inProcess);
  const linked = await withNpx(await shownBlock("sh", "deno link"));
  assertEquals(linked.code, 0, linked.err);
  await Deno.writeTextFile(`${inProcess}/deno.json`, await shownBlock("json", '"links"'));
  const told = await withNpx("deno test -A");
  assertEquals(told.code, 0, told.out + told.err);
  assertMatch(told.out, /1 passed/);
});

Deno.test("the start task fetches what the server needs, and no tools of tests", async () => {
  await using home = await Home.make();
  const cwd = `${home.path}/dinopost`;
  await home.sh(`git clone -q "file://${ROOT}" ${cwd}`);
  const said = await serveOnce(home, { command: "deno task start", cwd });
  assertMatch(said, / ready [^]*\nexit 0$/);
  const fetched = await home.fetched();
  assert(fetched.includes("hono"));
  assertEquals(TEST_TOOLS.filter((name) => fetched.includes(name)), []);
  assertEquals((await home.sh("git status --short", cwd)).out, "", "the clone is as it was");
});

Deno.test("another project links a clone beside it, as README shows", async () => {
  await using home = await Home.make();
  const config = JSON.parse(await shownBlock("json", '"links"'));
  const project = await home.project("project", {
    "deno.json": JSON.stringify({ unstable: config.unstable }),
    "main.ts": await shownBlock("ts", 'from "@dinopost/dinopost";', "docs/testing.md"),
    "story_test.ts": await shownBlock("ts", "Deno.test("),
  });
  await Deno.symlink(ROOT.replace(/\/$/, ""), `${home.path}/dinopost`);
  const linked = await home.sh(await shownBlock("sh", "deno link"), project);
  assertEquals(linked.code, 0, linked.err);
  assertEquals(JSON.parse(await Deno.readTextFile(`${project}/deno.json`)), config);
  const run = await home.sh("deno run -A --check main.ts", project);
  assertMatch(run.out, /^\{ smtp: \[ "127\.0\.0\.1:\d+" \]/, run.err);
  const tested = await home.sh("deno test -A --no-check", project);
  assertEquals(tested.code, 0, tested.out + tested.err);
  const fetched = await home.fetched();
  assertEquals(TEST_TOOLS.filter((name) => fetched.includes(name)), []);
});

Deno.test("another project has it as a git submodule", async () => {
  await using home = await Home.make();
  const project = await home.project("project", {
    "deno.json": '{ "links": ["./vendor/dinopost"], "unstable": ["kv", "net", "cron"] }',
    "main.ts": await shownBlock("ts", 'from "@dinopost/dinopost";', "docs/testing.md"),
  });
  const added = await home.sh(
    `git init -q . && git -c protocol.file.allow=always submodule --quiet add "file://${ROOT}" vendor/dinopost`,
    project,
  );
  assertEquals(added.code, 0, added.err);
  const run = await home.sh("deno run -A main.ts", project);
  assertMatch(run.out, /^\{ smtp: \[ "127\.0\.0\.1:\d+" \]/, run.err);
});

Deno.test("the typed client fetches its own needs only", async () => {
  await using home = await Home.make();
  const project = await home.project("project", {
    "deno.json": JSON.stringify({ links: [ROOT] }),
    "main.ts": `import { createAdminClient, type QueueItem } from "@dinopost/dinopost/client";
      const client = createAdminClient("http://127.0.0.1:8025", "token", {
        fetch: () => Promise.resolve(Response.json({ items: [{ id: "A" }], cursor: null })),
      });
      const { items } = await (await client.api.v1.queue.$get({ query: { state: "held" } })).json();
      const first: QueueItem | undefined = items[0];
      console.log(first?.id);`,
  });
  const run = await home.sh("deno run --check main.ts", project);
  assertEquals([run.code, run.out], [0, "A\n"], run.err);
  assertEquals(await home.fetched(), ["hono"]);
});

Deno.test("a dry run publishes what users need, with types that need no inference", async () => {
  await using home = await Home.make();
  const run = await home.sh("deno publish --dry-run --allow-dirty 2>&1");
  assertEquals(run.code, 0, run.out);
  assert(!/^(warning|error)/m.test(run.out), run.out);
  const files = [...run.out.matchAll(/^ +(file:\S+) \(/gm)].map((line) => line[1]!.split(ROOT)[1]!);
  const wanted = ["mod.ts", "README.md", "LICENSE", "deno.json", "src/web/assets/page.css"];
  assertEquals(wanted.filter((file) => !files.includes(file)), []);
  const needed =
    /^(src\/|fixtures\/examples\/|(mod\.ts|deno\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md)$)/;
  assertEquals(files.filter((file) => !needed.test(file)), []);
});

Deno.test("deno compile makes one file that runs, or fails for want of Deno's download only", async () => {
  await using home = await Home.make();
  const compiled = await home.sh(`deno compile -A -o ${home.path}/bin/dinopost mod.ts`);
  if (compiled.code !== 0) {
    assertMatch(compiled.err, /error sending request for url \(https:\/\/dl\.deno\.land\/.*denort/);
    return console.log("not tried: denort can't be fetched here");
  }
  assertMatch((await home.sh("dinopost version", home.path)).out, /^dinopost \d/);
});
