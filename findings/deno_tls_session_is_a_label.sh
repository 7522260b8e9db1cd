#!/usr/bin/env bash
# node:tls of Deno: the session that a client is handed is a label, of no use to another process
#
# Package:  deno 2.9.6 (npm), with the machine's Node and OpenSSL's command to make a certificate.
# Expected: the octets of the event "session" are the session, to be kept and handed to a later `connect`, be it in
#           another process: with Node the server resumes it.
# Seen:     Deno hands out some forty octets of ASCII with host and port in them, a name for what its process keeps. The
#           next process hands them in without an error, and the handshake is a full one.
# Matters:  a mail client or a queue's workers that keep sessions on a disk or share them, as Postfix does with its
#           cache of TLS sessions, seem to work and resume nothing.
set -euo pipefail
for tool in npx node openssl; do command -v "$tool" >/dev/null || { echo "This needs $tool."; exit 1; }; done
tmp=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$tmp"' EXIT
cd "$tmp"
export npm_config_cache=$tmp/cache npm_config_update_notifier=false DENO_DIR=$tmp/deno NO_COLOR=1
openssl req -x509 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -newkey ec \
  -pkeyopt ec_paramgen_curve:P-256 -addext subjectAltName=DNS:localhost 2>openssl.log || { cat openssl.log; exit 1; }

cat >server.mjs <<'JS'
import { readFileSync, writeFileSync } from "node:fs";
import tls from "node:tls";

const pair = { key: readFileSync("key.pem"), cert: readFileSync("cert.pem") };
const server = tls.createServer(pair, (peer) => {
  peer.on("error", () => {});
  peer.end(peer.isSessionReused() ? "resumed" : "full");
});
server.listen(0, "127.0.0.1", () => writeFileSync("port", String(server.address().port)));
JS
cat >client.mjs <<'JS'
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import tls from "node:tls";

const port = Number(readFileSync("port", "utf8"));
const kept = `session.${process.argv[2]}`;
const session = existsSync(kept) ? readFileSync(kept) : undefined;
const peer = tls.connect({ host: "127.0.0.1", port, servername: "localhost", rejectUnauthorized: false, session });
let kind;
peer.on("session", (octets) => {
  kind = octets.every((octet) => octet > 31 && octet < 127) ? "text" : "binary";
  writeFileSync(kept, octets);
});
let said = "";
peer.on("data", (octets) => {
  said += octets;
});
// Deno's events come behind the end
peer.on("end", () =>
  setTimeout(() => {
    console.log(session ? `second process: ${said}` : `first process: ${said}, session is ${kind}`);
    process.exit(0);
  }, 500));
JS
node server.mjs & server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
deno() { npx -y deno@2.9.6 run --no-config --allow-read=. --allow-write=. --allow-net=127.0.0.1 "$@"; }
seen=$(
  for _ in 1 2; do echo "node, $(node client.mjs node)"; done
  for _ in 1 2; do echo "deno, $(deno client.mjs deno)"; done
)
expected='node, first process: full, session is binary
node, second process: resumed
deno, first process: full, session is text
deno, second process: full'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
