#!/usr/bin/env bash
# Django sends an encoded word as the recipient of the envelope
#
# Package:  Django 5.2.19 (PyPI).
# Expected: a recipient with a local part that is not ASCII goes out as UTF-8 with SMTPUTF8 where the server
#           lists it, and is an error elsewhere (RFC 6531, section 3.5). Encoded words are for the text of
#           fields: never within an address (RFC 2047, section 5), and an envelope has none at all.
# Seen:     the smtp backend sends `RCPT TO:<=?utf-8?b?asO2cmc=?=@example.org>`, though the server lists
#           SMTPUTF8, and says 1 message was sent. The To field has the same.
# Matters:  to the server that is another mailbox, whose name begins with "=?utf-8?b?": the message is refused
#           as to an unknown user or lands with whoever takes all names of the domain. The bounce names an
#           address that nobody wrote.
set -euo pipefail
python3 -m pip --version >/dev/null 2>&1 || { echo "This needs python3 with pip."; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m pip install -qq --no-cache-dir --root-user-action=ignore --target lib Django==5.2.19 2>pip.log ||
  { cat pip.log; exit 1; }

cat >send.py <<'PYTHON'
import socketserver
import threading

import django
from django.conf import settings
from django.core.mail import EmailMessage


class Sink(socketserver.StreamRequestHandler):
    """A server with SMTPUTF8 that takes everything and keeps envelopes and To fields."""

    lines = []

    def handle(self):
        content = False
        self.wfile.write(b"220 sink\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word in (b"MAIL", b"RCPT", b"TO: "):
                Sink.lines.append(line.decode().rstrip())
            if content and line != b".\r\n":
                continue
            content = word == b"DATA"
            ehlo = b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
            self.wfile.write(b"354 go on\r\n" if content else ehlo if word == b"EHLO" else b"250 ok\r\n")


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sink)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
settings.configure(EMAIL_HOST="127.0.0.1", EMAIL_PORT=server.server_address[1])
print("Django", django.get_version())
print("written: jörg@example.org")
print("sent:", EmailMessage("hello", "hello", "a@example.org", ["jörg@example.org"]).send())
print("\n".join(Sink.lines))
PYTHON
seen=$(PYTHONIOENCODING=utf-8 PYTHONPATH=lib python3 send.py)
expected='Django 5.2.19
written: jörg@example.org
sent: 1
mail FROM:<a@example.org>
rcpt TO:<=?utf-8?b?asO2cmc=?=@example.org>
To: =?utf-8?b?asO2cmc=?=@example.org'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
