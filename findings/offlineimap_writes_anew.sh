#!/usr/bin/env bash
# OfflineIMAP writes the messages that it copies anew: signed parts are no longer what was signed
#
# Package:  offlineimap3 0.0~git20211018.e64c254+dfsg-2 of Debian 12 (it calls itself 8.0.0), python3-imaplib2 2.57-5.2.
# Expected: a message comes over octet by octet. What multipart/signed holds must not be altered by anybody on the way
#           (RFC 1847, section 2.1).
# Seen:     each message is read by Python's parser and written anew. "Subject:x" becomes "Subject: x", in the header
#           of the message and of parts of multipart/signed alike; a field whose value begins below its name gets a
#           blank behind the colon; blanks behind a boundary go; a message that ends with "--b--" gets a line end.
#           Valid messages, all of them; nothing is said.
# Matters:  signatures of PGP/MIME and S/MIME, and those of DKIM with simple canonicalization, no longer fit in the
#           copy, while they do in the original; sizes and hashes differ.
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
from difflib import ndiff

HEAD = b"From: a@example.org\r\nDate: Mon, 5 Jan 2026 09:00:00 +0000\r\n"
SIGNED = b'Content-Type: multipart/signed; boundary="b"; micalg="pgp-sha256"; protocol="application/pgp-signature"\r\n\r\n'
LETTERS = {
    "plain": HEAD + b"Subject: x\r\n\r\nplain\r\n",
    "no blank": HEAD + b"Subject:x\r\n\r\nno blank\r\n",
    "value below": HEAD + b"Message-ID:\r\n <1@example.org>\r\n\r\nvalue below\r\n",
    "signed": HEAD + SIGNED + b"--b  \r\nContent-Type:text/plain\r\n\r\nsigned\r\n--b\r\n"
    b"Content-Type: application/pgp-signature\r\n\r\n(the signature)\r\n--b--",
}


class Server(socketserver.StreamRequestHandler):
    """One folder, enough IMAP to be synchronised. It prints where what it is given differs from the original."""

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
                self.compare(folder[-1][0])
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

    def compare(self, text):
        name = next(name for name in LETTERS if f"\r\n{name}\r\n".encode() in text)
        lines = [one.decode().splitlines(keepends=True) for one in (LETTERS[name], text)]
        changes = [repr(line) for line in ndiff(*lines) if line[0] in "-+"]
        print(f"{name}: {' '.join(changes) or 'as it was'}", flush=True)

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")


config = f"[general]\naccounts = both\nmetadata = {sys.argv[1]}/meta\n" \
         "[Account both]\nlocalrepository = local\nremoterepository = remote\n"
for name in ("local", "remote"):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server)
    server.daemon_threads, server.name = True, name
    server.folder = [(text, "07-Nov-2025 08:00:00 +0000") for text in LETTERS.values()] if name == "local" else []
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
expected="offlineimap 8.0.0
no blank: '- Subject:x\r\n' '+ Subject: x\r\n'
offlineimap ended with 0
plain: as it was
signed: '- --b  \r\n' '+ --b\r\n' '- Content-Type:text/plain\r\n' '+ Content-Type: text/plain\r\n' '- --b--' '+ --b--\r\n'
value below: '- Message-ID:\r\n' '+ Message-ID: \r\n'"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
