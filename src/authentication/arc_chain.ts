/** The ARC sets of a message: found, numbered, and judged by their structure alone (RFC 8617 4.2, 5.2). */

import { type RawField, valueOf } from "./dkim_header.ts";
import { tagsOf } from "./dkim_signature.ts";
import type { TagList } from "./dkim_tags.ts";

/** What one hop put on. */
export interface ArcSet {
  /** ARC-Authentication-Results. */
  readonly results: RawField;
  /** ARC-Message-Signature, and its tags. */
  readonly message: RawField;
  readonly messageTags: TagList;
  /** ARC-Seal, and its tags. */
  readonly seal: RawField;
  readonly sealTags: TagList;
}

/** RFC 8617 4.2.1. */
const MAX_SETS = 50;
const RESULTS = "arc-authentication-results";
const MESSAGE = "arc-message-signature";
const SEAL = "arc-seal";
const NAMES: ReadonlySet<string> = new Set([RESULTS, MESSAGE, SEAL]);

/** The sets in the order in which they were put on; empty: there is none. A text says why they are no chain. */
export function readChain(fields: readonly RawField[]): readonly ArcSet[] | string {
  const found = new Map<string, { readonly field: RawField; readonly tags: TagList }>();
  let highest = 0;
  for (const field of fields) {
    if (!NAMES.has(field.name)) continue;
    const tags = field.name === RESULTS ? instanceOfResults(field) : tagsOf(field);
    const written = tags?.get("i") ?? "";
    const instance = /^\d{1,2}$/.test(written) ? Number(written) : 0;
    if (!tags || instance < 1 || instance > MAX_SETS) return `${field.name} has no instance`;
    const key = `${field.name} ${instance}`;
    if (found.has(key)) return `${field.name} i=${instance} stands twice`;
    found.set(key, { field, tags });
    highest = Math.max(highest, instance);
  }
  const sets: ArcSet[] = [];
  for (let i = 1; i <= highest; i++) {
    const [results, message, seal] = [RESULTS, MESSAGE, SEAL].map((name) => found.get(`${name} ${i}`));
    if (!results || !message || !seal) return `the set i=${i} is not whole`;
    const cv = seal.tags.get("cv")?.toLowerCase();
    if (cv === "fail") return `i=${i} says that the chain failed`;
    if (cv !== (i === 1 ? "none" : "pass")) return `cv= of i=${i} is not right`;
    if (seal.tags.has("h")) return `the seal i=${i} has an h=`;
    sets.push({
      results: results.field,
      message: message.field,
      messageTags: message.tags,
      seal: seal.field,
      sealTags: seal.tags,
    });
  }
  return sets;
}

/** `i=` is the first of ARC-Authentication-Results; what follows is not a tag list (RFC 8617 4.1.1). */
function instanceOfResults(field: RawField): TagList | undefined {
  const instance = /^[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*(\d+)[ \t\r\n]*;/.exec(valueOf(field))?.[1];
  return instance === undefined ? undefined : new Map([["i", instance]]);
}
