#!/usr/bin/env bash
# yagmail writes <br> for the line ends of the text/plain part
#
# Package:  yagmail 0.16.0 (PyPI).
# Expected: of the parts of multipart/alternative, text/plain is what a reader without HTML shows as it is
#           (RFC 2046, sections 4.1.3 and 5.1.4): three lines of text are three lines there.
# Seen:     given a text of three lines, yagmail makes an HTML part from it and puts the same markup into the
#           text/plain part: one line, "one<br>two<br>three".
# Matters:  terminal readers, ticket systems, list archives, notifications and search show the markup. The
#           sender sees nothing of it, since most programs show the HTML part.
set -euo pipefail
python3 -m pip --version >/dev/null 2>&1 || { echo "This needs python3 with pip."; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m pip install -qq --no-cache-dir --root-user-action=ignore --target lib yagmail==0.16.0 2>pip.log ||
  { cat pip.log; exit 1; }

cat >send.py <<'PYTHON'
import email
import email.policy
import importlib.metadata
import socketserver
import threading

import yagmail


class Sink(socketserver.StreamRequestHandler):
    """A server that takes everything and keeps the last message."""

    message = b""

    def handle(self):
        content = None
        self.wfile.write(b"220 sink\r\n")
        for line in self.rfile:
            if content is not None and line != b".\r\n":
                content.append(line.removeprefix(b"."))
                continue
            if content:
                Sink.message = b"".join(content)
            content = [] if line.upper() == b"DATA\r\n" else None
            self.wfile.write(b"250 ok\r\n" if content is None else b"354 go on\r\n")


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sink)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
sender = yagmail.SMTP("a@example.org", "unused", host="127.0.0.1", port=server.server_address[1],
                      smtp_ssl=False, smtp_starttls=False, smtp_skip_login=True)
sender.send("b@example.org", "three lines", "one\ntwo\nthree")
sender.close()
print("yagmail", importlib.metadata.version("yagmail"))
for part in email.message_from_bytes(Sink.message, policy=email.policy.default).walk():
    if not part.is_multipart():
        print(part.get_content_type(), repr(part.get_content().rstrip("\n")))
PYTHON
seen=$(PYTHONPATH=lib python3 send.py)
expected="yagmail 0.16.0
text/plain 'one<br>two<br>three'
text/html '<html><head></head><body><div>one<br>two<br>three</div></body></html>'"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
