/** The comparison of what a server said with what a conversation has: by what it means, not by who says it when. */

import { difference } from "./assertions.ts";
import type { ScriptStep } from "./script.ts";

/** A line that is expected. */
export type ExpectedLine = Extract<ScriptStep, { kind: "expect" }>;

/** How closely replies are compared. */
export interface ComparisonOptions {
  /** Codes and enhanced codes alone count; the text is for people (RFC 5321 4.2). */
  readonly codesOnly?: boolean;
}

/** Names of hosts, ids, and times in the order in which they are looked for, with what stands in their place. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  // dates of RFC 5322 and ISO 8601, and lengths of time
  [
    /(?:\b[A-Z][a-z]{2}, )?\b\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)?(?: [+-]\d{4}| [A-Z]{2,4})?(?: \([A-Z]+\))?/g,
    "TIME",
  ],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?/g, "TIME"],
  [/\b\d+(?:\.\d+)? ?(?:ms|s|seconds?|minutes?)\b/g, "TIME"],
  [/(?<=\bqueued as )[\w.-]+/g, "ID"],
  [
    /\[?\b\d{1,3}(?:\.\d{1,3}){3}\b\]?|\[?(?:IPv6:)?[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\]?(?![\w:])/gi,
    "HOST",
  ],
  // what a greeting of APOP or a challenge has before its @
  [/<(?=[^<>\s@]*\d{4})[^<>\s@]{8,}(?=@)/g, "<ID"],
  [/\b(?=[\w-]*[a-z])[\w-]+(?:\.[\w-]+)*\.[a-z][a-z-]*[a-z]\b\.?/gi, "HOST"],
  [/\b(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[0-9A-Za-z]{10,}\b/g, "ID"],
];

/** A line of a reply without what names ids, hosts and times; `hosts` are names that have no dot. */
export function neutral(line: string, hosts: ReadonlySet<string>): string {
  const code = /^\d{3}[ -]/.exec(line)?.[0] ?? "";
  let text = code === "334 " ? "CHALLENGE" : line.slice(code.length);
  for (const [pattern, by] of CHANGING) text = text.replace(pattern, by);
  // the names have letters, digits, dots and hyphens only
  for (const name of hosts) text = text.replaceAll(new RegExp(`(?<![\\w.-])${name}(?![\\w-])`, "gi"), "HOST");
  return code + text;
}

/** The name that a server gives itself in a greeting or in the first line of EHLO's reply. */
export function hostNamed(line: string): string | undefined {
  return /^2[25]0[ -]([A-Za-z0-9][\w.-]*)/.exec(line)?.[1];
}

/** Both replies line by line, `-` and `+` before what differs; undefined: they say the same. */
export function compareReply(
  actual: readonly string[],
  expected: readonly ExpectedLine[],
  options: ComparisonOptions & { readonly hosts: ReadonlySet<string> },
): string[] | undefined {
  const fits = (line: string, want: ExpectedLine) =>
    want.pattern.test(line) || neutral(line, options.hosts) === neutral(want.text, options.hosts);
  const same = options.codesOnly ? meansSame : isSame;
  if (same(actual, expected, fits)) return undefined;
  return difference(actual, expected, fits, (want) => want.text);
}

/** The code of SMTP's last line; of POP3 the sign, and the lines behind the first, which are data. */
function meansSame(
  actual: readonly string[],
  expected: readonly ExpectedLine[],
  fits: (line: string, want: ExpectedLine) => boolean,
): boolean {
  if (/^\d{3}/.test(expected[0]!.text)) return sameCode(actual.at(-1), expected.at(-1)!.text);
  return sameCode(actual[0], expected[0]!.text) && isSame(actual.slice(1), expected.slice(1), fits);
}

/** In the same order; but an EHLO keyword stands anywhere (RFC 5321 4.1.1.1). */
function isSame(
  actual: readonly string[],
  expected: readonly ExpectedLine[],
  fits: (line: string, want: ExpectedLine) => boolean,
): boolean {
  if (actual.length !== expected.length) return false;
  if (actual.every((line, i) => fits(line, expected[i]!))) return true;
  if (!/^250-/.test(actual[0]!) || !fits(actual[0]!, expected[0]!)) return false;
  const left = actual.slice(1).map(asKeyword);
  return expected.slice(1).every((want) => {
    const at = left.findIndex((line) => fits(`250-${line}`, want) || fits(`250 ${line}`, want));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

function asKeyword(line: string): string {
  return line.replace(/^250[- ]/, "");
}

/** Same code; same enhanced code where both have one; in POP3 the same sign. */
function sameCode(actual: string | undefined, expected: string | undefined): boolean {
  if (actual === undefined || expected === undefined) return actual === expected;
  const [a, b] = [codes(actual), codes(expected)];
  return a.basic === b.basic &&
    (a.enhanced === undefined || b.enhanced === undefined || a.enhanced === b.enhanced);
}

function codes(line: string): { basic: string; enhanced: string | undefined } {
  const found = /^(\d{3}|\+OK|-ERR|\.$)?(?:[ -](\d\.\d{1,3}\.\d{1,3}))?/.exec(line);
  return { basic: found?.[1] ?? "", enhanced: found?.[2] };
}
