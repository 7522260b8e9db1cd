#!/usr/bin/env bash
# IMAPClient's addresses can't be turned into text when a message has a group, such as undisclosed-recipients
#
# Package:  IMAPClient 4.1.0 (PyPI).
# Expected: str() of each Address in an ENVELOPE answers a text. "To: undisclosed-recipients:;" is a group without
#           members, which ENVELOPE tells by two addresses: a host of NIL begins the group, a mailbox and a host of
#           NIL end it (RFC 3501, section 7.4.2; RFC 9051, section 7.5.2).
# Seen:     str() of the address that ends a group raises AttributeError: 'NoneType' object has no attribute 'encode'.
# Matters:  programs that show or log To and Cc fail at such a message, and the message comes from a stranger.
set -euo pipefail
python3 -m pip --version >/dev/null 2>&1 || { echo "This needs python3 with pip."; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m pip install -qq --no-cache-dir --root-user-action=ignore --target lib imapclient==4.1.0 2>pip.log ||
  { cat pip.log; exit 1; }

cat >group.py <<'PYTHON'
import importlib.metadata
import socketserver
import threading

from imapclient import IMAPClient

TO = b'((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))'


class Server(socketserver.StreamRequestHandler):
    """One message, enough IMAP to ask for its ENVELOPE."""

    def handle(self):
        self.wfile.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        for line in self.rfile:
            tag, command = line.rstrip().split(b" ", 1)
            if b"ENVELOPE" in command:
                who = b'((NIL NIL "a" "example.org"))'
                envelope = b'NIL "hello" ' + who * 3 + b" " + TO + b" NIL NIL NIL NIL"
                self.wfile.write(b"* 1 FETCH (UID 1 ENVELOPE (" + envelope.replace(b"))((", b")) ((") + b"))\r\n")
            self.wfile.write(tag + b" OK done\r\n")


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
client = IMAPClient("127.0.0.1", port=server.server_address[1], ssl=False, timeout=10)
client.login("a", "b")
client.select_folder("INBOX")
envelope = client.fetch([1], ["ENVELOPE"])[1][b"ENVELOPE"]
print("IMAPClient", importlib.metadata.version("imapclient"))
print("From:", *map(str, envelope.from_))
for address in envelope.to:
    try:
        print("To:", str(address))
    except Exception as error:
        print("To:", f"{type(error).__name__}: {error}")
PYTHON
seen=$(PYTHONPATH=lib python3 group.py)
expected="IMAPClient 4.1.0
From: a@example.org
To: undisclosed-recipients
To: AttributeError: 'NoneType' object has no attribute 'encode'"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
