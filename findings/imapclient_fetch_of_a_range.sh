#!/usr/bin/env bash
# IMAPClient.fetch("1:*") reads all that it asked for, and then fails
#
# Package:  IMAPClient 4.1.0 (PyPI); 3.1.0 does what is expected.
# Expected: message ids may be given as a string, a range as IMAP has it ("500:*", its issue 98), and fetch() answers
#           a dictionary of the messages.
# Seen:     fetch("1:*") and fetch("2:3") send the command and read the answer of the server to its end; then
#           ValueError: invalid literal for int() with base 10, from the look at which messages had been asked for.
#           fetch("2") and fetch([2, 3]) work, as does fetch of a list.
# Matters:  programs that fetch all flags by one short range fail after an update of the library, with an error that
#           names neither IMAP nor fetch, and only after the whole mailbox has come over the line.
set -euo pipefail
python3 -m pip --version >/dev/null 2>&1 || { echo "This needs python3 with pip."; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
for version in 3.1.0 4.1.0; do
  python3 -m pip install -qq --no-cache-dir --root-user-action=ignore --target "$version" imapclient==$version 2>pip.log ||
    { cat pip.log; exit 1; }
done

cat >fetch.py <<'PYTHON'
import importlib.metadata
import re
import socketserver
import threading

from imapclient import IMAPClient


class Server(socketserver.StreamRequestHandler):
    """Three messages, enough IMAP to ask for their flags."""

    def handle(self):
        self.wfile.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        for line in self.rfile:
            tag, command = line.decode().rstrip().split(" ", 1)
            asked = re.match(r"UID FETCH (\S+) ", command)
            first, _, last = (asked[1].split(",")[0].partition(":") if asked else ("9", "", ""))
            until = 3 if last == "*" or "," in command else int(last or first)
            for uid in range(int(first), min(until, 3) + 1):
                self.wfile.write(b"* %d FETCH (UID %d FLAGS (\\Seen))\r\n" % (uid, uid))
            self.wfile.write(f"{tag} OK done\r\n".encode())


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
client = IMAPClient("127.0.0.1", port=server.server_address[1], ssl=False, timeout=10)
client.login("a", "b")
client.select_folder("INBOX")
print("IMAPClient", importlib.metadata.version("imapclient"))
for messages in ("1:*", "2:3", "2", [2, 3]):
    try:
        print(messages, sorted(client.fetch(messages, ["FLAGS"])))
    except Exception as error:
        print(messages, f"{type(error).__name__}: {error}")
PYTHON
seen=$(for version in 3.1.0 4.1.0; do PYTHONPATH=$version python3 fetch.py; done)
expected="IMAPClient 3.1.0
1:* [1, 2, 3]
2:3 [2, 3]
2 [2]
[2, 3] [2, 3]
IMAPClient 4.1.0
1:* ValueError: invalid literal for int() with base 10: '1:*'
2:3 ValueError: invalid literal for int() with base 10: '2:3'
2 [2]
[2, 3] [2, 3]"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
