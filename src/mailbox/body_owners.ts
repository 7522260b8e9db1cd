/** The bodies that some messages own, each with how many of them do. */

import type { BodyRef } from "../storage/bodies/bodies.ts";

/** By the body's id. */
export type BodyOwners = ReadonlyMap<string, { readonly ref: BodyRef; readonly owners: number }>;

/** Counts them. */
export function ownersOf(refs: Iterable<BodyRef>): BodyOwners {
  const bodies = new Map<string, { ref: BodyRef; owners: number }>();
  for (const ref of refs) {
    const body = bodies.get(ref.id);
    if (body) body.owners++;
    else bodies.set(ref.id, { ref, owners: 1 });
  }
  return bodies;
}
