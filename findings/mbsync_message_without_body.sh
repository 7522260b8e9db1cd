#!/usr/bin/env bash
# mbsync leaves out messages that have a header and no body, and says that all went well
#
# Package:  isync 1.4.4-5 of Debian 12.
# Expected: a body is optional, and the blank line belongs to it: message = fields [CRLF body] (RFC 5322, section
#           3.5). Messages that end with their header are brought over as others are; what is not brought over makes
#           the run one that failed.
# Seen:     "Warning: message 1 from far side has incomplete header; skipping.", exit status 0. The message is
#           not tried again: the next run says nothing, and ends with 0 as well.
# Matters:  reminders, receipts and mail of machines that consists of a Subject are missing in a mailbox that is said
#           to be in step, or in the one that is kept when the old server is given up.
set -euo pipefail
for tool in apt-get dpkg-deb; do command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12)."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq isync=1.4.4-5 libsasl2-2 libdb5.3 libssl3
for deb in ./*.deb; do dpkg-deb -x "$deb" .; done

mkdir -p {one,two}/INBOX/{cur,new,tmp}
printf 'From: a@example.org\nSubject: header only\nDate: Mon, 5 Jan 2026 09:00:00 +0000\n' >one/INBOX/cur/1.a.b:2,S
printf 'From: a@example.org\nSubject: with body\nDate: Mon, 5 Jan 2026 09:00:00 +0000\n\nx\n' >one/INBOX/cur/2.a.b:2,S
cat >rc <<RC
MaildirStore one
Inbox $tmp/one/INBOX

MaildirStore two
Inbox $tmp/two/INBOX

Channel both
Far :one:
Near :two:
SyncState $tmp/state
RC
mbsync() { LD_LIBRARY_PATH=$(echo "$tmp"/usr/lib/*-linux-gnu) HOME=$tmp "$tmp/usr/bin/mbsync" -c rc -q both 2>&1; }
seen="mbsync $(LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu) usr/bin/mbsync --version | cut -d' ' -f2)
$(mbsync; echo "status $?")
$(mbsync; echo "status $?")
$(sed -n 's/^Subject: //p' two/INBOX/*/*)"
expected='mbsync 1.4.4
Warning: message 1 from far side has incomplete header; skipping.
status 0
status 0
with body'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
