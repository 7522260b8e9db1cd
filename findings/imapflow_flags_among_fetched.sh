#!/usr/bin/env bash
# imapflow hands out a change of flags as one more message that was fetched
#
# Package:  imapflow 2.10.2 (npm).
# Expected: a server may tell at any time, and between the answers to a FETCH too, that another program has set flags:
#           "* 3 FETCH (UID 103 FLAGS (\Seen))" (RFC 3501, sections 5.2 and 7.4.2; RFC 9051, section 7.5.2). The library
#           has an event "flags" for it; fetch() and fetchAll() answer each message once, with what was asked for.
# Seen:     fetch() and fetchAll() answer the message twice, once with nothing but its flags and once as it was asked for,
#           wherever among the answers the change was told. No event "flags" comes.
# Matters:  a program that reads `message.envelope.subject` of each ends with a TypeError in the middle of a mailbox;
#           one that counts, or stores what it reads by UID, counts one too many and overwrites with nothing. It
#           takes a second program that reads mail in that moment, so that no test shows it.
set -euo pipefail
for tool in node npm; do command -v "$tool" >/dev/null || { echo "This needs $tool."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export npm_config_cache=$tmp/cache npm_config_update_notifier=false
npm install --loglevel=error --no-audit --no-fund imapflow@2.10.2 >npm.log

cat >fetch.mjs <<'JS'
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { ImapFlow } from "imapflow";

const CHANGE = "* 3 FETCH (UID 103 FLAGS (\\Seen))\r\n";
/** Behind how many of the answers the change is told. */
let place = -1;

function answers() {
  const lines = [1, 2, 3].map((n) =>
    `* ${n} FETCH (UID ${100 + n} FLAGS () ENVELOPE (NIL "message ${n}" NIL NIL NIL NIL NIL NIL NIL NIL))\r\n`
  );
  if (place >= 0) lines.splice(place, 0, CHANGE);
  return lines.join("");
}

const SELECTED = "* 3 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 1] a\r\n* OK [UIDNEXT 104] b\r\n";
const server = createServer((peer) => {
  peer.on("error", () => {});
  peer.write("* OK [CAPABILITY IMAP4rev1] ready\r\n");
  let rest = "";
  peer.on("data", (data) => {
    const lines = (rest + data).split("\r\n");
    rest = lines.pop();
    for (const line of lines) {
      const [tag, verb] = line.toUpperCase().split(" ");
      if (verb === "CAPABILITY") peer.write("* CAPABILITY IMAP4rev1\r\n");
      else if (verb === "LIST" || verb === "LSUB") peer.write(`* ${verb} () "/" INBOX\r\n`);
      else if (verb === "SELECT") peer.write(SELECTED);
      else if (verb === "FETCH") peer.write(answers());
      else if (verb === "LOGOUT") peer.write("* BYE bye\r\n");
      peer.write(`${line.split(" ")[0]} OK done\r\n`);
      if (verb === "LOGOUT") peer.end();
    }
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

console.log("imapflow", JSON.parse(readFileSync("node_modules/imapflow/package.json", "utf8")).version);
const { port } = server.address();
const auth = { user: "jo", pass: "password" };
const client = new ImapFlow({ host: "127.0.0.1", port, secure: false, doSTARTTLS: false, auth, logger: false });
let events = 0;
client.on("flags", () => events++);
await client.connect();
await client.mailboxOpen("INBOX");
for (place of [-1, 0, 2, 3]) {
  events = 0;
  const found = [];
  for await (const one of client.fetch("1:*", { envelope: true })) found.push(one);
  const all = await client.fetchAll("1:*", { envelope: true });
  console.log(place < 0 ? "nothing unasked" : `a change told behind ${place} of 3 answers`);
  for (const { uid, envelope } of found) console.log(`  UID ${uid}: ${envelope ? envelope.subject : "no envelope"}`);
  console.log(`  fetchAll(): ${all.length} messages; events of flags: ${events}`);
}
await client.logout();
server.close();
process.exit(0);
JS
seen=$(timeout 60 node fetch.mjs)
expected='imapflow 2.10.2
nothing unasked
  UID 101: message 1
  UID 102: message 2
  UID 103: message 3
  fetchAll(): 3 messages; events of flags: 0
a change told behind 0 of 3 answers
  UID 103: no envelope
  UID 101: message 1
  UID 102: message 2
  UID 103: message 3
  fetchAll(): 4 messages; events of flags: 0
a change told behind 2 of 3 answers
  UID 101: message 1
  UID 102: message 2
  UID 103: no envelope
  UID 103: message 3
  fetchAll(): 4 messages; events of flags: 0
a change told behind 3 of 3 answers
  UID 101: message 1
  UID 102: message 2
  UID 103: message 3
  UID 103: no envelope
  fetchAll(): 4 messages; events of flags: 0'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
