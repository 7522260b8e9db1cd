import { assert, assertEquals } from "@std/assert";
import { allPaths, environmentKeys, pathText, variableName, wantedAt } from "../../src/config/keys.ts";
import { editDistance, nearest } from "../../src/config/nearest.ts";

Deno.test("environmentKeys() knows every key that is a text, a number, a flag or a list", () => {
  const given = new Set(environmentKeys().map((key) => pathText(key.path)));
  const tables = new Set([
    "accounts",
    "aliases",
    "catchAll",
    "outbound.domains",
    "tls.sni",
    "webhooks",
    "admin.users",
  ]);
  const all = allPaths().map(pathText);
  const sections = new Set(all.filter((path) => all.some((other) => other.startsWith(`${path}.`))));
  for (const path of all) assertEquals(given.has(path), !tables.has(path) && !sections.has(path), path);
});

Deno.test("environmentKeys() gives each variable to one key", () => {
  const variables = environmentKeys().map((key) => key.variable);
  assertEquals(new Set(variables).size, variables.length);
});

Deno.test("variableName() writes a path in upper snake case", () => {
  assertEquals(variableName(["dataDir"]), "DINOPOST_DATA_DIR");
  assertEquals(variableName(["limits", "connectionsPerIp"]), "DINOPOST_LIMITS_CONNECTIONS_PER_IP");
});

Deno.test("wantedAt() has a sentence for every key", () => {
  for (const path of allPaths()) assert(wantedAt(path).length > 5, pathText(path));
});

Deno.test("editDistance() counts single changes", () => {
  const table: [string, string, number][] = [
    ["", "", 0],
    ["abc", "abc", 0],
    ["", "abc", 3],
    ["abc", "ab", 1],
    ["abc", "axc", 1],
    ["qeue", "queue", 1],
    ["retyr", "retry", 1], // neighbours swapped
    ["kitten", "sitting", 3],
  ];
  for (const [a, b, want] of table) {
    assertEquals(editDistance(a, b), want, `${a} ${b}`);
    assertEquals(editDistance(b, a), want, `${b} ${a}`);
  }
});

Deno.test("nearest() finds a likely slip and nothing else", () => {
  const names = ["hostname", "domains", "dns", "kv", "queue"];
  assertEquals(nearest("hostnaem", names), "hostname");
  assertEquals(nearest("Domain", names), "domains");
  assertEquals(nearest("dsn", names), "dns");
  assertEquals(nearest("zzzzzz", names), undefined);
  assertEquals(nearest("xy", names), undefined);
});
