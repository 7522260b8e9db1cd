import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { packTar } from "modern-tar";
import { encode } from "../../src/base/bytes.ts";
import { BACKUP_FORMAT, BackupBroken, packBackup, readBackup } from "../../src/backup/archive.ts";

const ABOUT = { format: BACKUP_FORMAT, version: "1.2.3", createdAt: "1982-08-01T00:00:00.000Z", bytes: 700 };
const FILES: Readonly<Record<string, Uint8Array>> = {
  "dinopost.db": new Uint8Array(600).map((_, i) => i % 251),
  "keys/a key": encode("secret"),
  "empty": new Uint8Array(0),
};

async function packed(files = FILES, about = ABOUT): Promise<Uint8Array<ArrayBuffer>> {
  async function* all() {
    for (const [name, bytes] of Object.entries(files)) {
      yield { name, size: bytes.length, content: ReadableStream.from([bytes]) };
    }
  }
  let calls = 0;
  const bytes = await new Response(packBackup(about, all(), () => calls++)).bytes();
  assertEquals(calls, 1);
  return bytes;
}

/** What an archive that comes in pieces of that size holds. */
async function unpacked(archive: Uint8Array<ArrayBuffer>, size = archive.length) {
  const files: Record<string, Uint8Array> = {};
  async function* pieces() {
    for (let at = 0; at < archive.length; at += size) yield archive.slice(at, at + size);
  }
  const about = await readBackup(pieces(), {
    file: async (name, content) => {
      files[name] = await new Response(ReadableStream.from(content)).bytes();
    },
  });
  return { about, files };
}

Deno.test("an archive gives back what was put in, in pieces of any size", async () => {
  const archive = await packed();
  for (const size of [1, 511, 513, 4096, archive.length]) {
    assertEquals(await unpacked(archive, size), { about: ABOUT, files: { ...FILES } });
  }
});

Deno.test("an archive that was cut off is refused, wherever", async () => {
  const archive = await packed();
  // the two empty blocks at the end say nothing
  for (let length = 0; length < archive.length - 1024; length += 256) {
    await assertRejects(() => unpacked(archive.slice(0, length)), BackupBroken, "", `${length} octets`);
  }
});

Deno.test("an archive in which an octet changed gives back what was put in, or is refused", async () => {
  const archive = await packed();
  let refused = 0;
  for (let at = 0; at < archive.length; at += 7) {
    const changed = archive.slice();
    changed[at]! ^= 0x20;
    try {
      const { about, files } = await unpacked(changed);
      assertEquals({ about, files }, { about: ABOUT, files: { ...FILES } }, `octet ${at}`);
    } catch (error) {
      if (!(error instanceof BackupBroken)) throw error;
      refused++;
    }
  }
  assert(refused > 200, `${refused} of ${archive.length / 7}`);
});

Deno.test("what is no archive of this format is refused, with the reason", async () => {
  const newer = await packed(FILES, { ...ABOUT, format: BACKUP_FORMAT + 1 });
  const climbing = await packed({ ...FILES, "../../etc/passwd": encode("x") });
  const other = await packTar([{ header: { name: "a.txt", size: 1, type: "file" }, body: "a" }]);
  const table: [Uint8Array<ArrayBuffer>, string][] = [
    [newer, `the format ${BACKUP_FORMAT + 1} of a newer dinopost (1.2.3)`],
    [climbing, "../../etc/passwd"],
    [other, "no backup of dinopost"],
    [encode("From jo Mon Nov 29\n\nHello\n".repeat(100)), "no backup of dinopost"],
    [new Uint8Array(0), "no backup of dinopost"],
  ];
  for (const [archive, words] of table) {
    const error = await assertRejects(() => unpacked(archive), BackupBroken);
    assertStringIncludes(error.message, words);
  }
});

Deno.test("a stream that nobody wants any more lets go of its files", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* endless() {
    for (let i = 0;; i++) {
      const content = ReadableStream.from([new Uint8Array(1024 * 1024)]);
      yield { name: `${i}`, size: 1024 * 1024, content };
    }
  }
  const reader = packBackup(ABOUT, endless(), resolve).getReader();
  await reader.read();
  await reader.cancel();
  await promise;
});
