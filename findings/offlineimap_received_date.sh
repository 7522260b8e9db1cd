#!/usr/bin/env bash
# OfflineIMAP between two IMAP servers keeps the date of arrival in one direction, and replaces it in the other
#
# Package:  offlineimap3 0.0~git20211018.e64c254+dfsg-2 of Debian 12 (it calls itself 8.0.0), python3-imaplib2 2.57-5.2.
# Expected: a message that is copied keeps its INTERNALDATE (RFC 3501, sections 2.3.3 and 6.3.11), whichever of the
#           two repositories it comes from; OfflineIMAP asks for INTERNALDATE on both.
# Seen:     from the remote repository to the local one APPEND has the INTERNALDATE of the original. From the local
#           one to the remote APPEND has the date that the message's header names in Date: whatever its sender wrote.
#           Nothing is said of it. (The list of the local repository, when that is IMAP, answers no date at all.)
# Matters:  old mail that is moved by it is sorted, searched (SINCE) and expired by a date that strangers choose, and
#           two mailboxes that are said to be in step differ.
set -euo pipefail
for tool in apt-get dpkg-deb /usr/bin/python3; do
  command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12)."; exit 1; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq offlineimap3=0.0~git20211018.e64c254+dfsg-2 python3-imaplib2=2.57-5.2 \
  python3-distro
for deb in ./*.deb; do dpkg-deb -x "$deb" .; done

cat >both.py <<'PYTHON'
import re
import socketserver
import subprocess
import sys
import threading

LETTER = b"Subject: from %s\r\nDate: Mon, 5 Jan 2026 09:00:00 +0000\r\n\r\nHello\r\n"


class Server(socketserver.StreamRequestHandler):
    """One folder, enough IMAP to be synchronised. It prints the date that an APPEND names."""

    def handle(self):
        self.say("* OK ready")
        for line in self.rfile:
            tag, command = line.decode().rstrip().split(" ", 1)
            command, folder = command.upper(), self.server.folder
            if "{" in command:
                date, size = re.search(r'"(\d[^"]*)" \{(\d+)\}', command).groups()
                self.say("+ go on")
                folder.append((self.rfile.read(int(size)), date))
                self.rfile.readline()
                print(f"{self.server.name} was given a letter of {date}", flush=True)
                self.say(f"{tag} OK [APPENDUID 7 {len(folder)}] done")
                continue
            if command.startswith("LIST"):
                self.say('* LIST () "/" INBOX' if "*" in command or "%" in command else '* LIST (\\Noselect) "/" ""')
            elif command.startswith("CAPABILITY"):
                self.say("* CAPABILITY IMAP4rev1 UIDPLUS")
            elif command.startswith(("SELECT", "EXAMINE")):
                self.say(f"* {len(folder)} EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT {len(folder) + 1}] .")
            elif command.startswith("FETCH"):
                for n, (_, date) in enumerate(folder, 1):
                    self.say(f'* {n} FETCH (FLAGS () UID {n} INTERNALDATE "{date}")')
            elif command.startswith("UID FETCH"):
                n = int(command.split()[2])
                text = folder[n - 1][0]
                self.say(f"* {n} FETCH (UID {n} BODY[] {{{len(text)}}}\r\n{text.decode()})")
            self.say(f"{tag} OK done")

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")


config = f"[general]\naccounts = both\nmetadata = {sys.argv[1]}/meta\n" \
         "[Account both]\nlocalrepository = local\nremoterepository = remote\n"
for name in ("local", "remote"):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server)
    server.daemon_threads, server.name = True, name
    server.folder = [(LETTER % name.encode(), "07-Nov-2025 08:00:00 +0000")]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config += f"[Repository {name}]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = {server.server_address[1]}\n" \
              "remoteuser = a\nremotepass = b\nssl = no\nstarttls = no\nauth_mechanisms = LOGIN\nmaxconnections = 1\n"
with open("rc", "w") as file:
    file.write(config)
done = subprocess.run(["/usr/bin/python3", "usr/share/offlineimap3/run", "-c", "rc", "-o", "-u", "quiet"], timeout=60)
print("offlineimap ended with", done.returncode)
PYTHON
export HOME=$tmp TZ=UTC PYTHONPATH=$tmp/usr/lib/python3/dist-packages
seen="offlineimap $(/usr/bin/python3 usr/share/offlineimap3/run --version | head -1)
$(/usr/bin/python3 both.py "$tmp" | sort)"
expected='offlineimap 8.0.0
local was given a letter of 07-NOV-2025 08:00:00 +0000
offlineimap ended with 0
remote was given a letter of 05-JAN-2026 09:00:00 +0000'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
