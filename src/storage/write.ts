/** The write: checks and mutations that happen together or not at all. */

/** One change. `size` of a write is an estimate in bytes, so that commit groups keep within KV's limits. */
export interface Write {
  /** What must still be so. */
  readonly checks?: readonly Deno.AtomicCheck[];
  /** What is done then. */
  readonly mutations: readonly Deno.KvMutation[];
  /** About how many bytes keys and values take in all. */
  readonly size: number;
  /** Before it resolves nothing is committed: what the write names outside the store is durable then. */
  readonly prepared?: Promise<unknown>;
  /** Called as soon as it is durable, before who wrote it hears of that: for what memory holds beside the store. */
  readonly committed?: () => void;
}

/** The write happened, with this versionstamp on all that it set; or a check failed and nothing happened. */
export type WriteResult = { readonly ok: true; readonly versionstamp: string } | { readonly ok: false };

/** What takes writes: a commit group in the server, plain commits in tests. */
export interface Writer {
  /** Resolves when the write is durable. Rejects when the store fails (full disk, closed). */
  write(change: Write): Promise<WriteResult>;
}

/** One write made of several; all or nothing. */
export function together(...writes: readonly Write[]): Write {
  const checks: Deno.AtomicCheck[] = [];
  const mutations: Deno.KvMutation[] = [];
  const listening: Write[] = [];
  const prepared: Promise<unknown>[] = [];
  let size = 0;
  for (const write of writes) {
    if (write.checks) { for (const check of write.checks) checks.push(check); }
    for (const mutation of write.mutations) mutations.push(mutation);
    if (write.committed) listening.push(write);
    if (write.prepared) prepared.push(write.prepared);
    size += write.size;
  }
  const all = prepared.length > 1 ? Promise.all(prepared) : prepared[0];
  all?.catch(() => {}); // whoever commits hears of it
  return {
    checks,
    mutations,
    size,
    ...(all && { prepared: all }),
    ...(listening.length > 0 && { committed: () => listening.forEach((w) => w.committed!()) }),
  };
}
