#!/usr/bin/env bash
# Mailpit's search does not find what stands in the text part alone
#
# Package:  github.com/axllent/mailpit v1.33.1 (Go modules).
# Expected: its documentation says that words are looked for in subject, addresses and the message's text; both parts
#           of multipart/alternative are the message (RFC 2046, section 5.1.4), and GET /api/v1/message/{id}
#           tells both.
# Seen:     where a message has HTML, only that is searched: a word of the text part is not found, though
#           "Text" of the same message has it.
# Matters:  a test that looks for a code or a link by search waits in vain when a template has it in the text
#           part only (a short link, "If you can't see this mail"), and an assertion that nothing bears a word
#           passes wrongly.
set -euo pipefail
for tool in go python3; do command -v "$tool" >/dev/null || { echo "This needs $tool."; exit 1; }; done
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
GOBIN=$tmp GOPATH=$tmp/go GOCACHE=$tmp/cache go install github.com/axllent/mailpit@v1.33.1 2>go.log || { cat go.log; exit 1; }

cat >search.py <<'PY'
import json, smtplib, socket, subprocess, sys, time
from email.message import EmailMessage
from urllib.request import urlopen


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


http, smtp = free_port(), free_port()
server = subprocess.Popen(
    ["./mailpit", "--listen", f"127.0.0.1:{http}", "--smtp", f"127.0.0.1:{smtp}", "--disable-version-check"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    api = f"http://127.0.0.1:{http}/api/v1"

    def get(path):
        return json.load(urlopen(f"{api}/{path}"))

    for _ in range(100):
        try:
            get("info")
            break
        except OSError:
            time.sleep(0.1)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.com", "b@example.com", "Your code"
    mail.set_content("The code is heliotrope.\n")
    mail.add_alternative("<p>The code is <img src='cid:code'> cornflower.</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", smtp) as client:
        client.send_message(mail)
    text = get("message/latest")["Text"].strip()
    print(f"text part: {text}")
    for word in ("heliotrope", "cornflower"):
        print(f"search for {word}: {get('search?query=' + word)['messages_count']}")
finally:
    server.terminate()
    server.wait()
PY
seen=$(python3 search.py)
expected='text part: The code is heliotrope.
search for heliotrope: 0
search for cornflower: 1'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
