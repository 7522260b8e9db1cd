/** The words of MTA-STS (RFC 8461): the record that says that there is a policy, the policy, and which hosts fit it. */

import { trimBlanks } from "../base/blanks.ts";
import { canonicalName, isDnsName } from "../dns/names.ts";

/** What a domain's policy says (RFC 8461 3.2). */
export interface StsPolicy {
  /** `enforce`: no host but those, and only over TLS with a certificate that is right. `testing`: the same is only reported. */
  readonly mode: "enforce" | "testing" | "none";
  /** Names of hosts in lower case, `*.` in front stands for one label; empty in mode `none` alone. */
  readonly mx: readonly string[];
  /** For how long it holds: seconds. */
  readonly maxAge: number;
}

/** RFC 8461 3.2: no policy holds for longer than about a year. */
const MAX_AGE = 31_557_600;
const MODES = ["enforce", "testing", "none"] as const;

/** RFC 8461 3.1: names and values of fields behind the version. */
const RECORD_FIELD = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[!-:<>-~]+$/;
const ID = /^id=([A-Za-z0-9]{1,32})$/;
/** RFC 8461 3.2. */
const POLICY_FIELD = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):([^\r]*)$/;
const BLANKS = " \t";

/**
 * The id of the policy that the TXT records of `_mta-sts.DOMAIN` announce; undefined: none is announced, also where
 * several are or the one is malformed (RFC 8461 3.1).
 */
export function announcedPolicy(texts: readonly string[]): string | undefined {
  const [text, ...others] = texts.filter((one) => /^v=STSv1[ \t]*;/.test(one));
  if (text === undefined || others.length > 0) return undefined;
  const [, ...fields] = text.split(";").map((field) => trimBlanks(field, BLANKS));
  if (fields.at(-1) === "") fields.pop();
  // of fields that stand there twice the first one counts
  const id = fields.find((field) => field.startsWith("id="));
  if (id === undefined || !fields.every((field) => RECORD_FIELD.test(field))) return undefined;
  return ID.exec(id)?.[1];
}

/** Reads a policy; answers in words what is wrong with one that is none. */
export function parsePolicy(text: string): StsPolicy | string {
  const fields = new Map<string, string>();
  const mx: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (/^[ \t]*$/.test(line)) continue;
    const [, name, written] = POLICY_FIELD.exec(line) ?? [];
    if (name === undefined || written === undefined) return `"${line.slice(0, 80)}" is not "name: value"`;
    const value = trimBlanks(written, BLANKS);
    if (name === "mx") mx.push(canonicalName(value));
    else if (!fields.has(name)) fields.set(name, value); // the first of doubled ones counts
  }
  const [version, mode, age] = ["version", "mode", "max_age"].map((name) => fields.get(name));
  if (version !== "STSv1") return `version is ${quoted(version)} instead of "STSv1"`;
  const known = MODES.find((one) => one === mode);
  if (!known) return `mode is ${quoted(mode)} instead of "enforce", "testing" or "none"`;
  if (!/^\d{1,10}$/.test(age ?? "")) return `max_age is ${quoted(age)} instead of a number of seconds`;
  const wrong = mx.find((pattern) => !isDnsName(pattern.replace(/^\*\./, "")));
  if (wrong !== undefined) {
    return `mx is ${quoted(wrong)}, which is neither a host's name nor "*." and a domain`;
  }
  if (mx.length === 0 && known !== "none") return `mx is missing, and mode is "${known}"`;
  return { mode: known, mx, maxAge: Math.min(Number(age), MAX_AGE) };
}

/** Is a host (canonical name) one of the policy's (RFC 8461 4.1)? `*.` stands for just one label. */
export function isInPolicy(policy: Pick<StsPolicy, "mx">, host: string): boolean {
  const parent = host.slice(host.indexOf(".") + 1);
  return policy.mx.some((pattern) =>
    pattern.startsWith("*.") ? host.includes(".") && parent === pattern.slice(2) : pattern === host
  );
}

function quoted(value: string | undefined): string {
  return value === undefined ? "missing" : `"${value.slice(0, 80)}"`;
}
