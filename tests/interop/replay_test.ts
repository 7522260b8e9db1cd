/** The conversations of fixtures/, said to Postfix and Dovecot: what differs is what replay_differences.json explains. */

import { assertEquals } from "@std/assert";
import { parseScript, type Script } from "../../src/testing/script.ts";
import type { Replayed } from "../../src/testing/replay.ts";
import { testIf } from "./support/post_office.ts";
import { ReplayPeers } from "./support/replay_peers.ts";

/** Dovecot gives a connection up with octets unread: now and then the system tells of that before its end is seen. */
const RESET = /^Connection reset by peer.*/;
const ENDED = "The connection ended during the TLS handshake";

/** By server: why, and what differs for that. */
const EXPLAINED: Record<string, { why: string; differ: string[] }[]> = JSON.parse(
  Deno.readTextFileSync(new URL("replay_differences.json", import.meta.url)),
);

testIf(["postfix", "dovecot", "openssl"], "Postfix and Dovecot differ where it is explained", async (t) => {
  const smtp = scriptsOf("smtp");
  await using peers = await ReplayPeers.start(smtp);
  const rows = [
    ["Postfix", smtp, (script: Script) => peers.sayToPostfix(script)],
    ["Dovecot", scriptsOf("pop3"), (script: Script) => peers.sayToDovecot(script)],
  ] as const;
  for (const [make, scripts, say] of rows) {
    await t.step(make, async () => {
      const found = new Set<string>();
      const left = [...scripts];
      const talker = async () => {
        for (let script; (script = left.shift()) !== undefined;) {
          if (script.settings.get("service") === "lmtp") found.add(`${script.name}: not said`);
          else differencesOf(script.name, await say(script)).forEach((one) => found.add(one));
        }
      };
      // there is one maildrop
      await Promise.all(Array.from({ length: make === "Dovecot" ? 1 : 4 }, talker));
      const explained = new Set((EXPLAINED[make] ?? []).flatMap(({ differ }) => differ));
      const lists = {
        notExplained: [...found].filter((one) => !explained.has(one)),
        notFoundAnyMore: [...explained].filter((one) => !found.has(one)),
      };
      assertEquals(lists, { notExplained: [], notFoundAnyMore: [] });
    });
  }
});

function scriptsOf(kind: "smtp" | "pop3"): Script[] {
  const folder = new URL(`../../fixtures/${kind}/`, import.meta.url);
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort()
    .map((name) => parseScript(Deno.readTextFileSync(new URL(name, folder)), name));
}

/** A line for each reply that differs: what was said, what was expected, what came. */
function differencesOf(name: string, { report, stopped }: Replayed): string[] {
  const found: string[] = [];
  let said: string[] = [];
  let [wanted, came]: [string[], string[]] = [[], []];
  const flush = () => {
    if (wanted.length + came.length > 0) {
      const [line = "(greeting)"] = said;
      const list = (lines: readonly string[]) =>
        lines.length > 0 ? [...new Set(lines.map(brief))].join(", ") : "nothing";
      const shown = line.length > 64 ? `${line.slice(0, 60)}…` : line;
      found.push(`${name}: ${shown} | ${list(wanted)} | ${list(came)}`);
    }
    [said, wanted, came] = [[], [], []];
  };
  for (const line of report) {
    if (line.startsWith("C: ")) {
      if (wanted.length + came.length > 0) flush();
      said.push(line.slice(3));
    } else if (line.startsWith("- ")) wanted.push(line.slice(2));
    else if (line.startsWith("+ ")) came.push(line.slice(2));
  }
  flush();
  if (stopped !== undefined) found.push(`${name}: not said to the end: ${stopped.replace(RESET, ENDED)}`);
  return found;
}

/** The codes of a line; of data of POP3 all. */
function brief(line: string): string {
  return /^(?:\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3})?|\+OK|-ERR(?: \[[\w/-]+\])?)/.exec(line)?.[0] ?? line;
}
