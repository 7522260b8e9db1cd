/** The move of a queue to another server: `queue export` and `queue import`. */

import { ApiClient } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { plural, print, printError, printJson, safe, wholeOut } from "./output.ts";
import { withProgress } from "./progress.ts";
import { filterOf, type FilterOptions, type QueueOptions, readIds, wholeIds } from "./queue_options.ts";

const TYPE = "application/vnd.dinopost.queue";

/** The last line is within so many octets of the end, unless very many were busy. */
const TAIL = 64 * 1024;

/** Writes what waits; it is held from then on. */
export async function exportQueue(
  given: readonly string[],
  options: FilterOptions & { output?: string },
): Promise<void> {
  const filter = filterOf(options);
  const hasFilter = Object.keys(filter).length > 0;
  if (given.length > 0 && hasFilter) {
    throw new CliError(ExitCode.usage, "expected ids or a filter, received both");
  }
  const api = await ApiClient.find(options);
  const ids = given.length > 0 ? await wholeIds(api, await readIds(given)) : undefined;
  const file = options.output === undefined ? undefined : await create(options.output);
  const response = await api.open("/queue/export", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(ids ? { ids } : hasFilter ? { filter } : {}),
  }).catch(async (error) => {
    file?.close();
    if (options.output !== undefined) await Deno.remove(options.output); // empty, and in the way of the next call
    throw error;
  });
  const end = await copy(withProgress(response.body!), file ?? wholeOut);
  file?.close();
  if (!end) {
    throw new CliError(
      ExitCode.tryAgain,
      "the export was cut off; what is missing comes when it is made again",
    );
  }
  printError(
    `${plural(end.messages, "message")} exported; here they are held until they are released or deleted.`,
  );
  for (const id of end.busy) {
    printError(`dinopost: ${safe(id)}: it was being delivered all the time, and is left out`);
  }
  if (end.busy.length > 0) {
    throw new CliError(ExitCode.tryAgain, "not all was exported; make another one of the rest");
  }
}

async function create(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new CliError(
        ExitCode.usage,
        `--output: ${safe(path)} is in no folder that exists; make it first`,
      );
    }
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new CliError(ExitCode.usage, `--output: ${safe(path)} is there already; name a new file`);
  }
}

/** Copies the stream; answers its last line, undefined when that is not there. */
async function copy(
  source: AsyncIterable<Uint8Array>,
  to: { write(bytes: Uint8Array): Promise<number> },
): Promise<{ messages: number; busy: string[] } | undefined> {
  let tail: Uint8Array = new Uint8Array(0);
  let writing = false;
  try {
    for await (const piece of source) {
      writing = true;
      for (let at = 0; at < piece.length;) at += await to.write(piece.subarray(at));
      writing = false;
      const both = new Uint8Array(tail.length + piece.length);
      both.set(tail);
      both.set(piece, tail.length);
      tail = both.subarray(-TAIL);
    }
    const last = JSON.parse(new TextDecoder().decode(tail).trimEnd().split("\n").at(-1)!);
    return last?.end === true ? last : undefined;
  } catch (error) {
    if (writing || error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
}

async function open(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new CliError(ExitCode.badData, `${safe(path)}: there is no such file`);
  }
}

/** Takes over what another server exported. */
export async function importQueue(path: string, options: QueueOptions): Promise<void> {
  const api = await ApiClient.find(options);
  const file = path === "-" ? undefined : await open(path);
  const size = file && (await file.stat()).size;
  const source = withProgress(file?.readable ?? Deno.stdin.readable, size);
  const response = await api.open("/queue/import", {
    method: "POST",
    headers: { "content-type": TYPE },
    body: ReadableStream.from(source) as ReadableStream<Uint8Array<ArrayBuffer>>,
  });
  const { imported, known } = await response.json();
  if (options.json) return printJson({ imported, known });
  const before = known === 0 ? "" : `; ${plural(known, "message was", "messages were")} here before`;
  print(`${plural(imported, "message")} taken over${before}.`);
}
