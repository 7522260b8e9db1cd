#!/usr/bin/env bash
# postal-mime changes the octets of an attachment that is not in base64
#
# Package:  postal-mime 4.0.0 (npm).
# Expected: the line end in front of a delimiter belongs to the delimiter (RFC 2046, section 5.1.1), and a line
#           break of a part that came in lines is CRLF (RFC 2045, sections 2.10 and 6.7): "a,b CRLF 1,2",
#           8 octets, whatever its transfer encoding.
# Seen:     each line ends with LF, and so does the last one, which had no end of its own: "a,b LF 1,2 LF".
#           In base64 the same file keeps its octets. With quoted-printable also a file whose line breaks
#           are all encoded grows by one octet.
# Matters:  a checksum of a file, or its signature, fails by how the sender encoded it; a test that asserts what
#           was attached passes with one sending library and fails with another; JSON and CSV differ in size
#           from what every other reader of the same mail shows.
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

const ways = {
  "7bit": "a,b\r\n1,2",
  "8bit": "a,b\r\n1,2",
  "quoted-printable": "a,b\r\n1,2",
  "quoted-printable, encoded": "a,b=0D=0A1,2",
  base64: "YSxiDQoxLDI=",
};
const { version } = JSON.parse(readFileSync("node_modules/postal-mime/package.json", "utf8"));
console.log(`postal-mime ${version}`);
for (const [way, body] of Object.entries(ways)) {
  const message = [
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="sheet"',
    "",
    "--sheet",
    "Content-Type: text/csv; name=prices.csv",
    "Content-Disposition: attachment; filename=prices.csv",
    `Content-Transfer-Encoding: ${way.split(",")[0]}`,
    "",
    body,
    "--sheet--",
    "",
  ].join("\r\n");
  const { attachments: [file] } = await PostalMime.parse(message);
  const octets = new Uint8Array(file.content);
  console.log(`${way}: ${octets.length} octets ${JSON.stringify(new TextDecoder().decode(octets))}`);
}
JS
seen=$(node read.mjs)
expected='postal-mime 4.0.0
7bit: 8 octets "a,b\n1,2\n"
8bit: 8 octets "a,b\n1,2\n"
quoted-printable: 8 octets "a,b\n1,2\n"
quoted-printable, encoded: 9 octets "a,b\r\n1,2\n"
base64: 8 octets "a,b\r\n1,2"'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
