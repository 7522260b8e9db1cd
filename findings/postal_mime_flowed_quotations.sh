#!/usr/bin/env bash
# postal-mime leaves quote marks within the lines that it joins
#
# Package:  postal-mime 4.0.0 (npm).
# Expected: in text/plain with format=flowed the quote marks of a line come off before it is joined with the
#           next, and stand once before the paragraph (RFC 3676, sections 4.1 and 4.5):
#           "> Shall we meet at noon?".
# Seen:     "> Shall we meet > at noon?": lines are joined as they are, at every depth.
# Matters:  quotations in a view of mail are full of stray marks, one for each line of the sender's screen; a
#           search for a phrase, or a check whether a reply quotes what was sent, fails where a line ended.
set -euo pipefail
for tool in node npm; do command -v "$tool" >/dev/null || { echo "This needs $tool."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export npm_config_cache=$tmp/cache npm_config_update_notifier=false
npm install --loglevel=error --no-audit --no-fund postal-mime@4.0.0 >npm.log

cat >read.mjs <<'JS'
import { readFileSync } from "node:fs";
import PostalMime from "postal-mime";

const lines = [
  "> Shall we meet ",
  "> at noon?",
  ">> Where did we ",
  ">> meet last?",
  "I will be there, ",
  "with the map.",
];
const head = ["Content-Type: text/plain; charset=us-ascii; format=flowed", "", ""].join("\r\n");
const { version } = JSON.parse(readFileSync("node_modules/postal-mime/package.json", "utf8"));
console.log(`postal-mime ${version}`);
console.log((await PostalMime.parse(head + lines.join("\r\n") + "\r\n")).text.trimEnd());
JS
seen=$(node read.mjs)
expected='postal-mime 4.0.0
> Shall we meet > at noon?
>> Where did we >> meet last?
I will be there, with the map.'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
