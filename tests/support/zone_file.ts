/** Zone files as a name server reads them, as far as `init` writes them (RFC 1035 5.1). */

import type { Zones } from "../../src/testing/mod.ts";

/** The zones that a file of single lines holds. */
export function zonesOf(file: string): Zones {
  const zones: Zones = {};
  for (const line of file.trimEnd().split("\n")) {
    const [owner, , , type, value] = line.split("\t") as [string, string, string, string, string];
    const entry = zones[owner.replace(/\.$/, "")] ??= {};
    if (type === "MX") entry.MX = [[Number(value.split(" ")[0]), value.split(" ")[1]!]];
    else if (type === "CNAME") entry.CNAME = value;
    else (entry.TXT ??= []).push([...value.matchAll(/"([^"]*)"/g)].map(([, text]) => text).join(""));
  }
  return zones;
}
