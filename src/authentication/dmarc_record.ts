/** The record by which a domain says what becomes of mail that only claims to be its own (RFC 9989 4.7, 4.8). */

import { trimBlanks } from "../base/blanks.ts";

/** What is to happen to mail that fails: nothing, suspicion, refusal. */
export type DmarcPolicy = "none" | "quarantine" | "reject";

/** A DMARC policy record. */
export interface DmarcRecord {
  /**
   * For the domain itself; undefined: the record can't be applied to any message, since its policy can't be read and
   * nobody wants reports.
   */
  readonly p: DmarcPolicy | undefined;
  /** For subdomains that exist, and for those that don't; undefined: as for the domain. */
  readonly sp: DmarcPolicy | undefined;
  readonly np: DmarcPolicy | undefined;
  /** How close the domain of a signature, or of the envelope's sender, must be: relaxed or strict. */
  readonly adkim: "r" | "s";
  readonly aspf: "r" | "s";
  /** Is it a domain under which others register theirs; `u`: it doesn't say. */
  readonly psd: "y" | "n" | "u";
  /** The owner tests only: what is asked for is meant one step milder. */
  readonly testing: boolean;
  /** Where aggregate and failure reports go: URIs. */
  readonly rua: readonly string[];
  readonly ruf: readonly string[];
  /** When failure reports are wanted. */
  readonly fo: string;
}

// the version's case counts, and nothing stands before it
const VERSION = /^v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/;
const TAG = /^[ \t]*([a-z]+)[ \t]*=(.*)$/is;
/** RFC 3986 3, with commas and exclamation marks encoded. */
const URI = /^[a-z][a-z0-9+.-]*:[^\s,!;]+$/i;
const POLICIES: ReadonlySet<string> = new Set(["none", "quarantine", "reject"]);

/** Reads a TXT record; undefined when it is none of DMARC. What can't be read in it is as if it weren't there. */
export function parseDmarcRecord(text: string): DmarcRecord | undefined {
  if (!VERSION.test(text)) return undefined;
  const tags = new Map<string, string>();
  for (const part of text.split(";").slice(1)) {
    const [, name, value] = TAG.exec(part) ?? [];
    const key = name?.toLowerCase();
    if (key !== undefined && !tags.has(key)) tags.set(key, trimBlanks(value!, " \t"));
  }
  const rua = uris(tags.get("rua"));
  const [p, sp, np] = ["p", "sp", "np"].map((name) => policy(tags.get(name)));
  const unreadable = p === undefined || (tags.has("sp") && !sp) || (tags.has("np") && !np);
  const policies = unreadable
    // RFC 9989 4.10.1: who wants reports has a record of "p=none" then
    ? { p: rua.length > 0 ? "none" as const : undefined, sp: undefined, np: undefined }
    : { p, sp, np };
  return {
    ...policies,
    adkim: oneOf(tags.get("adkim"), ["r", "s"]),
    aspf: oneOf(tags.get("aspf"), ["r", "s"]),
    psd: oneOf(tags.get("psd"), ["u", "y", "n"]),
    testing: oneOf(tags.get("t"), ["n", "y"]) === "y",
    rua,
    ruf: uris(tags.get("ruf")),
    fo: oneOf(tags.get("fo"), ["0", "1", "d", "s", "d:s", "s:d"]),
  };
}

function policy(text: string | undefined): DmarcPolicy | undefined {
  const lower = text?.toLowerCase() ?? "";
  return POLICIES.has(lower) ? lower as DmarcPolicy : undefined;
}

/** The value, or the first of those that it may have. */
function oneOf<T extends string>(text: string | undefined, values: readonly [T, ...T[]]): T {
  return values.find((value) => value === text?.toLowerCase()) ?? values[0];
}

function uris(text: string | undefined): string[] {
  return (text ?? "").split(",").map((uri) => uri.trim()).filter((uri) => URI.test(uri));
}
