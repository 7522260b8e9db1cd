/** The owners of a body: adding some, letting some go, and removal with the last one. */

import { type Kv, u64 } from "../port.ts";
import { type BodyRef, deleteChunks, MUTATION_SIZE, smallChunks } from "./layout.ts";
import * as keys from "../keys.ts";
import type { Store } from "../store.ts";
import type { Write } from "../write.ts";

/**
 * The write that makes `more` records own a body beside those that do now, and the ref they all use from then on. It
 * has to be in one commit with the new records and with a check that an owner is still there. When the ref was not
 * shared, that owner's record has to be set anew with the new ref, in the same commit.
 */
export function addOwners(ref: BodyRef, more: number): { ref: BodyRef; write: Write } {
  if (more === 0) return { ref, write: { mutations: [], size: 0 } };
  const key = keys.bodyRefs(ref.id);
  const mutation: Deno.KvMutation = ref.shared
    ? { type: "sum", key, value: u64(more) }
    : { type: "set", key, value: u64(1 + more) };
  return { ref: { ...ref, shared: true }, write: { mutations: [mutation], size: MUTATION_SIZE } };
}

/**
 * The write that lets `owners` records (1) go, to be in one commit with their deletion; with the last one the body
 * goes too. Answers at once for a body with one owner. Owners of a shared body may go at the same time without
 * hindering each other: only the last one's write has a check, and when that fails the caller asks again.
 */
export function releaseBody(kv: Kv, ref: BodyRef, owners = 1): Write | Promise<Write> {
  return ref.shared ? releaseShared(kv, ref, BigInt(owners)) : removal(kv, ref);
}

async function releaseShared(kv: Kv, ref: BodyRef, owners: bigint): Promise<Write> {
  const key = keys.bodyRefs(ref.id);
  const recount = keys.bodyRecount(ref.id, ref.chunks);
  const counter = await kv.get<Deno.KvU64>(key);
  const checks = [{ key, versionstamp: counter.versionstamp }];
  // without a counter the body has gone already
  if (counter.versionstamp === null) return { checks, mutations: [], size: MUTATION_SIZE };
  if (counter.value.value <= owners) {
    const gone = removal(kv, ref);
    gone.mutations.push({ type: "delete", key }, { type: "delete", key: recount });
    return { ...gone, checks, size: gone.size + 3 * MUTATION_SIZE };
  }
  // Sums from any number of owners fit into one commit. Should all the owners go this way at the same time, then
  // none of them knew that it was the last one: the sweeper counts again.
  const mutations: Deno.KvMutation[] = [
    { type: "sum", key, value: u64(-owners) },
    { type: "sum", key: recount, value: u64(1) },
  ];
  return { mutations, size: 2 * MUTATION_SIZE };
}

/**
 * Counts the owners of a shared body again, whose key among `keys.bodiesRecount` this is, and lets the body go when
 * there are none. Answers whether it did.
 */
export async function recountOwners(store: Store, recount: Deno.KvEntry<unknown>): Promise<boolean> {
  const [, id, chunks] = recount.key as [string, string, number];
  const key = keys.bodyRefs(id);
  const counter = await store.kv.get<Deno.KvU64>(key);
  const gone = counter.value?.value === 0n;
  const mutations = gone ? removal(store.kv, { id, chunks }).mutations : [];
  if (gone) mutations.push({ type: "delete", key });
  mutations.push({ type: "delete", key: recount.key });
  const result = await store.write({
    // when another owner goes meanwhile, it asks for another count
    checks: [{ key, versionstamp: counter.versionstamp }, recount],
    mutations,
    size: mutations.length * MUTATION_SIZE,
  });
  return result.ok && gone;
}

function removal(kv: Kv, { id, chunks }: Pick<BodyRef, "id" | "chunks">): Removal {
  if (chunks <= smallChunks(kv)) {
    const mutations = deleteChunks(id, 0, chunks);
    return { mutations, size: mutations.length * MUTATION_SIZE };
  }
  const { files } = kv;
  return {
    mutations: [{ type: "set", key: keys.bodyPending(id), value: { at: 0, chunks } }],
    size: MUTATION_SIZE,
    ...(files && { committed: () => files.onReleased?.() }),
  };
}

/** What removes a body, or has the sweeper do it. */
interface Removal extends Write {
  readonly mutations: Deno.KvMutation[];
}
