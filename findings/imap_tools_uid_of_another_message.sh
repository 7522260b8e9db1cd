#!/usr/bin/env bash
# imap-tools gives a message the UID of another one when the server tells of flags meanwhile
#
# Package:  imap-tools 1.16.0 (PyPI).
# Expected: a server may send data that nobody asked for at any time, such as flags that another program has set (RFC
#           3501, sections 5.2 and 7; RFC 9051, section 7), and may give the items of a FETCH in any order. Each FETCH
#           answer speaks of the message by whose number it begins: a UID belongs to the text in the same answer.
# Seen:     fetch(bulk=True) goes through the lines as they come. With the text first and the UID behind it, the order in
#           which it asks, one answer with flags in front of the others moves each UID to the next message: the message
#           1 gets the UID of the message 3, the message 2 that of the message 1. With the UID first one more
#           message comes out, which has no text and no UID.
# Matters:  what is done by that UID, such as delete(), move() and flag(), is done to another message. It needs a second
#           program, or a phone, that reads mail in that moment, so that no test shows it.
set -euo pipefail
python3 -m pip --version >/dev/null 2>&1 || { echo "This needs python3 with pip."; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-cache-dir imap-tools==1.16.0

cat >fetch.py <<'PY'
import importlib.metadata
import socket
import threading

from imap_tools import MailBoxUnencrypted

# message number, UID, text
MESSAGES = [(n, 100 + n, f"Subject: message {n}\r\n\r\ntext\r\n".encode()) for n in (1, 2, 3)]
FLAGS = b"* 3 FETCH (UID 103 FLAGS (\\Seen))\r\n"


def answers(order):
    for number, uid, text in MESSAGES:
        body = b"BODY[] {%d}\r\n%s" % (len(text), text)
        rest = b"UID %d FLAGS () RFC822.SIZE %d" % (uid, len(text))
        items = body + b" " + rest if order == "text first" else rest + b" " + body
        yield b"* %d FETCH (%s)\r\n" % (number, items)


def serve(listener, order, unasked):
    peer, _ = listener.accept()
    with peer, peer.makefile("rwb") as lines:
        lines.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        lines.flush()
        for line in lines:
            tag, _, command = line.strip().partition(b" ")
            command = command.upper()
            if command == b"CAPABILITY":
                lines.write(b"* CAPABILITY IMAP4rev1\r\n")
            elif command.startswith(b"SELECT"):
                lines.write(b"* 3 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 1] known\r\n")
            elif command.startswith(b"UID SEARCH"):
                lines.write(b"* SEARCH 101 102 103\r\n")
            elif command.startswith(b"UID FETCH"):
                lines.write((FLAGS if unasked else b"") + b"".join(answers(order)))
            elif command == b"LOGOUT":
                lines.write(b"* BYE bye\r\n")
            lines.write(tag + b" OK done\r\n")
            lines.flush()
            if command == b"LOGOUT":
                return


print("imap-tools", importlib.metadata.version("imap-tools"))
for order in ("text first", "UID first"):
    for unasked in (False, True):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = threading.Thread(target=serve, args=(listener, order, unasked))
            server.start()
            with MailBoxUnencrypted("127.0.0.1", listener.getsockname()[1]).login("jo", "password") as box:
                found = [(one.uid, one.subject) for one in box.fetch(bulk=True, mark_seen=False)]
            server.join()
        print(f"{order}, {'flags of message 3 come before' if unasked else 'nothing unasked'}")
        for uid, subject in found:
            print(f"  UID {uid}: {subject!r}")
PY
seen=$(venv/bin/python fetch.py)
expected="imap-tools 1.16.0
text first, nothing unasked
  UID 101: 'message 1'
  UID 102: 'message 2'
  UID 103: 'message 3'
text first, flags of message 3 come before
  UID 103: 'message 1'
  UID 101: 'message 2'
  UID 102: 'message 3'
  UID 103: ''
UID first, nothing unasked
  UID 101: 'message 1'
  UID 102: 'message 2'
  UID 103: 'message 3'
UID first, flags of message 3 come before
  UID 101: 'message 1'
  UID 102: 'message 2'
  UID 103: 'message 3'
  UID None: ''"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
