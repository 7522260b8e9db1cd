/** The record by which a domain says who sends its mail, read (RFC 7208 4.5, 4.6, 5, 6, 12). */

import ipaddr from "ipaddr.js";
import { type MacroString, parseMacroString } from "./spf_macro.ts";

/** What a mechanism that matches comes to. */
export type SpfQualified = "pass" | "fail" | "softfail" | "neutral";

/** A mechanism. `domain` is absent where the domain that is asked for is meant. */
export type SpfMechanism =
  | { readonly kind: "all" }
  | { readonly kind: "include" | "exists"; readonly domain: MacroString }
  | { readonly kind: "ptr"; readonly domain: MacroString | undefined }
  | {
    readonly kind: "a" | "mx";
    readonly domain: MacroString | undefined;
    /** Lengths of the prefixes that count, for IPv4 and IPv6. */
    readonly prefixes: readonly [v4: number, v6: number];
  }
  | { readonly kind: "ip4" | "ip6"; readonly network: readonly number[]; readonly prefix: number };

/** A mechanism with what it comes to. */
export interface SpfDirective {
  readonly result: SpfQualified;
  readonly mechanism: SpfMechanism;
  /** As it stands in the record. */
  readonly text: string;
}

/** A record that can be read. */
export interface SpfRecord {
  readonly directives: readonly SpfDirective[];
  readonly redirect: MacroString | undefined;
  readonly explanation: MacroString | undefined;
}

const VERSION = /^v=spf1(?: |$)/i;
const DIRECTIVE = /^([+\-?~]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?=$|[:/])(.*)$/i;
const MODIFIER = /^([a-z][a-z0-9\-_.]*)=(.*)$/i;
const CIDR = /^(.*?)(?:\/(0|[1-9]\d?))?(?:\/\/(0|[1-9]\d{0,2}))?$/;
/** What a domain ends with that doesn't end with a hole: its last label is no number. */
const TOP_LABEL = /\.(?:[a-z0-9]*[a-z][a-z0-9]*|[a-z0-9]+-[a-z0-9-]*[a-z0-9])\.?$/i;
const RESULTS: Readonly<Record<string, SpfQualified>> = {
  "": "pass",
  "+": "pass",
  "-": "fail",
  "~": "softfail",
  "?": "neutral",
};

/** Is that TXT record one of SPF (RFC 7208 4.5)? */
export function isSpfRecord(text: string): boolean {
  return VERSION.test(text);
}

/** No domain means well with more than its name servers can tell in a packet (RFC 7208 3.4), ten times over. */
const MAX_RECORD = 10_000;

/** Reads a record; a string says what is wrong with it, for people. */
export function parseSpfRecord(text: string): SpfRecord | string {
  if (text.length > MAX_RECORD) return `it has ${text.length} octets`;
  const directives: SpfDirective[] = [];
  const modifiers = new Map<string, MacroString>();
  for (const term of text.slice(6).split(" ")) {
    if (term === "") continue;
    const modifier = MODIFIER.exec(term);
    if (modifier) {
      const name = modifier[1]!.toLowerCase();
      const known = name === "redirect" || name === "exp";
      const value = known ? domainSpec(modifier[2]!) : parseMacroString(modifier[2]!);
      if (!value) return `"${term}" can't be read`;
      if (known && modifiers.has(name)) return `"${name}=" stands there twice`;
      modifiers.set(name, value);
      continue;
    }
    const found = DIRECTIVE.exec(term);
    const mechanism = found && parseMechanism(found[2]!.toLowerCase(), found[3]!);
    if (!mechanism) return `"${term}" can't be read`;
    directives.push({ result: RESULTS[found[1]!]!, mechanism, text: term });
  }
  return { directives, redirect: modifiers.get("redirect"), explanation: modifiers.get("exp") };
}

function parseMechanism(kind: string, rest: string): SpfMechanism | undefined {
  switch (kind) {
    case "all":
      return rest === "" ? { kind } : undefined;
    case "include":
    case "exists": {
      const domain = rest[0] === ":" ? domainSpec(rest.slice(1)) : undefined;
      return domain && { kind, domain };
    }
    case "ptr": {
      const domain = rest === "" ? undefined : domainSpec(rest.slice(1));
      return rest === "" || (rest[0] === ":" && domain) ? { kind, domain } : undefined;
    }
    case "a":
    case "mx":
      return withPrefixes(kind, rest);
    default:
      return rest[0] === ":" ? network(kind as "ip4" | "ip6", rest.slice(1)) : undefined;
  }
}

function withPrefixes(kind: "a" | "mx", rest: string): SpfMechanism | undefined {
  const [, name = "", v4 = "32", v6 = "128"] = CIDR.exec(rest)!;
  const prefixes = [Number(v4), Number(v6)] as const;
  if (prefixes[0] > 32 || prefixes[1] > 128) return undefined;
  if (name === "") return { kind, domain: undefined, prefixes };
  const domain = name[0] === ":" ? domainSpec(name.slice(1)) : undefined;
  return domain && { kind, domain, prefixes };
}

function network(kind: "ip4" | "ip6", text: string): SpfMechanism | undefined {
  const [, address = "", length] = /^([^/]*)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const longest = kind === "ip4" ? 32 : 128;
  const prefix = Number(length ?? longest);
  if (prefix > longest) return undefined;
  if (kind === "ip4") {
    // no leading zeros: who reads them as octal reads another network
    if (!/^(?:(?:0|[1-9]\d{0,2})(?:\.(?!$)|$)){4}$/.test(address) || !ipaddr.IPv4.isValid(address)) {
      return undefined;
    }
    return { kind, network: ipaddr.IPv4.parse(address).toByteArray(), prefix };
  }
  if (!/^[0-9a-f:.]+$/i.test(address) || !ipaddr.IPv6.isValid(address)) return undefined;
  return { kind, network: ipaddr.IPv6.parse(address).toByteArray(), prefix };
}

/** A domain-spec: a macro-string that ends with a hole or with a label that may be a top one. */
function domainSpec(text: string): MacroString | undefined {
  const parts = parseMacroString(text);
  const last = parts?.at(-1);
  if (last === undefined) return undefined;
  return typeof last !== "string" || TOP_LABEL.test(last) ? parts : undefined;
}
