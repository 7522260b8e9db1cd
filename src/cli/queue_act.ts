/** What is done to many messages of the queue: `queue retry|hold|release|bounce|delete|flush`. */

import { sleep, systemClock } from "../base/clock.ts";
import { ApiClient } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { number, plural, print, printError, printJson, safe } from "./output.ts";
import { StatusLine } from "./progress.ts";
import { filterOf, type FilterOptions, type QueueOptions, readIds, wholeIds } from "./queue_options.ts";

interface ActOptions extends FilterOptions {
  all?: boolean;
  dryRun?: boolean;
}

interface Refused {
  id: string;
  text: string;
}

/** A job, as the API shows it. */
interface Job {
  id: string;
  state: "running" | "done" | "failed";
  total: number;
  done: number;
  result: { delivered?: number; deferred?: number; failed?: number; changed?: number; refused: Refused[] };
  error?: string;
}

/** What is said of messages to which it was done. */
const DONE: Readonly<Record<string, string>> = {
  hold: "held",
  release: "released",
  bounce: "returned to their senders",
  delete: "deleted",
};

const UNKNOWN = "The message is not in the queue";

/** Does it, waits until it is done, and tells what came of it. */
export async function actOnMany(
  action: string,
  given: readonly string[],
  options: ActOptions,
): Promise<void> {
  const filter = filterOf(options);
  const hasFilter = Object.keys(filter).length > 0;
  const ways = [given.length > 0 && "ids", hasFilter && "a filter", options.all && "--all"].filter((way) =>
    way
  );
  if (ways.length !== 1) {
    const received = ways.length === 0 ? "nothing" : ways.join(" and ");
    throw new CliError(
      ExitCode.usage,
      `expected ids, "-", a filter such as --domain, or --all; received ${received}`,
    );
  }
  const api = await ApiClient.find(options);
  const ids = given.length > 0 ? await wholeIds(api, await readIds(given)) : undefined;
  if (ids?.length === 0) return print("0 messages.");
  const { dryRun } = options;
  const json = {
    action,
    ...(ids ? { ids } : hasFilter ? { filter } : { all: true }),
    ...(dryRun && { dryRun }),
  };
  const { count, job, unknown = [] } = await api.call<
    { count: number; job: string | null; unknown?: string[] }
  >(
    "/queue/actions",
    { method: "POST", json },
  );
  const say = (value: unknown) => options.all ? print(JSON.stringify(value)) : printJson(value);
  if (job === null) {
    if (options.json) say({ count, job, ...(unknown.length > 0 && { unknown }) });
    else print(`${plural(count, "message")}.`);
    return failFor(unknown.map((id) => ({ id, text: UNKNOWN })));
  }
  if (!options.json) print(`${plural(count, "message")}.`);
  const ended = await waitFor(api, job);
  if (options.json) say({ count, job: ended });
  else print(resultText(action, ended));
  failFor(ended.result.refused, ended);
}

/** Tries all that waits. */
export async function flushQueue(options: QueueOptions & { domain?: string }): Promise<void> {
  const api = await ApiClient.find(options);
  const json = options.domain === undefined ? {} : { domain: options.domain };
  const { count, job } = await api.call<{ count: number; job?: string }>("/queue/flush", {
    method: "POST",
    json,
  });
  if (!options.json) print(`${plural(count, "message is", "messages are")} tried now.`);
  const ended = job === undefined || count === 0 ? undefined : await waitFor(api, job);
  if (options.json) printJson({ count, job: ended ?? job });
  else if (ended) print(resultText("retry", ended));
  if (ended) failFor(ended.result.refused, ended);
}

/** How often it is asked for: soon at first, then less often. */
const [FIRST_MS, MOST_MS] = [20, 1000];

async function waitFor(api: ApiClient, id: string): Promise<Job> {
  using line = new StatusLine();
  for (let pause = FIRST_MS;; pause = Math.min(MOST_MS, pause * 1.5)) {
    const job = await api.call<Job>(`/jobs/${encodeURIComponent(id)}`);
    if (job.state !== "running") return job;
    line.show(`${number(job.done)} of ${number(job.total)}`);
    await sleep(systemClock, pause);
  }
}

function resultText(action: string, { result }: Job): string {
  const { delivered = 0, deferred = 0, failed = 0, changed = 0, refused } = result;
  const not = refused.length === 0 ? "" : `, ${number(refused.length)} left alone`;
  if (action !== "retry") return `${number(changed)} ${DONE[action]}${not}.`;
  return `${number(delivered)} delivered, ${number(deferred)} deferred again, ${
    number(failed)
  } failed${not}.`;
}

/** Names what was left alone on stderr; such a command has failed. */
function failFor(refused: readonly Refused[], job?: Job): void {
  for (const { id, text } of refused) printError(`dinopost: ${safe(id)}: ${safe(text)}`);
  if (job?.state === "failed") {
    throw new CliError(
      ExitCode.tryAgain,
      `it stopped at ${job.done} of ${job.total}: ${safe(job.error ?? "")}`,
    );
  }
  if (refused.length === 0) return;
  const isUnknown = refused.some(({ text }) => text === UNKNOWN);
  throw new CliError(
    isUnknown ? ExitCode.badData : ExitCode.tryAgain,
    `${plural(refused.length, "message was", "messages were")} left alone; all others were served`,
  );
}
