/** The command `check --dns`: does the DNS say of the server's host and domains what it should. */

import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import type { RecordFinding } from "../deliverability/domain_check.ts";
import { checkDeliverability } from "../server/deliverability.ts";
import { publicDomains } from "../server/own_domains.ts";
import { trustedRoots } from "../wire/roots.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { colored, print, printJson, safe } from "./output.ts";

/**
 * Prints a line for each record. Throws a {@linkcode CliError} unless all is right: with 65 when something is wrong, with 75
 * when the DNS could not be asked.
 */
export async function checkDns(config: Config, { json = false }: { json?: boolean }): Promise<void> {
  if (publicDomains(config).length === 0) {
    throw new CliError(
      ExitCode.badData,
      `"domains" names none that the DNS can know, only ${config.domains.join(", ")}`,
    );
  }
  const by = { config, clock: systemClock, random: systemRandom, ca: trustedRoots() };
  const { host, domains } = await checkDeliverability(by);
  const all = [...host, ...domains.flatMap(({ findings }) => findings)];
  if (json) printJson(all);
  else for (const finding of all) print(line(finding));
  const count = (state: RecordFinding["state"]) => all.filter((one) => one.state === state).length;
  const [bad, open] = [count("wrong"), count("unknown")];
  if (bad > 0) throw new CliError(ExitCode.badData, `${bad} of ${all.length} records are wrong`);
  if (open > 0) {
    throw new CliError(ExitCode.tryAgain, `${open} of ${all.length} records could not be asked for`);
  }
}

const COLORS = { right: "green", wrong: "red", unknown: "yellow" } as const;

function line({ purpose, name, state, text, mend }: RecordFinding): string {
  const what = safe(`${purpose.padEnd(7)}  ${name}: ${text}${mend === undefined ? "" : `; ${mend}`}`);
  return `${colored(state.padEnd(7), COLORS[state])}  ${what}`;
}
