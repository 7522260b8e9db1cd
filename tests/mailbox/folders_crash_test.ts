import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { checkStore } from "../../src/server/store_check.ts";
import { BodySweeper } from "../../src/storage/bodies/bodies.ts";
import { openStore } from "../../src/storage/store.ts";

const BRAIN = "brain@howstuffworks.com";
/** So many times a process is killed; `DINOPOST_KILLS` asks for more. */
const ROUNDS = Number(Deno.env.get("DINOPOST_KILLS") ?? 6);

const resolve = (path: string) => JSON.stringify(import.meta.resolve(path));

/** A program that does what it likes to a mailbox, and tells a line of what it was told is durable. */
function program(location: string, round: number): string {
  return `
    import { encode } from ${resolve("../../src/base/bytes.ts")};
    import { systemClock as clock } from ${resolve("../../src/base/clock.ts")};
    import { seededRandom } from ${resolve("../../src/base/random.ts")};
    import { MailStore } from ${resolve("../../src/mailbox/mail_store.ts")};
    import { mailEntry } from ${resolve("../../src/mailbox/mail_entry.ts")};
    import { draftOf } from ${resolve("../../src/storage/bodies/bodies.ts")};
    import { openStore } from ${resolve("../../src/storage/store.ts")};
    import { together } from ${resolve("../../src/storage/write.ts")};
    const store = await openStore({ location: ${JSON.stringify(location)}, clock });
    const mailStore = new MailStore(store, { clock });
    const random = seededRandom(${round});
    const pick = (n) => Math.floor(random.float() * n);
    const tell = (...what) => Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(what) + "\\n"));
    const BRAIN = ${JSON.stringify(BRAIN)};
    const folders = await mailStore.open(BRAIN);
    const boxes = [await folders.select(1), await folders.select(4)];
    const validity = boxes.map(({ info }) => info.uidValidity);
    let n = 0;
    const newId = () => "R" + String(${round}).padStart(3, "0") + String(n++).padStart(12, "0");
    folders.on((change) => {
      if (change.kind !== "came") return;
      const box = boxes[change.folder === 1 ? 0 : 1];
      for (const uid of change.uids) {
        const at = box.messages.position(uid);
        if (at >= 0) tell("uid", change.folder, validity[change.folder === 1 ? 0 : 1], uid, box.messages.id(at));
      }
      tell("modseq", folders.highestModseq);
    });
    const some = (box) => {
      const { uids, length } = box.messages;
      return uids.slice(0, length).filter(() => random.float() < 0.2);
    };
    const work = [
      async () => {
        const id = newId();
        const draft = draftOf(id, encode("Subject: " + id + "\\r\\n\\r\\n"));
        const entry = mailEntry({ uid: id, receivedAt: clock.now(), prefix: "", sender: "", recipient: BRAIN, body: draft.ref(1) });
        await store.write(together(draft.write(1), mailStore.deliveryWrite(BRAIN, entry)));
        tell("have", id);
      },
      async () => {
        const ids = [newId(), newId()];
        await boxes[pick(2)].append(ids.map((id) => ({ body: draftOf(id, encode("Subject: " + id + "\\r\\n\\r\\n")), flags: pick(16), keywords: ["k" + pick(5)], internalDate: clock.now() })));
        tell("have", ...ids);
      },
      async () => {
        const box = boxes[pick(2)];
        await box.store(some(box), { mode: "add", flags: 1 << pick(5), keywords: [] });
        tell("modseq", folders.highestModseq);
      },
      async () => {
        const box = boxes[pick(2)];
        const uids = some(box);
        const ids = [...uids].map((uid) => box.messages.id(box.messages.position(uid)));
        tell("may go", ...ids);
        await box.expunge(uids);
      },
      async () => {
        const from = pick(2);
        await boxes[from].move(some(boxes[from]), from === 0 ? 4 : 1);
      },
      async () => {
        const from = pick(2);
        await boxes[from].copy(some(boxes[from]).subarray(0, 5), from === 0 ? 4 : 1);
      },
    ];
    const worker = async () => {
      for (;;) await work[random.float() < 0.5 ? pick(2) : pick(work.length)]();
    };
    await Promise.all([worker(), worker(), worker(), worker()]);`;
}

/** A process that runs a program. */
function start(text: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "-A",
      "--unstable-kv",
      "--no-lock",
      `--config=${new URL(import.meta.resolve("../../deno.json")).pathname}`,
      `data:text/javascript,${encodeURIComponent(text)}`,
    ],
    stdout: "piped",
  }).spawn();
}

/** Runs it for a while, kills it, and answers what it told. */
async function runAndKill(location: string, round: number, ms: number): Promise<unknown[][]> {
  const child = start(program(location, round));
  let heard = "";
  let killing: ReturnType<typeof setTimeout> | undefined;
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    heard += piece;
    // not before it is at work, however slow the machine is
    if (heard.length > 1000) killing ??= setTimeout(() => child.kill("SIGKILL"), ms);
  }
  clearTimeout(killing);
  assertEquals((await child.status).signal, "SIGKILL", heard.slice(-500));
  // the last line may be a half
  return heard.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

Deno.test("Whenever a process is killed, no message is lost, no UID given twice, no mod-sequence goes back", async () => {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_folders_" });
  const location = `${dir}/dinopost.db`;
  const have = new Set<string>();
  const mayGo = new Set<string>();
  const uids = new Map<string, string>();
  let modseq = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const told = await runAndKill(location, round, 150 + 97 * (round % 5));
      for (const [what, ...about] of told) {
        if (what === "have") { for (const id of about) have.add(String(id)); }
        if (what === "may go") { for (const id of about) mayGo.add(String(id)); }
        if (what === "modseq") modseq = Math.max(modseq, about[0] as number);
        if (what !== "uid") continue;
        const [folder, validity, uid, id] = about;
        const name = `${folder} ${validity} ${uid}`;
        assertEquals(uids.get(name) ?? id, id, `UID ${name} was given twice`);
        uids.set(name, id as string);
      }
      assert(told.length > 5, "it did something");
      const store = await openStore({ location, clock: systemClock });
      try {
        const mailStore = new MailStore(store, { clock: systemClock });
        await mailStore.finishRemovals();
        await new BodySweeper(store, { clock: systemClock, graceMs: 0 }).sweep(true);
        assertEquals((await checkStore(store, { repair: false })).faults, [], `round ${round}`);
        using folders = await mailStore.open(BRAIN);
        assert(folders.highestModseq >= modseq, `${folders.highestModseq} after ${modseq}`);
        const there = new Set<string>();
        for (const id of [1, 4]) {
          using folder = await folders.select(id);
          const { messages, info } = folder;
          for (let i = 0; i < messages.length; i++) {
            there.add(messages.id(i));
            const known = uids.get(`${id} ${info.uidValidity} ${messages.uid(i)}`);
            assertEquals(known ?? messages.id(i), messages.id(i));
            assert(messages.modseq(i) <= folders.highestModseq);
            for await (const _ of folder.read(i));
          }
        }
        for (const id of have) assert(there.has(id) || mayGo.has(id), `${id} is lost`);
      } finally {
        await store.close();
      }
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** In so many rows that what is done to all of them takes several commits. */
const MANY = 7100;

/** A program that fills INBOX, begins something that puts messages elsewhere, and dies at the first that are there. */
function halfDoing(location: string, work: string): string {
  return `
    import { encode } from ${resolve("../../src/base/bytes.ts")};
    import { systemClock as clock } from ${resolve("../../src/base/clock.ts")};
    import { MailStore } from ${resolve("../../src/mailbox/mail_store.ts")};
    import { draftOf } from ${resolve("../../src/storage/bodies/bodies.ts")};
    import { openStore } from ${resolve("../../src/storage/store.ts")};
    const store = await openStore({ location: ${JSON.stringify(location)}, clock });
    const folders = await new MailStore(store, { clock }).open(${JSON.stringify(BRAIN)});
    let n = 0;
    const some = () => Array.from({ length: 100 }, () => ({
      body: draftOf("R" + String(clock.now()).padStart(13, "0").slice(-7) + String(n++).padStart(8, "0"), encode("Narf")),
      flags: 0,
      keywords: [],
      internalDate: clock.now(),
    }));
    const inbox = await folders.select(1);
    while (inbox.messages.length < ${MANY}) await inbox.append(some());
    const sent = await folders.select(folders.byName("Sent").id);
    folders.on((change) => {
      if (change.kind === "came" && change.folder !== 1) Deno.kill(Deno.pid, "SIGKILL");
    });
    ${work}`;
}

Deno.test("What takes several commits has not happened when a process is killed between them, or goes on", async () => {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_folders_" });
  const location = `${dir}/dinopost.db`;
  const works = [
    "await inbox.copy(inbox.messages.uids.slice(0, inbox.messages.length), sent.info.id);",
    "const all = sent.appending(); for (let i = 0; i < 5; i++) await all.put(some(), i === 4);",
    'await folders.rename("INBOX", "Old");',
  ];
  try {
    for (const work of works) {
      assertEquals((await start(halfDoing(location, work)).output()).signal, "SIGKILL", work);
      const store = await openStore({ location, clock: systemClock });
      try {
        const mailStore = new MailStore(store, { clock: systemClock });
        using folders = await mailStore.open(BRAIN);
        const counts = folders.list().filter(({ messages }) => messages > 0)
          .map(({ name, messages }) => [name, messages]);
        assertEquals(counts, [[work.includes("rename") ? "Old" : "INBOX", MANY]], work);
        await mailStore.finishRemovals();
        assertEquals((await checkStore(store, { repair: false })).faults, []);
        assertEquals((await mailStore.usage(BRAIN)).messages, MANY);
      } finally {
        await store.close();
      }
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
