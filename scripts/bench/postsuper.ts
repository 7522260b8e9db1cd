/** Postfix's `postsuper -d -` beside our bulk delete, where it is installed. */

import { findPostfix } from "./postfix.ts";

const POSTSUPER = "/usr/sbin/postsuper";
/** Files that are written at once. */
const AT_A_TIME = 64;

/**
 * Deletes so many deferred messages of a Postfix that is not running, by their ids on stdin, and answers the seconds. To
 * find the ids (`postqueue -j | …`) is not counted. Undefined: there is no Postfix of Debian, or this is not root.
 */
export async function postsuper(count: number, file: Uint8Array): Promise<number | undefined> {
  const here = await findPostfix();
  if (!here) return undefined;
  const own = (path: string) => Deno.chown(path, here.uid, here.gid);
  const dir = await Deno.makeTempDir({ prefix: "dinopost-postfix-" });
  try {
    await Deno.chmod(dir, 0o755);
    for (const folder of ["etc", "data", "queue"]) await Deno.mkdir(`${dir}/${folder}`);
    await own(`${dir}/data`);
    for (const state of ["active", "bounce", "corrupt", "defer", "deferred", "hold", "incoming", "trace"]) {
      await Deno.mkdir(`${dir}/queue/${state}`, { mode: 0o700 });
      await own(`${dir}/queue/${state}`);
    }
    await Deno.writeTextFile(`${dir}/log`, "");
    await own(`${dir}/log`);
    await Deno.writeTextFile(`${dir}/etc/main.cf`, configuration(dir));
    await Deno.writeTextFile(`${dir}/etc/master.cf`, "");
    return await timed(dir, await fill(`${dir}/queue/deferred`, { count, file, own }));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function configuration(dir: string): string {
  return `compatibility_level = 3.6
queue_directory = ${dir}/queue
data_directory = ${dir}/data
maillog_file = ${dir}/log
maillog_file_prefixes = ${dir}
inet_interfaces = 127.0.0.1
`;
}

/** Files as the queue has them: below a folder by the first digit of the id. */
async function fill(
  queue: string,
  { count, file, own }: { count: number; file: Uint8Array; own(path: string): Promise<void> },
): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => {
    const [time, inode] = [n * 7919 % 0xf_ffff, n].map((part) =>
      part.toString(16).toUpperCase().padStart(5, "0")
    );
    return `${time}${inode}`;
  });
  for (const digit of "0123456789ABCDEF") {
    await Deno.mkdir(`${queue}/${digit}`, { mode: 0o700 });
    await own(`${queue}/${digit}`);
  }
  for (let at = 0; at < count; at += AT_A_TIME) {
    await Promise.all(
      ids.slice(at, at + AT_A_TIME).map(async (id) => {
        const path = `${queue}/${id[0]}/${id}`;
        await Deno.writeFile(path, file, { mode: 0o700 });
        await own(path);
      }),
    );
  }
  return ids;
}

async function timed(dir: string, ids: readonly string[]): Promise<number> {
  const began = performance.now();
  const child = new Deno.Command(POSTSUPER, {
    args: ["-c", `${dir}/etc`, "-d", "-"],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const saying = new Response(child.stderr).text();
  await ReadableStream.from([`${ids.join("\n")}\n`]).pipeThrough(new TextEncoderStream()).pipeTo(child.stdin);
  await child.status;
  const seconds = (performance.now() - began) / 1000;
  const said = await saying;
  const [, deleted] = /Deleted: (\d+) messages/.exec(said) ?? [];
  if (Number(deleted) !== ids.length) {
    throw new Error(`postsuper deleted ${deleted} of ${ids.length}: ${said.slice(-300)}`);
  }
  return seconds;
}
