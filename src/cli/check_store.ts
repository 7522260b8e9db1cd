/** The command `check --store`: does the data of a server that is down fit together. */

import { systemClock } from "../base/clock.ts";
import { NoStore, openStoreAtRest } from "../server/store_at_rest.ts";
import { checkStore, type StoreCheck } from "../server/store_check.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { plural, print, printJson, safe } from "./output.ts";

/**
 * Checks the store of a data directory and reports what it found. Throws a {@linkcode CliError} when something is wrong
 * and stays so: the exit code is 65 then, 69 without a store, and 75 while a server uses it.
 */
export async function checkData(dir: string, options: { repair?: boolean; json?: boolean }): Promise<void> {
  const found = await run(dir, options.repair ?? false);
  if (options.json) printJson(found);
  else for (const line of describe(found)) print(line);
  const left = found.faults.filter(({ mended }) => !mended).length;
  if (left === 0) return;
  const advice = options.repair ? "" : '; "dinopost check --store --repair" mends what can be mended';
  throw new CliError(ExitCode.badData, `${left} ${left === 1 ? "thing is" : "things are"} wrong${advice}`);
}

async function run(dir: string, repair: boolean): Promise<StoreCheck> {
  try {
    await using rest = await openStoreAtRest(dir, systemClock);
    return await checkStore(rest.store, { repair });
  } catch (error) {
    if (error instanceof NoStore) throw new CliError(ExitCode.unavailable, error.message);
    throw error;
  }
}

function describe({ mailboxes, messages, queued, texts, faults, notes }: StoreCheck): string[] {
  return [
    ...faults.map(({ where, what, mended }) => safe(`${where}: ${what}${mended ? " (mended)" : ""}`)),
    ...notes.map((note) => safe(`Note: ${note}`)),
    `${plural(messages, "message")} in ${plural(mailboxes, "mailbox", "mailboxes")}, ` +
    `${plural(queued, "record")} in the queue, ${plural(texts, "body", "bodies")}: ` +
    (faults.length === 0 ? "all is well." : `${plural(faults.length, "fault")}.`),
  ];
}
