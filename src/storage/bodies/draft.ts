/** In charge of a text that is complete but not yet owned: what the accepting commit has to hold for it. */

import { u64 } from "../port.ts";
import { chunkCount, MUTATION_SIZE, setChunks } from "./layout.ts";
import type { BodyRef } from "./ref.ts";
import * as keys from "../keys.ts";
import type { Write } from "../write.ts";

/** The most bytes that {@linkcode draftOf} takes, so that there is room for the records in the same commit. */
export const DRAFT_LIMIT = 700 * 1024;

/** A complete text that no record owns yet. */
export interface BodyDraft {
  /** Its size in bytes. */
  readonly size: number;
  /** The whole text, when nothing of it was written ahead. */
  readonly inMemory?: Uint8Array;
  /** How records name it that are `owners` together. */
  ref(owners: number): BodyRef;
  /**
   * What has to be in the commit with the owners' records: the rest of the chunks, the counter when there is more
   * than one owner, and that the text was not swept meanwhile. May be asked for again when that commit failed.
   */
  write(owners: number): Write;
}

/** What of a text is in the store already. */
export interface WrittenAhead {
  /** How many chunks, all of them full. */
  readonly chunks: number;
  /** Their size in bytes. */
  readonly size: number;
  /** The versionstamp of the mark. */
  readonly mark: string;
}

/** Makes a draft of a whole text in memory, such as a report. The bytes are not copied: they must stay as they are. */
export function draftOf(id: string, bytes: Uint8Array): BodyDraft {
  if (bytes.length > DRAFT_LIMIT) {
    throw new RangeError(`A text of ${bytes.length} bytes; a draft in memory takes ${DRAFT_LIMIT} at most.`);
  }
  return makeDraft(id, bytes);
}

/** Makes a draft of what was written ahead, and the rest in memory. */
export function makeDraft(id: string, rest: Uint8Array, ahead?: WrittenAhead): BodyDraft {
  const size = (ahead?.size ?? 0) + rest.length;
  const chunks = (ahead?.chunks ?? 0) + chunkCount(rest.length);

  function write(owners: number): Write {
    const mutations = setChunks(id, rest, ahead?.chunks ?? 0);
    const checks: Deno.AtomicCheck[] = [];
    if (isShared(owners)) {
      mutations.push({ type: "set", key: keys.bodyRefs(id), value: u64(owners) });
    }
    if (ahead) {
      const key = keys.bodyPending(id);
      checks.push({ key, versionstamp: ahead.mark });
      mutations.push({ type: "delete", key });
    }
    return { checks, mutations, size: rest.length + mutations.length * MUTATION_SIZE };
  }

  const ref = (owners: number) => ({ id, size, chunks, shared: isShared(owners) });
  return ahead ? { size, ref, write } : { size, inMemory: rest, ref, write };
}

function isShared(owners: number): boolean {
  if (owners >= 1 && Number.isSafeInteger(owners)) return owners > 1;
  throw new RangeError(`A body for ${owners} owners; it needs one or more.`);
}
