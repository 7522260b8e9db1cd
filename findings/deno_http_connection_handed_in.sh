#!/usr/bin/env bash
# node:http of Deno ends a connection that was handed in after its first response
#
# Package:  deno 2.9.6 (npm).
# Expected: the documentation of http.Server says of the event 'connection' that a program may emit it to bring a
#           connection in. Such a connection is kept alive as any other (RFC 9112, section 9.3): two requests
#           on it get two responses. Node does so.
# Seen:     the first response says "keep-alive", and then the connection is ended; the second request gets
#           nothing. With a server that also listens, on whatever port, both are answered.
# Matters:  a program that reads the first octets itself and hands connections on (a PROXY header before HTTP,
#           HTTP and mail on one port, a test without a port) has a new connection for each request, and a client
#           that sends its next one at once sees a reset. To listen on a port nobody knows mends it.
set -euo pipefail
command -v npx >/dev/null || { echo "This needs npx."; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export npm_config_cache=$tmp/cache npm_config_update_notifier=false DENO_DIR=$tmp/deno NO_COLOR=1

cat >twice.mjs <<'JS'
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import process from "node:process";

const request = (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

async function twice(name, alsoListens) {
  const server = http.createServer((request, response) => response.end(`answer to ${request.url}`));
  if (alsoListens) await once(server.listen(0, "127.0.0.1"), "listening");
  const door = net.createServer((peer) => server.emit("connection", peer));
  await once(door.listen(0, "127.0.0.1"), "listening");
  const client = net.connect(door.address().port, "127.0.0.1");
  let heard = "";
  const outcome = new Promise((resolve) => {
    client.on("data", (data) => {
      const before = heard;
      heard += data;
      if (!before.includes("answer to /one") && heard.includes("answer to /one")) client.write(request("/two"));
      if (heard.includes("answer to /two")) resolve("two responses");
    });
    client.on("error", () => {});
    client.on("close", () => resolve("one response, then the end"));
  });
  client.write(request("/one"));
  console.log(`${name}: ${await outcome}; it said ${heard.match(/^connection: .*$/im)?.[0].toLowerCase()}`);
}

console.log(globalThis.Deno ? `deno ${Deno.version.deno}` : `node ${process.version}`);
await twice("server that does not listen", false);
await twice("server that listens too", true);
process.exit(0);
JS
seen=$(npx -y deno@2.9.6 run --no-config --allow-net=127.0.0.1 twice.mjs)
expected='deno 2.9.6
server that does not listen: one response, then the end; it said connection: keep-alive
server that listens too: two responses; it said connection: keep-alive'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
