/** Which processes a process has started, as Linux tells in `/proc`. */

/** The processes that it has started, and those that they have. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(Number(name));
    if (parent !== undefined) children.set(parent, [...children.get(parent) ?? [], Number(name)]);
  }
  const found: number[] = [];
  const ask = [pid];
  for (let parent = ask.pop(); parent !== undefined; parent = ask.pop()) {
    const its = children.get(parent) ?? [];
    found.push(...its);
    ask.push(...its);
  }
  return found;
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]?.split(" ")[1]);
  } catch {
    return undefined; // it has ended
  }
}
