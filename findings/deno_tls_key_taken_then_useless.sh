#!/usr/bin/env bash
# node:tls of Deno takes an RSA-PSS or Ed448 key, and then fails every handshake
#
# Package:  deno 2.9.6 (npm), with OpenSSL's command to make keys.
# Expected: createSecureContext throws when a key cannot serve, or the key serves: with Node 20 it does, for both
#           (RFC 8446 has signature schemes for both, section 4.2.3).
# Seen:     createSecureContext and createServer take key and certificate without a word. Then each handshake
#           fails, on the server with "unsupported protocol", which is not what is wrong, and for the client
#           as a connection that just ends. An ECDSA key beside them works.
# Matters:  a server that checks a renewed certificate by loading it puts this one in place, and STARTTLS and
#           submission are down for everybody. Only a handshake with oneself shows it.
set -euo pipefail
for tool in npx openssl; do command -v "$tool" >/dev/null || { echo "This needs $tool."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export npm_config_cache=$tmp/cache npm_config_update_notifier=false DENO_DIR=$tmp/deno NO_COLOR=1

make() { # make NAME OPTION…: a key and a certificate for localhost that it signed itself
  openssl req -x509 -nodes -keyout "$1.key" -out "$1.crt" -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost "${@:2}" 2>openssl.log || { cat openssl.log; exit 1; }
}
make ECDSA -newkey ec -pkeyopt ec_paramgen_curve:P-256
make RSA-PSS -newkey rsa-pss -pkeyopt rsa_keygen_bits:2048
make Ed448 -newkey ed448

cat >handshake.mjs <<'JS'
import { once } from "node:events";
import { readFileSync } from "node:fs";
import process from "node:process";
import tls from "node:tls";

async function handshake(name) {
  const pair = { key: readFileSync(`${name}.key`), cert: readFileSync(`${name}.crt`) };
  tls.createSecureContext(pair);
  const server = tls.createServer(pair, (peer) => peer.on("error", () => {}).end());
  const onServer = new Promise((resolve) => {
    server.once("secureConnection", () => resolve("secure"));
    server.once("tlsClientError", (error) => resolve(error.code));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address();
  const client = tls.connect({ host: "127.0.0.1", port, servername: "localhost", ca: pair.cert });
  const onClient = new Promise((resolve) => {
    client.once("secureConnect", () => resolve("secure"));
    client.once("error", (error) => resolve(error.code));
  });
  console.log(`${name}: taken; server ${await onServer}; client ${await onClient}`);
  client.destroy();
  server.close();
}

console.log(globalThis.Deno ? `deno ${Deno.version.deno}` : `node ${process.version}`);
for (const name of ["ECDSA", "RSA-PSS", "Ed448"]) await handshake(name);
process.exit(0);
JS
seen=$(npx -y deno@2.9.6 run --no-config --allow-read=. --allow-net=127.0.0.1 handshake.mjs)
expected='deno 2.9.6
ECDSA: taken; server secure; client secure
RSA-PSS: taken; server ERR_SSL_UNSUPPORTED_PROTOCOL; client ECONNRESET
Ed448: taken; server ERR_SSL_UNSUPPORTED_PROTOCOL; client ECONNRESET'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
