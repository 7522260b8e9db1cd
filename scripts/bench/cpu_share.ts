/** The share of a core that a process may use, held by the system's control groups: Linux, as root. */

/** In what spans the share is counted: short ones, so that a server never stands still for long. */
const PERIOD_US = 20_000;
/** Where the groups of either version are, and how a share is told to them. */
const VERSIONS = [
  {
    root: "/sys/fs/cgroup/cpu",
    async set(group: string, us: number): Promise<void> {
      await Deno.writeTextFile(`${group}/cpu.cfs_period_us`, String(PERIOD_US));
      await Deno.writeTextFile(`${group}/cpu.cfs_quota_us`, String(us));
    },
  },
  {
    root: "/sys/fs/cgroup",
    set: (group: string, us: number) => Deno.writeTextFile(`${group}/cpu.max`, `${us} ${PERIOD_US}`),
  },
];

/** A share that processes are held to, each by a group of its own. */
export class CpuShare implements AsyncDisposable {
  readonly #groups: string[] = [];

  /** `cores`: how much of a core each one gets. */
  constructor(readonly cores: number) {}

  /** Holds a process to it. Throws when this system can't, or this user may not. */
  async hold(pid: number): Promise<void> {
    const us = Math.round(this.cores * PERIOD_US);
    let why: unknown;
    for (const { root, set } of VERSIONS) {
      const group = `${root}/dinopost-bench-${pid}`;
      try {
        await Deno.mkdir(group);
        this.#groups.push(group);
        await set(group, us);
        await Deno.writeTextFile(`${group}/cgroup.procs`, String(pid));
        return;
      } catch (error) {
        why = error;
      }
    }
    throw new Error(`A process can't be held to a share of a core here: ${why}`);
  }

  /** How long the processes had to wait for their share so far, in all: seconds; 0: it was no bound. */
  async throttled(): Promise<number> {
    let seconds = 0;
    for (const group of this.#groups) {
      const stat = await Deno.readTextFile(`${group}/cpu.stat`);
      const [, ns, us] = /throttled_time (\d+)|throttled_usec (\d+)/.exec(stat) ?? [];
      seconds += ns ? Number(ns) / 1e9 : Number(us ?? 0) / 1e6;
    }
    return seconds;
  }

  /** Removes the groups, whose processes have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const group of this.#groups) await Deno.remove(group).catch(() => {});
  }
}
