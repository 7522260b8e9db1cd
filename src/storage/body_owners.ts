/** In charge of who owns a text: of more owners, and of the last one's going. */

import { deleteChunks, MUTATION_SIZE, SMALL_CHUNKS } from "./body_layout.ts";
import type { BodyRef } from "./body_ref.ts";
import * as keys from "./keys.ts";
import type { Write } from "./write.ts";

/**
 * The write that makes `more` records own a text beside those that do now, and the ref they all use from then on. It
 * has to be in one commit with the new records and with a check that an owner is still there. When the ref was not
 * shared, that owner's record has to be set anew with the new ref, in the same commit.
 */
export function addOwners(ref: BodyRef, more: number): { ref: BodyRef; write: Write } {
  if (more === 0) return { ref, write: { mutations: [], size: 0 } };
  const key = keys.bodyRefs(ref.id);
  const mutation: Deno.KvMutation = ref.shared
    ? { type: "sum", key, value: new Deno.KvU64(BigInt(more)) }
    : { type: "set", key, value: new Deno.KvU64(BigInt(1 + more)) };
  return { ref: { ...ref, shared: true }, write: { mutations: [mutation], size: MUTATION_SIZE } };
}

/**
 * The write that lets `owners` records (1) go, to be in one commit with their deletion; with the last one the text
 * goes too. Answers at once for a text with one owner. For a shared one the write checks the counter it has read:
 * when that check fails, another owner went meanwhile, and the caller asks again.
 */
export function releaseBody(kv: Deno.Kv, ref: BodyRef, owners = 1): Write | Promise<Write> {
  return ref.shared ? releaseShared(kv, ref, BigInt(owners)) : removal(ref);
}

async function releaseShared(kv: Deno.Kv, ref: BodyRef, owners: bigint): Promise<Write> {
  const key = keys.bodyRefs(ref.id);
  const counter = await kv.get<Deno.KvU64>(key);
  const checks = [{ key, versionstamp: counter.versionstamp }];
  // without a counter the text has gone already
  if (counter.versionstamp === null) return { checks, mutations: [], size: MUTATION_SIZE };
  const left = counter.value.value - owners;
  if (left > 0n) {
    const mutation: Deno.KvMutation = { type: "set", key, value: new Deno.KvU64(left) };
    return { checks, mutations: [mutation], size: 2 * MUTATION_SIZE };
  }
  const { mutations, size } = removal(ref);
  return { checks, mutations: [{ type: "delete", key }, ...mutations], size: size + 2 * MUTATION_SIZE };
}

function removal({ id, chunks }: BodyRef): Write {
  const mutations: Deno.KvMutation[] = chunks <= SMALL_CHUNKS
    ? deleteChunks(id, 0, chunks)
    : [{ type: "set", key: keys.bodyPending(id), value: { at: 0, chunks } }];
  return { mutations, size: mutations.length * MUTATION_SIZE };
}
