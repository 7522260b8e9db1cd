#!/usr/bin/env bash
# npm's mailhog leaves underscores in subjects, and a blank in the middle of a word
#
# Package:  mailhog 4.16.0 (npm), the client of MailHog's HTTP API.
# Expected: in an encoded word of kind Q "_" stands for a space (RFC 2047, section 4.2), and white space between two
#           encoded words is no part of the text (section 6.2): "Your code is ready" and "Straßenbahn".
# Seen:     "Your_code_is_ready" and "Straßen bahn". Kind B is read right where it is one word.
# Matters:  a test that waits for a subject, or asserts one, passes for ASCII and fails for the first subject
#           with an accent; most libraries write Q words, and break long subjects into several.
set -euo pipefail
for tool in node npm; do command -v "$tool" >/dev/null || { echo "This needs $tool."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export npm_config_cache=$tmp/cache npm_config_update_notifier=false
npm install --loglevel=error --no-audit --no-fund mailhog@4.16.0 >npm.log

cat >subjects.cjs <<'JS'
const { createServer } = require("node:http");
const { version } = require("mailhog/package.json");

const subjects = [
  "=?utf-8?Q?Your_code_is_ready?=",
  "=?utf-8?Q?Stra=C3=9Fen?= =?utf-8?Q?bahn?=",
  "=?utf-8?B?WW91ciBjb2RlIGlzIHJlYWR5?=",
];
// the answer of GET /api/v2/messages, as far as the client looks at it
const items = subjects.map((subject, index) => ({
  ID: String(index),
  Content: { Headers: { Subject: [subject] }, Body: "" },
  MIME: null,
}));
const server = createServer((_, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ total: items.length, count: items.length, start: 0, items }));
});
server.listen(0, "127.0.0.1", async () => {
  console.log(`mailhog ${version}`);
  const client = require("mailhog")({ host: "127.0.0.1", port: server.address().port });
  for (const { subject } of (await client.messages()).items) console.log(subject);
  server.close();
});
JS
seen=$(node subjects.cjs)
expected='mailhog 4.16.0
Your_code_is_ready
Straßen bahn
Your code is ready'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
