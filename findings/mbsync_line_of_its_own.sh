#!/usr/bin/env bash
# mbsync leaves a line of its own in each message that it copies
#
# Package:  isync 1.4.4-5 of Debian 12.
# Expected: a program that synchronises mailboxes brings messages over as they are; its manual says nothing else. A
#           mark that it needs to find a message again is not needed where the other side tells the UID of what it
#           was given (UIDPLUS, RFC 4315; a Maildir), or is taken away again.
# Seen:     each message that was copied has a line "X-TUID: twelve characters" at the end of its header, or where a
#           message had a field of that name, in its place: the message's own value is gone. This is so between
#           Maildirs and between IMAP servers with UIDPLUS (tried with Dovecot 2.3.19.1) alike.
# Matters:  sizes and hashes differ between two mailboxes that are in step; who compares them, or looks for doubles by
#           the text, finds that every message was altered.
set -euo pipefail
for tool in apt-get dpkg-deb; do command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12)."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq isync=1.4.4-5 libsasl2-2 libdb5.3 libssl3
for deb in ./*.deb; do dpkg-deb -x "$deb" .; done

mkdir -p {one,two}/INBOX/{cur,new,tmp}
printf 'From: a@example.org\nSubject: plain\nDate: Mon, 5 Jan 2026 09:00:00 +0000\n\nx\n' >one/INBOX/cur/1.a.b:2,S
printf 'From: a@example.org\nX-TUID: mine\nDate: Mon, 5 Jan 2026 09:00:00 +0000\n\nx\n' >one/INBOX/cur/2.a.b:2,S
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
export HOME=$tmp
mbsync() { LD_LIBRARY_PATH=$(echo "$tmp"/usr/lib/*-linux-gnu) "$tmp/usr/bin/mbsync" "$@"; }
mbsync -c rc -q both
seen="mbsync $(mbsync --version | cut -d' ' -f2)
$(for n in 1 2; do diff one/INBOX/cur/$n.* <(cat two/INBOX/*/*U=$n:*) | sed -E 's/(X-TUID: )[A-Za-z0-9+\/]{12}$/\1(12 characters)/' || true; done)"
expected='mbsync 1.4.4
3a4
> X-TUID: (12 characters)
2c2
< X-TUID: mine
---
> X-TUID: (12 characters)'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
