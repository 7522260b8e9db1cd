/** The share of a core that a process may use, held by the system's control groups: Linux, as root. */

/** In what spans the share is counted: short ones, so that a server never stands still for long. */
const PERIOD_US = 20_000;
/**
 * Where the groups of either version are, and how a share is told to them. All have the most weight, so that others who
 * are at work on the machine take nothing of it.
 */
const VERSIONS = [
  {
    root: "/sys/fs/cgroup/cpu",
    weight: ["cpu.shares", "262144"],
    async limit(group: string, us: number): Promise<void> {
      await Deno.writeTextFile(`${group}/cpu.cfs_period_us`, String(PERIOD_US));
      await Deno.writeTextFile(`${group}/cpu.cfs_quota_us`, String(us));
    },
  },
  {
    root: "/sys/fs/cgroup",
    weight: ["cpu.weight", "10000"],
    limit: (group: string, us: number) => Deno.writeTextFile(`${group}/cpu.max`, `${us} ${PERIOD_US}`),
  },
] as const;

/** A share that processes are held to, each by a group of its own, beside others that are free. */
export class CpuShare implements AsyncDisposable {
  readonly #groups: { readonly path: string; readonly root: string; readonly pid: number }[] = [];

  /** `cores`: how much of a core each one gets. */
  constructor(readonly cores: number) {}

  /** Can this system hold processes to a share, and may this user? */
  static async isPossible(): Promise<boolean> {
    const { pid, status } = new Deno.Command("sleep", { args: ["0.2"] }).spawn();
    try {
      await using share = new CpuShare(1);
      await share.hold(pid);
      await status;
      return true;
    } catch {
      return false;
    } finally {
      await status;
    }
  }

  /** Holds a process to it. Throws when this system can't, or this user may not. */
  hold(pid: number): Promise<void> {
    return this.#group(pid, Math.round(this.cores * PERIOD_US));
  }

  /** Lets a process have all that it wants. */
  free(pid: number): Promise<void> {
    return this.#group(pid, undefined);
  }

  async #group(pid: number, us: number | undefined): Promise<void> {
    let why: unknown;
    for (const { root, weight: [file, most], limit } of VERSIONS) {
      const path = `${root}/dinopost-bench-${pid}`;
      try {
        await Deno.mkdir(path);
        this.#groups.push({ path, root, pid });
        await Deno.writeTextFile(`${path}/${file}`, most);
        if (us !== undefined) await limit(path, us);
        await Deno.writeTextFile(`${path}/cgroup.procs`, String(pid));
        return;
      } catch (error) {
        why = error;
      }
    }
    throw new Error(`A process can't be held to a share of a core here: ${why}`);
  }

  /** Removes the groups; who has not ended is free of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { path, root, pid } of this.#groups) {
      await Deno.writeTextFile(`${root}/cgroup.procs`, String(pid)).catch(() => {});
      await Deno.remove(path).catch(() => {});
    }
  }
}
