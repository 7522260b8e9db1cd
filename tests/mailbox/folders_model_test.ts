import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { flagNames } from "../../src/mailbox/flags.ts";
import { keywordsOf } from "../../src/mailbox/folder_draft.ts";
import type { Folder, FolderChange, FolderError, Folders } from "../../src/mailbox/folders.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { checkStore } from "../../src/server/store_check.ts";
import { draftOf } from "../../src/storage/bodies/bodies.ts";
import type { Store } from "../../src/storage/store.ts";
import { deliver, memoryStore, sharedView, uidOf } from "./helpers.ts";

const BRAIN = "brain@howstuffworks.com";
const NAMES = ["INBOX", "Trash", "a", "a/b"];
const UNUSED = ["Archive", "Drafts", "Junk", "Sent"];
const KEYWORDS = ["$x", "$y", "$z"];

const name = fc.constantFrom(...NAMES);
const flags = fc.nat(31);
const keywords = fc.subarray(KEYWORDS);
/** Which of the messages of a folder, by bits of their places. */
const some = fc.nat(0xffffff);

/** One thing that somebody does. */
const step = fc.oneof(
  fc.record({ kind: fc.constant("deliver" as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    kind: fc.constant("append" as const),
    name,
    count: fc.integer({ min: 1, max: 3 }),
    flags,
    keywords,
  }),
  fc.record({
    kind: fc.constant("store" as const),
    name,
    some,
    mode: fc.constantFrom("set" as const, "add" as const, "remove" as const),
    flags,
    keywords,
  }),
  fc.record({ kind: fc.constant("expunge" as const), name, some }),
  fc.record({ kind: fc.constantFrom("copy" as const, "move" as const), name, some, to: name }),
  fc.record({ kind: fc.constant("create" as const), name }),
  fc.record({ kind: fc.constant("delete" as const), name }),
  fc.record({ kind: fc.constant("rename" as const), name, to: name }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A message as the model knows it. */
interface Mail {
  readonly id: string;
  readonly flags: number;
  readonly keywords: readonly string[];
}

/** What a mailbox has to be, by folder's name: UIDs and messages. */
class Model {
  readonly folders = new Map<string, Map<number, Mail>>();
  readonly nextUid = new Map<string, number>();

  constructor() {
    for (const name of ["INBOX", "Trash"]) this.create(name);
  }

  create(name: string): void {
    this.folders.set(name, new Map());
    this.nextUid.set(name, 1);
  }

  put(name: string, mail: Mail): number {
    const uid = this.nextUid.get(name)!;
    this.nextUid.set(name, uid + 1);
    this.folders.get(name)!.set(uid, mail);
    return uid;
  }
}

function chosen(model: Model, name: string, some: number): number[] {
  return [...model.folders.get(name)?.keys() ?? []].filter((_, i) => (some >> (i % 24) & 1) === 1);
}

/** Does a step, to the model too; the answer must be the same. */
async function run(step: Step, { at, model }: { at: World; model: Model }): Promise<void> {
  const { folders } = at;
  const has = (name: string) => model.folders.has(name);
  const refused = async (work: () => Promise<unknown>) => {
    const kind = await work().then(() => "done", (error: FolderError) => error.kind);
    assert(["nonexistent", "exists", "cannot"].includes(kind), kind);
  };
  if (step.kind === "deliver") {
    for (let i = 0; i < step.count; i++) {
      const uid = uidOf(at.next++);
      await deliver(at, { uid, text: "Hi\r\n", to: [BRAIN] });
      model.put("INBOX", { id: uid, flags: 0, keywords: [] });
    }
    await at.mailStore.list(BRAIN, { limit: 1 });
    return;
  }
  if (step.kind === "create") {
    if (has(step.name)) return await refused(() => folders.create(step.name));
    await folders.create(step.name);
    if (step.name === "a/b" && !has("a")) model.create("a");
    return model.create(step.name);
  }
  if (step.kind === "delete") {
    if (!has(step.name) || step.name === "INBOX") return await refused(() => folders.delete(step.name));
    await folders.delete(step.name);
    return void model.folders.delete(step.name);
  }
  if (step.kind === "rename") return await rename(step.name, step.to, { at, model });
  if (!has(step.name)) return assertEquals(folders.byName(step.name), undefined);
  using folder = await folders.select(folders.byName(step.name)!.id);
  const mails = model.folders.get(step.name)!;
  if (step.kind === "append") {
    const ids = Array.from({ length: step.count }, () => uidOf(at.next++));
    const { flags, keywords } = step;
    const made = ids.map((id) => ({
      body: draftOf(id, encode("New\r\n")),
      flags,
      keywords,
      internalDate: 0,
    }));
    const { uids } = await folder.append(made);
    return assertEquals([...uids], ids.map((id) => model.put(step.name, { id, flags, keywords })));
  }
  const uids = chosen(model, step.name, step.some);
  const wanted = Uint32Array.from(uids);
  if (step.kind === "expunge") {
    assertEquals([...await folder.expunge(wanted)], uids);
    for (const uid of uids) mails.delete(uid);
  } else if (step.kind === "store") {
    assertEquals([...(await folder.store(wanted, step)).stored], uids);
    for (const uid of uids) mails.set(uid, changed(mails.get(uid)!, step));
  } else {
    if (!has(step.to)) return await refused(() => folder[step.kind](wanted.subarray(0, 1), 99));
    const { from, to } = await folder[step.kind](wanted, folders.byName(step.to)!.id);
    assertEquals([...from], uids);
    const moved = uids.map((uid) => mails.get(uid)!);
    if (step.kind === "move") { for (const uid of uids) mails.delete(uid); }
    assertEquals([...to], moved.map((mail) => model.put(step.to, mail)));
  }
}

async function rename(from: string, to: string, { at, model }: { at: World; model: Model }): Promise<void> {
  const { folders } = at;
  const isInto = from !== "INBOX" && to.startsWith(`${from}/`);
  const child = [...model.folders.keys()].find((name) => from !== "INBOX" && name.startsWith(`${from}/`));
  const wouldBe = child && to + child.slice(from.length);
  if (
    !model.folders.has(from) || model.folders.has(to) || isInto || (wouldBe && model.folders.has(wouldBe))
  ) {
    const kind = await folders.rename(from, to).then(() => "done", (error: FolderError) => error.kind);
    return assert(["nonexistent", "exists", "cannot"].includes(kind), kind);
  }
  await folders.rename(from, to);
  if (to === "a/b" && !model.folders.has("a")) model.create("a");
  if (from === "INBOX") {
    model.create(to);
    const inbox = model.folders.get("INBOX")!;
    for (const mail of inbox.values()) model.put(to, mail);
    return inbox.clear();
  }
  for (const [old, now] of [[from, to], ...(child ? [[child, wouldBe!]] : [])] as [string, string][]) {
    model.folders.set(now, model.folders.get(old)!);
    model.nextUid.set(now, model.nextUid.get(old)!);
    model.folders.delete(old);
  }
}

function changed(mail: Mail, { mode, flags, keywords }: Extract<Step, { kind: "store" }>): Mail {
  if (mode === "set") return { ...mail, flags, keywords };
  if (mode === "add") {
    return { ...mail, flags: mail.flags | flags, keywords: [...new Set([...mail.keywords, ...keywords])] };
  }
  return {
    ...mail,
    flags: mail.flags & ~flags,
    keywords: mail.keywords.filter((one) => !keywords.includes(one)),
  };
}

/** A process that does things. */
interface World {
  readonly store: Store;
  readonly mailStore: MailStore;
  readonly folders: Folders;
  next: number;
}

/** What is in a folder, in a form that can be compared. */
function shown(folder: Folder): [number, string, string, string][] {
  const { messages, info } = folder;
  return Array.from({ length: messages.length }, (_, i) => [
    messages.uid(i),
    messages.id(i),
    flagNames(messages.flags(i)).join(" "),
    keywordsOf(info, messages.keywordsLow(i), messages.keywordsHigh(i)).sort().join(" "),
  ]);
}

async function compare(folders: Folders, model: Model): Promise<void> {
  const known = folders.list().map(({ name }) => name).filter((name) => !UNUSED.includes(name));
  assertEquals(known.sort(), [...model.folders.keys()].sort());
  for (const [name, mails] of model.folders) {
    using folder = await folders.select(folders.byName(name)!.id);
    assertEquals(
      shown(folder),
      [...mails].map(([uid, { id, flags, keywords }]) => [
        uid,
        id,
        flagNames(flags).join(" "),
        [...keywords].sort().join(" "),
      ]),
      name,
    );
  }
}

/** A session that only listens: what it makes of the changes must be what is there. */
class Follower {
  readonly known = new Set<number>();
  #modseq = 0;

  constructor(readonly folders: Folders, readonly folder: Folder) {
    this.#look();
    folders.on((change) => this.#hear(change));
  }

  #look(): void {
    this.known.clear();
    const { uids, length } = this.folder.messages;
    for (const uid of uids.subarray(0, length)) this.known.add(uid);
  }

  #hear(change: FolderChange): void {
    assert(this.folders.highestModseq >= this.#modseq, "a mod-sequence went back");
    this.#modseq = this.folders.highestModseq;
    if (!("folder" in change) || change.folder !== 1) return;
    if (change.kind === "came") { for (const uid of change.uids) this.known.add(uid); }
    if (change.kind === "went") { for (const uid of change.uids) assert(this.known.delete(uid)); }
  }
}

for (const [kind, view] of [["one process", (s: Store) => s], ["two servers", sharedView]] as const) {
  Deno.test(`Folders are what a simple model says, whatever is done, by ${kind}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await using store = await memoryStore();
        const worlds: World[] = [];
        for (let i = 0; i < (kind === "one process" ? 1 : 2); i++) {
          const own = view(store);
          const mailStore = new MailStore(own, { clock: new ManualClock(1_767_603_600_000) });
          worlds.push({ store: own, mailStore, folders: await mailStore.open(BRAIN), next: 1 });
        }
        const [first, second = first] = worlds;
        const follower = new Follower(first!.folders, await first!.folders.select(1));
        const model = new Model();
        const started = first!.folders.highestModseq;
        const ever = new Set<number>();
        for (const [i, step] of steps.entries()) {
          const at = i % 2 === 0 ? first! : second!;
          at.next = Math.max(first!.next, second!.next);
          // who was not looking looks now
          (await at.mailStore.open(BRAIN))[Symbol.dispose]();
          await run(step, { at, model });
          for (const uid of model.folders.get("INBOX")!.keys()) ever.add(uid);
        }
        for (const { folders, mailStore } of worlds) {
          (await mailStore.open(BRAIN))[Symbol.dispose]();
          await compare(folders, model);
        }
        assertEquals([...follower.known].sort((a, b) => a - b), [...model.folders.get("INBOX")!.keys()]);
        const gone = [...ever].filter((uid) => !model.folders.get("INBOX")!.has(uid)).sort((a, b) => a - b);
        const vanished = await follower.folder.vanishedSince(started);
        assertEquals([...vanished], gone, "what went out of INBOX is known");
        await first!.mailStore.finishRemovals();
        // and a process that starts now sees the same
        const late = new MailStore(store, { clock: new ManualClock() });
        await compare(await late.open(BRAIN), model);
        const count = [...model.folders.values()].reduce((sum, { size }) => sum + size, 0);
        assertEquals((await late.usage(BRAIN)).messages, count);
        assertEquals((await late.list(BRAIN)).length, count);
        assertEquals((await checkStore(store, { repair: false })).faults, []);
      }),
      { numRuns: 150 },
    );
  });
}
