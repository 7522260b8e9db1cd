import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { concat, decode } from "../../src/base/bytes.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { checkStore } from "../../src/server/store_check.ts";
import * as keys from "../../src/storage/keys.ts";
import { FORMAT } from "../../src/storage/format.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import { dyingView, keyCounts } from "./helpers.ts";

const [LISA, BART, MAGGIE] = ["lisa", "bart", "maggie"].map((name) => `${name}@simpsons.example`) as [
  string,
  string,
  string,
];

/**
 * A store that dinopost wrote when mailboxes had no folders (of commit b6647b4). Lisa has 440 messages, each ninth one
 * seen, the eighth of 78 KB; each third one is Bart's too, who has removed the first 60 of those, which was not carried
 * out when the process died; Maggie had one.
 */
async function oldStore(): Promise<{ store: Store } & AsyncDisposable> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_format_" });
  const location = `${dir}/dinopost.db`;
  const packed = await Deno.open(new URL("../../fixtures/stores/format-1.db.gz", import.meta.url));
  await Deno.writeFile(location, packed.readable.pipeThrough(new DecompressionStream("gzip")));
  const store = await openStore({ location, clock: systemClock });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

async function checkBroughtOver(store: Store, mailStore: MailStore): Promise<void> {
  const lisa = await mailStore.list(LISA);
  assertEquals(lisa.length, 440);
  assertEquals(lisa.map(({ seen = false }) => seen), lisa.map((_, i) => i % 9 === 0));
  assertEquals(await mailStore.usage(LISA), { messages: 440, bytes: 150_550 });
  const texts = await Promise.all(
    lisa.map(async (entry) => decode(concat(await Array.fromAsync(mailStore.read(entry))))),
  );
  for (const [i, text] of texts.entries()) {
    assert(
      text.includes(`Subject: Note ${i}\r\n`) && text.includes("Delivered-To: lisa@simpsons.example\r\n"),
    );
  }
  assertEquals(texts[7]!.length, lisa[7]!.size);
  // UIDLs and the API's uids stay
  const drop = await mailStore.snapshot(LISA);
  assertEquals([drop.length, drop.uid(0)], [440, "1KE6SJV782RCAE4Z"]);
  assertEquals(drop.uids, lisa.map(({ uid }) => uid));
  assertEquals((await mailStore.list(BART)).length, 90);
  assertEquals((await mailStore.usage(BART)).messages, 90);
  assertEquals(await mailStore.list(MAGGIE), []);
  using folders = await mailStore.open(LISA);
  const inbox = folders.byName("INBOX")!;
  assertEquals([inbox.messages, inbox.unseen, inbox.uidNext], [440, 440 - 49, 441]);
  using folder = await folders.select(inbox.id);
  const numbers = Array.from({ length: 440 }, (_, i) => i);
  assertEquals(numbers.map((i) => folder.messages.uid(i)), numbers.map((i) => i + 1));
  assertEquals(numbers.map((i) => folder.messages.id(i)), lisa.map(({ uid }) => uid));
  assertEquals((await checkStore(store, { repair: false })).faults, []);
}

Deno.test("A store of the first format is brought over, with progress, uids and seen ones", async () => {
  await using at = await oldStore();
  const { store } = at;
  assertEquals((await store.kv.get(keys.format)).value, FORMAT, "an older program refuses it from now on");
  const mailStore = new MailStore(store, { clock: systemClock });
  const told: number[] = [];
  await mailStore.bringOver((done, all) => void told.push(done, all));
  assertEquals([told.length, told.at(-2), told.at(-1)], [6, 530, 530]);
  const { mail, mailremoval, format } = await keyCounts(store.kv);
  assertEquals([mail, mailremoval, format], [undefined, undefined, 2]);
  await checkBroughtOver(store, mailStore);
  await mailStore.bringOver(() => assert(false, "it is done"));
});

Deno.test("A process that dies while it brings a store over leaves one that goes on", async () => {
  for (let die = 0; die < 40; die++) {
    await using at = await oldStore();
    const dying = dyingView(at.store, die);
    const first = new MailStore(dying, { clock: systemClock });
    const isDone = await first.bringOver(() => {}).then(() => true, () => false);
    const mailStore = new MailStore(at.store, { clock: systemClock });
    if (isDone) {
      assert(die > 5, "it takes several writes");
      return;
    }
    if (die % 2 === 0) await mailStore.bringOver(() => {});
    // mail that was not brought over yet has its place when it is looked at
    await checkBroughtOver(at.store, mailStore);
  }
  assert(false, "it never ends");
});

Deno.test("A store of a format before the first or behind this one is refused", async () => {
  await using at = await oldStore();
  const { store } = at;
  const dir = await Deno.makeTempDir({ prefix: "dinopost_format_" });
  try {
    for (const format of [0, FORMAT + 1]) {
      const location = `${dir}/${format}.db`;
      const other = await openStore({ location, clock: systemClock });
      await other.write({ mutations: [{ type: "set", key: keys.format, value: format }], size: 50 });
      await other.close();
      await assertRejects(() => openStore({ location, clock: systemClock }), Error, "format");
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
  assertEquals((await store.kv.get(keys.formatBefore)).value, 1);
});

Deno.test("A store that was not brought over yet has no faults, whatever was begun in it", async () => {
  await using old = await oldStore();
  const { faults } = await checkStore(old.store, { repair: false });
  assertEquals(faults, []);
});
