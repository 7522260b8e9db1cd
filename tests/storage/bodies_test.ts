import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dirname } from "node:path";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { concat } from "../../src/base/bytes.ts";
import {
  addOwners,
  type BodyDraft,
  BodyMissing,
  type BodyRef,
  BodySweeper,
  BodyWriter,
  draftOf,
  readBody,
  releaseBody,
} from "../../src/storage/bodies/bodies.ts";
import { BodyFile } from "../../src/storage/bodies/files.ts";
import { BodyLedger } from "../../src/server/body_ledger.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import { together, type Write } from "../../src/storage/write.ts";
import { keysUnder, onEachEmbeddedStore, onEachStore, tempDir } from "./stores.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const CHUNK = 60 * KIB;

/** A text whose every place can be told from the others. */
function textOf(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff;
  return bytes;
}

const owner = (id: string): Write => ({
  mutations: [{ type: "set", key: ["owner", id], value: 1 }],
  size: 20,
});

/** Writes a text in pieces of that size. */
async function written(
  store: Store,
  id: string,
  bytes: Uint8Array,
  pieceSize = 64 * KIB,
): Promise<BodyWriter> {
  const writer = new BodyWriter(store, { id, clock: systemClock });
  for (let at = 0; at < bytes.length; at += pieceSize) {
    await writer.append(bytes.subarray(at, at + pieceSize));
  }
  return writer;
}

async function commit(store: Store, draft: BodyDraft, owners = 1): Promise<BodyRef> {
  assertEquals((await store.write(together(draft.write(owners), owner("x")))).ok, true);
  return draft.ref(owners);
}

async function readWhole(store: Store, ref: BodyRef): Promise<Uint8Array> {
  return concat(await Array.fromAsync(readBody(store.kv, ref)));
}

/** All that is in the store beside owners and the format. */
async function left(store: Store): Promise<string[]> {
  return [
    ...await keysUnder(store.kv, "body"),
    ...await keysUnder(store.kv, "bodyrefs"),
    ...await keysUnder(store.kv, "bodypending"),
    ...await keysUnder(store.kv, "bodyrecount"),
    ...(await Array.fromAsync(store.kv.files?.ids() ?? [])).map((id) => `file/${id}`),
  ];
}

function sweeper(store: Store, clock: Clock = new ManualClock()): BodySweeper {
  return new BodySweeper(store, { clock, graceMs: 3_600_000 });
}

onEachStore("BodyWriter and readBody() keep texts of every size as they are", async (store) => {
  const sizes = [0, 1, 4300, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1]
    .concat([3 * CHUNK, 4 * CHUNK, 4 * CHUNK + 1, 5 * CHUNK + 17, MIB]);
  for (const size of sizes) {
    for (const pieceSize of [997, 64 * KIB, 3 * MIB]) {
      const bytes = textOf(size);
      const writer = await written(store, `${size}-${pieceSize}`, bytes, pieceSize);
      assertEquals(writer.size, size);
      const ref = await commit(store, writer.finish());
      assertEquals(ref, { id: `${size}-${pieceSize}`, size, chunks: Math.ceil(size / CHUNK), shared: false });
      assertEquals(await readWhole(store, ref), bytes);
    }
  }
  assertEquals(await keysUnder(store.kv, "bodypending"), []);
});

onEachStore("BodyWriter puts before a body what is known only at its end", async (store) => {
  for (const size of [0, 4300, CHUNK, 2 * CHUNK, 2 * CHUNK + 1, 4 * CHUNK, 5 * CHUNK + 17]) {
    for (const front of [new Uint8Array(0), textOf(700)]) {
      const bytes = textOf(size);
      const id = `${size}-${front.length}`;
      const writer = new BodyWriter(store, { id, clock: systemClock, frontLater: true });
      for (let at = 0; at < size; at += 50 * KIB) await writer.append(bytes.subarray(at, at + 50 * KIB));
      const draft = writer.finish(front);
      assertEquals(draft.size, size + front.length);
      const ref = await commit(store, draft);
      assertEquals(await readWhole(store, ref), concat([front, bytes]));
      assertEquals(
        (await keysUnder(store.kv, "body")).filter((key) => key.startsWith(`body/${id}/`)).length,
        store.kv.files && size > 2 * CHUNK ? 2 : ref.chunks,
      );
      const ledger = new BodyLedger();
      await ledger.read(store.kv);
      assertEquals(ledger.lacks(ref), undefined);
    }
  }
  assertEquals(await keysUnder(store.kv, "bodypending"), []);
  assertThrows(
    () => new BodyWriter(store, { id: "x", clock: systemClock }).finish(textOf(1)),
    Error,
    "No room",
  );
});

onEachStore(
  "BodyWriter.abort() leaves nothing of a body that waits for what stands before it",
  async (store) => {
    const writer = new BodyWriter(store, { id: "A", clock: systemClock, frontLater: true });
    await writer.append(textOf(5 * CHUNK));
    const rows = ["body/A/1", "body/A/2", "body/A/3", "body/A/4"];
    const ahead = (await left(store)).filter((key) => key !== "bodypending/A");
    assertEquals(ahead, store.kv.files ? ["file/A"] : rows);
    await writer.abort();
    assertEquals(await left(store), []);
  },
);

onEachStore("BodyWriter takes up to 120 KiB without a promise or a write, and copies", async (store) => {
  const writer = new BodyWriter(store, { id: "A", clock: systemClock });
  const piece = new Uint8Array(10 * KIB).fill(7);
  for (let i = 0; i < 12; i++) assertEquals(writer.append(piece), undefined);
  piece.fill(9);
  assertEquals(await left(store), []);
  const draft = writer.finish();
  assertEquals(draft.inMemory, new Uint8Array(120 * KIB).fill(7));
  assertEquals(draft.write(1).checks?.length ?? 0, 0);
  assertEquals(await readWhole(store, await commit(store, draft)), draft.inMemory!);
});

onEachStore("BodyWriter writes ahead under a mark that the accepting write takes away", async (store) => {
  const inFile = store.kv.files !== undefined;
  const clock = new ManualClock(5000);
  const writer = new BodyWriter(store, { id: "A", clock });
  await writer.append(new Uint8Array(120 * KIB));
  assertEquals(await left(store), []);
  await writer.append(new Uint8Array(1));
  const rows = ["body/A/0", "body/A/1", "bodypending/A"];
  assertEquals(await left(store), inFile ? ["bodypending/A", "file/A"] : rows);
  const file = inFile ? { file: true } : {};
  assertEquals((await store.kv.get(["bodypending", "A"])).value, { at: 5000, chunks: 2, ...file });
  clock.advance(600_000);
  await writer.append(new Uint8Array(120 * KIB));
  const chunks = inFile ? 2 : 4;
  assertEquals((await store.kv.get(["bodypending", "A"])).value, { at: 605_000, chunks, ...file });

  const draft = writer.finish();
  assertEquals(draft.inMemory, undefined);
  assertEquals(draft.size, 240 * KIB + 1);
  await commit(store, draft, 3);
  const stored = [0, 1, 2, 3, 4].map((n) => `body/A/${n}`).concat("bodyrefs/A");
  assertEquals(await left(store), inFile ? [...stored.toSpliced(2, 3), "file/A"] : stored);
  assertEquals((await store.kv.get<Deno.KvU64>(["bodyrefs", "A"])).value!.value, 3n);
});

onEachStore("BodyWriter takes nothing while it writes ahead, and nothing after its end", async (store) => {
  const writer = new BodyWriter(store, { id: "A", clock: systemClock });
  const writing = writer.append(new Uint8Array(200 * KIB));
  assert(writing instanceof Promise);
  assertThrows(() => writer.append(new Uint8Array(1)), Error, "await append()");
  assertThrows(() => writer.finish(), Error, "await append()");
  await writing;
  writer.finish();
  assertThrows(() => writer.append(new Uint8Array(1)), Error, "finished");
  await writer.abort();
});

onEachStore("BodyWriter.abort() leaves nothing, whenever it comes", async (store) => {
  for (const size of [0, 4300, 121 * KIB, 10 * MIB]) {
    const writer = await written(store, `before-${size}`, textOf(size));
    await writer.abort();
    const finished = await written(store, `after-${size}`, textOf(size));
    finished.finish();
    await finished.abort();
    const busy = new BodyWriter(store, { id: `busy-${size}`, clock: systemClock });
    const appending = busy.append(textOf(size));
    await busy.abort();
    await appending;
    assertEquals(await left(store), [], `size ${size}`);
  }
});

onEachStore("BodyWriter.abort() leaves a committed text alone", async (store) => {
  const bytes = textOf(MIB);
  const writer = await written(store, "A", bytes);
  const ref = await commit(store, writer.finish());
  await writer.abort();
  assertEquals(await readWhole(store, ref), bytes);
});

onEachStore("a swept body can't be committed, nor written on", async (store) => {
  const bytes = textOf(MIB);
  const done = await written(store, "done", bytes);
  const draft = done.finish();
  const busy = await written(store, "busy", bytes);
  assertEquals(await sweeper(store, systemClock).sweep(true), 2);
  assertEquals(await store.write(together(draft.write(1), owner("done"))), { ok: false });
  if (store.kv.files) {
    await busy.append(bytes); // into a file that has no name any more
    assertEquals(await store.write(together(busy.finish().write(1), owner("busy"))), { ok: false });
  } else {
    const error = await assertRejects(async () => await busy.append(bytes), StorageError);
    assertEquals(error.kind, "failed");
    assertThrows(() => busy.append(bytes), Error, "broken");
  }
  await busy.abort();
  assertEquals([...await left(store), ...await keysUnder(store.kv, "owner")], []);
});

onEachStore(
  "BodySweeper spares the living: writers seen in the last hour, and committed texts",
  async (store) => {
    const clock = new ManualClock();
    const bytes = textOf(MIB);
    const ref = await commit(store, (await written(store, "stored", bytes)).finish());
    const slow = new BodyWriter(store, { id: "slow", clock });
    await slow.append(bytes);
    const dead = new BodyWriter(store, { id: "dead", clock });
    await dead.append(bytes);
    clock.advance(59 * 60_000);
    assertEquals(await sweeper(store, clock).sweep(false), 0);
    await slow.append(bytes); // renews its mark
    clock.advance(60_000);
    assertEquals(await sweeper(store, clock).sweep(false), 1);
    assertEquals((await keysUnder(store.kv, "body", "dead")).length, 0);
    assertEquals(await readWhole(store, await commit(store, slow.finish())), concat([bytes, bytes]));
    assertEquals(await readWhole(store, ref), bytes);
    await dead.abort();
  },
);

onEachStore("BodySweeper spares writers that began after it, also when it removes all", async (store) => {
  const clock = new ManualClock();
  const dead = new BodyWriter(store, { id: "dead", clock });
  await dead.append(textOf(MIB));
  const atStart = sweeper(store, clock);
  clock.advance(1);
  const begun = new BodyWriter(store, { id: "begun", clock });
  await begun.append(textOf(MIB));
  assertEquals(await atStart.sweep(true), 1);
  assertEquals(await readWhole(store, await commit(store, begun.finish())), textOf(MIB));
  await dead.abort();
});

onEachStore("releaseBody() deletes with the last owner", async (store) => {
  for (const size of [4300, 8 * CHUNK, 8 * CHUNK + 1, 10 * MIB]) {
    // one owner: at once
    const alone = await commit(store, (await written(store, "alone", textOf(size))).finish());
    const change = releaseBody(store.kv, alone);
    assert(!(change instanceof Promise));
    assertEquals((await store.write(change)).ok, true);

    // three owners, two of which go together
    const shared = await commit(store, (await written(store, "shared", textOf(size))).finish(), 3);
    assertEquals((await store.write(await releaseBody(store.kv, shared, 2))).ok, true);
    assertEquals(await readWhole(store, shared), textOf(size));
    assertEquals((await store.write(await releaseBody(store.kv, shared))).ok, true);
    assertEquals((await store.kv.get(["bodyrefs", "shared"])).versionstamp, null);

    const large = size > (store.kv.files ? 2 : 8) * CHUNK;
    assertEquals(await sweeper(store).sweep(false), large ? 2 : 0);
    assertEquals(await left(store), [], `size ${size}`);
  }
});

onEachStore(
  "releaseBody() by all owners at once deletes at the sweep, and one by one at once",
  async (store) => {
    for (const size of [5000, MIB]) {
      for (const together of [true, false]) {
        const bytes = textOf(size);
        const ref = await commit(store, (await written(store, "A", bytes)).finish(), 150);
        const letGo = async (owners: number) => {
          const writes = await Promise.all(Array.from({ length: owners }, () => releaseBody(store.kv, ref)));
          for (const { checks = [] } of writes) {
            assertEquals(checks, [], "no owner but the last one has to try again");
          }
          const written = await Promise.all(writes.map((write) => store.write(write)));
          assertEquals(written.filter(({ ok }) => !ok), []);
        };
        if (together) await letGo(150);
        else {
          await letGo(149);
          assertEquals(await sweeper(store).sweep(false), 0);
          assertEquals(await readWhole(store, ref), bytes);
          assertEquals(await keysUnder(store.kv, "bodyrecount"), []);
          assertEquals((await store.write(await releaseBody(store.kv, ref))).ok, true);
        }
        assertEquals(await sweeper(store).sweep(false), together || size === MIB ? 1 : 0);
        assertEquals(await left(store), []);
        await store.write(await releaseBody(store.kv, ref)); // one too many does no harm
        assertEquals(await left(store), []);
      }
    }
  },
);

onEachStore("the last owner's release fails when another owner came meanwhile", async (store) => {
  const ref = await commit(store, draftOf("A", textOf(5000)), 2);
  await store.write(await releaseBody(store.kv, ref));
  const last = await releaseBody(store.kv, ref);
  await store.write(addOwners(ref, 1).write);
  assertEquals(await store.write(last), { ok: false });
  assertEquals((await store.write(await releaseBody(store.kv, ref))).ok, true);
  assertEquals(await readWhole(store, ref), textOf(5000));
});

onEachStore("the sweeper counts again when an owner goes while it counts", async (store) => {
  const ref = await commit(store, draftOf("A", textOf(5000)), 3);
  const [first, second, third] = [1, 2, 3].map(() => releaseBody(store.kv, ref)) as Promise<Write>[];
  await store.write(await first!);
  await store.write(await second!);
  const counting: Store = {
    kv: store.kv,
    embedded: true,
    limits: store.limits,
    async write(change) {
      await store.write(await third!);
      return store.write(change);
    },
    close: () => store.close(),
  };
  assertEquals(await sweeper(counting).sweep(false), 0);
  assertEquals(await sweeper(store).sweep(false), 1);
  assertEquals(await left(store), []);
});

onEachStore("addOwners() makes a text of one owner shared, and a shared one more so", async (store) => {
  const bytes = textOf(5000);
  const alone = await commit(store, draftOf("A", bytes));
  const two = addOwners(alone, 1);
  assertEquals(two.ref, { ...alone, shared: true });
  await store.write(two.write);
  const five = addOwners(two.ref, 3);
  assertEquals(five.ref, two.ref);
  await store.write(five.write);
  assertEquals(addOwners(alone, 0), { ref: alone, write: { mutations: [], size: 0 } });
  for (let owners = 5; owners > 0; owners--) {
    assertEquals(await readWhole(store, five.ref), bytes);
    await store.write(await releaseBody(store.kv, five.ref));
  }
  assertEquals(await left(store), []);
});

onEachStore("a text of 50 MiB for 1,000 owners keeps within KV's limits", async (store) => {
  const bytes = textOf(50 * MIB);
  const writer = await written(store, "A", bytes);
  const draft = writer.finish();
  const owners: Write = {
    mutations: Array.from({ length: 1000 - 5 }, (_, n) => ({ type: "set", key: ["owner", n], value: 1 })),
    size: 20_000,
  };
  const write = together(draft.write(1000), owners);
  assert(write.size < 150 * KIB);
  assertEquals((await store.write(write)).ok, true);
  const ref = draft.ref(1000);
  let at = 0;
  for await (const piece of readBody(store.kv, ref)) {
    assertEquals(piece, bytes.subarray(at, at + piece.length));
    at += piece.length;
  }
  assertEquals(at, bytes.length);
  await store.write(await releaseBody(store.kv, ref, 1000));
  assertEquals(await sweeper(store).sweep(false), 1);
  assertEquals(await left(store), []);
});

onEachStore("BodySweeper goes on where it was stopped", async (store) => {
  const ref = await commit(store, (await written(store, "A", textOf(20 * MIB))).finish());
  await store.write(releaseBody(store.kv, ref) as Write);
  const inFile = store.kv.files !== undefined;
  let allowed = inFile ? 0 : 3;
  const stopping: Store = {
    kv: store.kv,
    embedded: true,
    limits: store.limits,
    write: (change) =>
      allowed-- > 0 ? store.write(change) : Promise.reject(new StorageError("closed", "stop")),
    close: () => store.close(),
  };
  await assertRejects(() => sweeper(stopping).sweep(true), StorageError, "stop");
  const between = await left(store);
  // the file has gone before what names it
  if (inFile) assertEquals(between, ["body/A/0", "body/A/1", "bodypending/A"]);
  else assertEquals([between.length, between.at(-1)], [ref.chunks - 3 * 64 + 1, "bodypending/A"]);
  assertEquals(await sweeper(store).sweep(false), 1);
  assertEquals(await left(store), []);
});

onEachStore("readBody() throws when the text is not what the ref says", async (store) => {
  const ref = await commit(store, draftOf("A", textOf(300 * KIB)));
  const wrong: [BodyRef, string][] = [
    [{ id: "B", size: 10, chunks: 1, shared: false }, "chunk 0 of 1 is missing"],
    [{ ...ref, chunks: 6, size: 310 * KIB }, "chunk 5 of 6 is missing"],
    [{ ...ref, size: ref.size + 1 }, `${ref.size} bytes instead of ${ref.size + 1}`],
    [{ ...ref, size: 5, chunks: 1 }, "instead of 5"],
  ];
  for (const [ref, words] of wrong) await assertRejects(() => readWhole(store, ref), BodyMissing, words);
});

onEachStore("readBody() leaves nothing running when the reader stops early", async (store) => {
  const ref = await commit(store, draftOf("A", textOf(600 * KIB)));
  for await (const piece of readBody(store.kv, ref)) {
    assertEquals(piece.length, CHUNK);
    break;
  }
  const reading = readBody(store.kv, ref);
  await reading.next();
  await reading.return(undefined);
});

onEachStore("draftOf() takes a text in memory of up to 700 KiB", async (store) => {
  const bytes = textOf(700 * KIB);
  const draft = draftOf("A", bytes);
  assertEquals(draft.inMemory, bytes);
  assertEquals(await readWhole(store, await commit(store, draft)), bytes);
  assertThrows(() => draftOf("B", new Uint8Array(700 * KIB + 1)), RangeError, "716801 bytes");
  for (const owners of [0, -1, 1.5]) assertThrows(() => draft.write(owners), RangeError, "owners");
});

onEachStore("a draft can be written again after a failed check", async (store) => {
  const bytes = textOf(MIB);
  const draft = (await written(store, "A", bytes)).finish();
  const quota = { checks: [{ key: ["quota"], versionstamp: "0".repeat(20) }], mutations: [], size: 10 };
  assertEquals((await store.write(together(draft.write(2), quota))).ok, false);
  assertEquals(await readWhole(store, await commit(store, draft)), bytes);
});

onEachEmbeddedStore(
  "readBody() begins at any octet, and reads no chunk that is all before it",
  async (store) => {
    for (const [n, front] of [[0, 0], [1, 700], [2, CHUNK]] as const) {
      for (const size of [10, CHUNK, 3 * CHUNK + 5, 5 * CHUNK]) {
        const id = `A${n}-${size}`;
        const bytes = textOf(size);
        const writer = new BodyWriter(store, { id, clock: systemClock, frontLater: front > 0 });
        for (let at = 0; at < size; at += 64 * KIB) await writer.append(bytes.subarray(at, at + 64 * KIB));
        const whole = concat([new Uint8Array(front).fill(1), bytes]);
        const ref = await commit(store, writer.finish(whole.subarray(0, front)));
        const places = [
          0,
          1,
          front,
          front + 1,
          CHUNK - 1,
          CHUNK,
          2 * CHUNK + 9,
          whole.length - 1,
          whole.length,
          9e9,
        ];
        for (const from of places) {
          const read = concat(await Array.fromAsync(readBody(store.kv, ref, from)));
          assertEquals(read, whole.subarray(from), `${size} octets behind ${front}, from ${from}`);
        }
      }
    }
  },
);

Deno.test("a file that nothing in the store knows goes at the start, and no other", async () => {
  await using at = await fileStore();
  const { store, dir } = at;
  const ref = await commit(store, (await written(store, "stored", textOf(MIB))).finish());
  const busy = await written(store, "busy", textOf(MIB));
  await Deno.writeFile(`${dir}/left`, textOf(100));
  assertEquals(await sweeper(store).sweep(false), 0);
  assertEquals(await sweeper(store, new ManualClock(0)).sweep(true), 1);
  assertEquals((await Array.fromAsync(store.kv.files!.ids())).sort(), ["busy", "stored"]);
  assertEquals(await readWhole(store, ref), textOf(MIB));
  await commit(store, busy.finish());
});

Deno.test("readBody() throws when a file is not what the store says", async () => {
  await using at = await fileStore();
  const { store, dir } = at;
  const ref = await commit(store, (await written(store, "A", textOf(MIB))).finish());
  const ledger = async () => {
    const read = new BodyLedger();
    await read.read(store.kv);
    return read.lacks(ref);
  };
  assertEquals(await ledger(), undefined);
  const other = { ...ref, size: ref.size + 1 };
  await assertRejects(() => readWhole(store, other), BodyMissing, `instead of ${other.size - CHUNK}`);
  await Deno.truncate(`${dir}/A`, 500_000);
  await assertRejects(() => readWhole(store, ref), BodyMissing, "bytes too short");
  assertEquals(await ledger(), `${CHUNK + 500_000} of ${MIB} bytes are there`);
  await Deno.remove(`${dir}/A`);
  await assertRejects(() => readWhole(store, ref), BodyMissing, "its file is missing");
  assertEquals(await ledger(), "its file is missing");
});

Deno.test("a stored body keeps its file while a backup copies", async () => {
  await using at = await fileStore();
  const { store } = at;
  const ref = await commit(store, (await written(store, "A", textOf(MIB))).finish());
  const busy = await written(store, "busy", textOf(MIB));
  const letGo = store.kv.files!.hold();
  await store.write(await releaseBody(store.kv, ref));
  await busy.abort(); // no copy of the store can own it
  assertEquals(await sweeper(store).sweep(false), 0);
  assertEquals(await readWhole(store, ref), textOf(MIB));
  letGo();
  letGo();
  assertEquals(await sweeper(store).sweep(false), 1);
  assertEquals(await left(store), []);
});

Deno.test({
  name: "the first file's folder is durable with it, and after that the file's name alone",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using at = await fileStore();
    const { store, dir } = at;
    const synced: string[] = [];
    const { open } = Deno;
    Deno.open = async (path, options) => {
      const file = await open(path, options);
      const { sync } = file;
      file.sync = () => {
        synced.push(String(path));
        return sync.call(file);
      };
      return file;
    };
    try {
      for (const id of ["A", "B"]) await commit(store, (await written(store, id, textOf(MIB))).finish());
    } finally {
      Deno.open = open;
    }
    assertEquals(synced, [dir, dirname(dir), dir]);
  },
});

Deno.test({
  name: "a disk that is full is told as such, and leaves nothing behind",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using at = await fileStore();
    const { store, dir } = at;
    await Deno.mkdir(dir, { recursive: true });
    await Deno.symlink("/dev/full", `${dir}/probe`);
    let failures = 0;
    store.kv.files!.room = { admits: () => true, failed: () => failures++ };
    const file = await Deno.open(`${dir}/probe`, { write: true });
    const full = new BodyFile(file, store.kv.files!);
    const error = await assertRejects(() => full.write(textOf(10)), StorageError);
    full.close();
    assertEquals([error.kind, failures], ["full", 1]);
    await Deno.remove(`${dir}/probe`);

    store.kv.files!.room = { admits: () => false, failed: () => {} };
    const writer = new BodyWriter(store, { id: "A", clock: systemClock });
    const refused = await assertRejects(async () => {
      for (let n = 0; n < 3; n++) await writer.append(textOf(130 * KIB));
    }, StorageError);
    assertEquals(refused.kind, "full");
    await writer.abort();
    assertEquals(await left(store), []);
  },
});

/** A store in a file, and the folder of its large bodies. */
async function fileStore(): Promise<{ store: Store; dir: string } & AsyncDisposable> {
  const { path } = await tempDir();
  const store = await openStore({ location: `${path}/kv.sqlite3`, clock: systemClock });
  return {
    store,
    dir: `${path}/kv.sqlite3-bodies`,
    async [Symbol.asyncDispose]() {
      await store.close();
      await Deno.remove(path, { recursive: true });
    },
  };
}
