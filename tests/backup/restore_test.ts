import { assertEquals, assertRejects } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { BACKUP_FORMAT, BackupBroken, packBackup } from "../../src/backup/archive.ts";
import { Backups } from "../../src/backup/backups.ts";
import { restoreBackup } from "../../src/backup/restore.ts";
import { openStore } from "../../src/storage/store.ts";

/** A folder with a store in `data`, which nobody has open. */
async function withStore(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost-restore-" });
  try {
    await Deno.mkdir(`${dir}/data`);
    const store = await openStore({ location: `${dir}/data/dinopost.db`, clock: systemClock });
    await store.close();
    await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function put(path: string, text: string): Promise<void> {
  await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(path, text);
}

/** An archive that holds the store and these. */
async function forged(
  dir: string,
  files: Readonly<Record<string, string>>,
): Promise<ReadableStream<Uint8Array>> {
  const database = await Deno.readFile(`${dir}/data/dinopost.db`);
  const all = [
    ["dinopost.db", database] as const,
    ...Object.entries(files).map(([name, text]) => [name, encode(text)] as const),
  ];
  async function* contents() {
    for (const [name, bytes] of all) {
      yield { name, size: bytes.length, content: ReadableStream.from([bytes]) };
    }
  }
  const about = { format: BACKUP_FORMAT, version: "0.0.1", createdAt: "1982-08-01T00:00:00.000Z", bytes: 1 };
  return packBackup(about, contents(), () => {});
}

function names(dir: string): string[] {
  return Array.from(Deno.readDirSync(dir), ({ name }) => name).toSorted();
}

Deno.test("what belongs to a volume or to a home is not backed up, and is not in the way of a backup", () =>
  withStore(async (dir) => {
    await put(`${dir}/data/dkim/a.test/s.pem`, "key");
    for (const own of ["data", "home"]) await put(`${dir}/${own}/.cache/${own}`, own);
    await put(`${dir}/data/lost+found/1`, "of the disk");
    await put(`${dir}/home/lost+found/2`, "of the other disk");
    const backups = new Backups({ dataDir: `${dir}/data`, clock: systemClock, version: "1.2.3" });
    await restoreBackup(await backups.make(), `${dir}/home`);
    assertEquals(names(`${dir}/home`), [".cache", "dinopost.db", "dkim", "lock", "lost+found"]);
    assertEquals([names(`${dir}/home/.cache`), names(`${dir}/home/lost+found`)], [["home"], ["2"]]);
    assertEquals(await Deno.readTextFile(`${dir}/home/dkim/a.test/s.pem`), "key");
  }));

Deno.test("of an archive that holds such files the rest is restored", () =>
  withStore(async (dir) => {
    await put(`${dir}/home/.cache/own`, "own");
    const lock = { "lock": "0\n", ".cache/theirs": "theirs", "lost+found/1": "x" };
    await restoreBackup(await forged(dir, { ...lock, "dkim/a.test/s.pem": "key" }), `${dir}/home`);
    assertEquals(names(`${dir}/home`), [".cache", "dinopost.db", "dkim", "lock"]);
    assertEquals(await Deno.readTextFile(`${dir}/home/lock`), `${Deno.pid}\n`);
    assertEquals(names(`${dir}/home/.cache`), ["own"]);
  }));

Deno.test("an archive whose files can't stand beside each other is broken, and leaves nothing", () =>
  withStore(async (dir) => {
    for (
      const files of [{ "a": "1", "a/b": "2" }, { "a/b": "1", "a": "2" }, { "restore.unfinished/x": "1" }]
    ) {
      const archive = await forged(dir, files);
      await assertRejects(() => restoreBackup(archive, `${dir}/new`), BackupBroken);
      assertEquals(names(dir), ["data"]);
    }
  }));
