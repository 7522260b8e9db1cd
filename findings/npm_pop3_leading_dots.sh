#!/usr/bin/env bash
# Four of npm's POP3 clients hand out the dots that the server has added
#
# Package:  node-pop3 0.11.0, poplib 0.1.7, yapople 0.4.10, mailpop3 0.1.0 (npm).
# Expected: in a message that POP3 sends each line that begins with a dot has one more, and the client takes it off
#           again: what comes out is the message (RFC 1939, section 3).
# Seen:     none of them does, be it by RETR or by TOP (node-pop3), also where the message goes on to a parser (yapople):
#           ".profile" comes out as "..profile". The line end behind the last line is missing besides. poplib makes
#           7 bits of each octet: "grüße" comes out as six other characters, a control character among them.
# Matters:  signatures (DKIM, S/MIME, PGP) no longer fit, and neither does what quoted-printable, CSV, a patch or
#           a script has at the beginning of a line. It is rare enough to be seen by nobody but the recipient.
set -euo pipefail
for tool in node npm; do command -v "$tool" >/dev/null || { echo "This needs $tool."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export npm_config_cache=$tmp/cache npm_config_update_notifier=false
npm install --loglevel=error --no-audit --no-fund node-pop3@0.11.0 poplib@0.1.7 yapople@0.4.10 mailpop3@0.1.0 >npm.log

cat >read.mjs <<'JS'
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const MESSAGE = "Content-Type: text/plain; charset=utf-8\r\n\r\n.profile\r\n.\r\n..\r\ngrüße\r\n";

const server = createServer((peer) => {
  peer.on("error", () => {});
  peer.write("+OK ready\r\n");
  let rest = "";
  peer.on("data", (data) => {
    const lines = (rest + data).split("\r\n");
    rest = lines.pop();
    for (const line of lines) {
      const [verb] = line.toUpperCase().split(" ");
      if (verb === "CAPA") peer.write("+OK\r\nTOP\r\nUIDL\r\nUSER\r\n.\r\n");
      else if (verb === "STAT") peer.write(`+OK 1 ${Buffer.byteLength(MESSAGE)}\r\n`);
      else if (verb === "LIST") peer.write(`+OK\r\n1 ${Buffer.byteLength(MESSAGE)}\r\n.\r\n`);
      else if (verb === "RETR" || verb === "TOP") peer.write(`+OK\r\n${MESSAGE.replace(/^\./gm, "..")}.\r\n`);
      else peer.write("+OK\r\n");
      if (verb === "QUIT") peer.end();
    }
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address();
const at = { host: "127.0.0.1", port };

async function nodePop3() {
  const Pop3Command = (await import("node-pop3")).default;
  const client = new Pop3Command({ ...at, user: "jo", password: "password" });
  const [all, top] = [await client.RETR(1), await client.TOP(1, 10)];
  await client.QUIT();
  return { RETR: all, TOP: top };
}

async function yapople() {
  const { Client } = require("yapople");
  const read = async (mailparser) => {
    const client = new Client({ ...at, tls: false, mailparser, username: "jo", password: "password" });
    await client.connect();
    const message = await client.retrieve(1);
    await client.quit();
    return message;
  };
  return { retrieve: String(await read(false)), parsed: (await read(true)).text };
}

function byEvents(name) {
  const Client = require(name);
  return new Promise((resolve, reject) => {
    const client = new Client(port, at.host, { tlserrs: false, enabletls: false, debug: false });
    client.on("error", reject);
    client.on("connect", () => client.login("jo", "password"));
    client.on("login", () => client.retr(1));
    client.on("retr", (_status, _number, data) => {
      client.quit();
      resolve({ retr: data });
    });
  });
}

const clients = {
  "node-pop3": nodePop3,
  poplib: () => byEvents("poplib"),
  yapople,
  mailpop3: () => byEvents("mailpop3"),
};
console.log("the message:", JSON.stringify(MESSAGE));
for (const [name, read] of Object.entries(clients)) {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  console.log(name, version.replace(/^v/, ""));
  for (const [call, text] of Object.entries(await read())) console.log(`  ${call}: ${JSON.stringify(text)}`);
}
server.close();
process.exit(0);
JS
seen=$(timeout 60 node read.mjs)
expected='the message: "Content-Type: text/plain; charset=utf-8\r\n\r\n.profile\r\n.\r\n..\r\ngrüße\r\n"
node-pop3 0.11.0
  RETR: "Content-Type: text/plain; charset=utf-8\r\n\r\n..profile\r\n..\r\n...\r\ngrüße"
  TOP: "Content-Type: text/plain; charset=utf-8\r\n\r\n..profile\r\n..\r\n...\r\ngrüße"
poplib 0.1.7
  retr: "Content-Type: text/plain; charset=utf-8\r\n\r\n..profile\r\n..\r\n...\r\ngrC<C\u001fe"
yapople 0.4.10
  retrieve: "Content-Type: text/plain; charset=utf-8\r\n\r\n..profile\r\n..\r\n...\r\ngrüße"
  parsed: "..profile\n..\n...\ngrüße"
mailpop3 0.1.0
  retr: "Content-Type: text/plain; charset=utf-8\r\n\r\n..profile\r\n..\r\n...\r\ngrüße"'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
