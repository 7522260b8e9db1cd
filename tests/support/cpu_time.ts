/** The time that this process has computed, whatever else the machine had to do meanwhile. */

import process from "node:process";

/** How many milliseconds of processor time `work` takes. */
export async function cpuMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
