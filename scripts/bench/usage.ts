/** What processes cost, as Linux tells in `/proc`: undefined elsewhere, and of a process that has ended. */

import { descendants } from "../../tests/support/processes.ts";

const TICKS_PER_SECOND = 100;
const NS_PER_SECOND = 1e9;

/** Seconds of CPU that a process has had, all its threads. */
export function cpuOf(pid: number): number | undefined {
  const times = timesOf(pid);
  return times && times.own;
}

/**
 * Seconds of CPU that a process and all that it ever started have had, dead ones too: the system adds up those of
 * children whose end their parent has seen (`cutime`, `cstime`). For each of the living it tells ticks of 10 ms, which
 * hundred processes of a mail server would make an error of a second: their nanoseconds are taken, which are told of
 * the main thread. Postfix's processes have no other, and none but the `master` has children.
 */
export function cpuOfFamily(pid: number): number | undefined {
  const times = timesOf(pid);
  if (times === undefined) return undefined;
  return descendants(pid).reduce((sum, child) => sum + (nanosecondsOf(child) ?? 0), times.own + times.ended);
}

/** Memory in MiB: now, and the most since the start. */
export function memoryOf(pid: number): { rss: number; peak: number } | undefined {
  const status = proc(pid, "status");
  if (status === undefined) return undefined;
  const mib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { rss: mib("VmRSS"), peak: mib("VmHWM") };
}

/** The memory of processes in KiB, shared pages by their share (PSS). */
export function sharedMemoryOf(pids: readonly number[]): number | undefined {
  let sum = 0;
  for (const pid of pids) {
    try {
      const told = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
      sum += Number(/^Pss:\s+(\d+) kB/m.exec(told)?.[1]);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return undefined;
      // it has ended meanwhile
    }
  }
  return sum;
}

function timesOf(pid: number): { own: number; ended: number } | undefined {
  const fields = proc(pid, "stat")?.split(") ")[1]?.split(" ");
  if (!fields) return undefined;
  const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map((ticks) =>
    Number(ticks) / TICKS_PER_SECOND
  );
  return { own: user! + system!, ended: endedUser! + endedSystem! };
}

function nanosecondsOf(pid: number): number | undefined {
  const told = proc(pid, "schedstat");
  return told === undefined ? undefined : Number(told.split(" ")[0]) / NS_PER_SECOND;
}

function proc(pid: number, file: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    return undefined;
  }
}
