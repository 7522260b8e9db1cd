#!/usr/bin/env bash
# Dovecot's ENVELOPE puts a blank before a Message-ID that stands below the name of its field
#
# Package:  Dovecot 2.3.19.1, as Debian 12 has it (dovecot-core, dovecot-imapd 1:2.3.19.1+dfsg1-2.1+deb12u7).
# Expected: "Message-ID:", a line end, a blank and the id is how senders fold it where the id is long; the blank is
#           white space that belongs to the folding and not to the id (RFC 5322, sections 2.2.3 and 3.6.4). ENVELOPE
#           tells "<id>" as it does for one that stands on one line; so it does for a Subject that is folded so.
# Seen:     Message-ID and In-Reply-To are told as " <id>", with the blank; the Subject without.
# Matters:  the ids of ENVELOPE are compared and looked up: by programs that thread messages, skip what they have
#           already, or file replies. One that stands on one line here and below there is not the same to them.
set -euo pipefail
for tool in apt-get dpkg-deb; do command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12)."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
version=1:2.3.19.1+dfsg1-2.1+deb12u7
apt-get -o APT::Sandbox::User=root download -qq dovecot-core=$version dovecot-imapd=$version
for deb in ./*.deb; do dpkg-deb -x "$deb" .; done

mkdir -p mail/new mail/cur mail/tmp run
printf 'Message-ID: <1@example.org>\nIn-Reply-To: <0@example.org>\nSubject: one line\n\nx\n' >mail/cur/1:2,
printf 'Message-ID:\n <1@example.org>\nIn-Reply-To:\n <0@example.org>\nSubject:\n folded\n\nx\n' >mail/cur/2:2,
# Mail is not read as root: imap then becomes nobody.
user=$(id -u) group=$(id -g)
if [ "$user" = 0 ]; then
  user=65534 group=65534
  chmod 755 . && chown -R "$user:$group" mail
fi
said=$(printf 'a SELECT INBOX\r\nb FETCH 1:2 ENVELOPE\r\nc LOGOUT\r\n' |
  USER=reader HOME=$tmp/mail LD_LIBRARY_PATH=$tmp/usr/lib/dovecot "$tmp/usr/lib/dovecot/imap" -O -o base_dir="$tmp/run" \
    -o mail_uid="$user" -o mail_gid="$group" -o first_valid_uid=1 -o mail_location="maildir:$tmp/mail" 2>log |
  tr -d '\r' | sed -n '/FETCH (/,/))$/p')
seen="dovecot-imapd $(dpkg-deb -f dovecot-imapd*.deb Version)
$said"
expected='dovecot-imapd 1:2.3.19.1+dfsg1-2.1+deb12u7
* 1 FETCH (ENVELOPE (NIL "one line" NIL NIL NIL NIL NIL NIL "<0@example.org>" "<1@example.org>"))
* 2 FETCH (ENVELOPE (NIL {6}
folded NIL NIL NIL NIL NIL NIL " <0@example.org>" " <1@example.org>"))'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; cat log; exit 1; }
