#!/usr/bin/env bash
# Dovecot ignores the zone before the year of a From line, and the line if its hour has one digit
#
# Package:  Dovecot 2.3.19.1, as Debian 12 has it (dovecot-core 1:2.3.19.1+dfsg1-2.1+deb12u7).
# Expected: an mbox is cut at its From lines; what follows the sender is a date as asctime writes it (RFC 4155,
#           appendix A), in the wild with a zone before or behind the year and with hours of one digit. A zone
#           that a reader lets pass counts; what may be a From line and is not taken for one is worth a warning.
# Seen:     "09:30:00 2025 -0800" is 17:30 UTC, but "09:30:00 -0800 2025" is 09:30 UTC: eight hours off.
#           "9:36:11 2025", padded with a blank or not, is no From line: the message, and its header section,
#           becomes the end of the one before. Nothing is logged.
# Matters:  an archive that is moved through Dovecot (doveadm import, dsync, IMAP) comes out with fewer messages
#           and with wrong dates; counting From lines before and messages after is the only alarm.
set -euo pipefail
for tool in apt-get dpkg-deb; do command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12)."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq dovecot-core=1:2.3.19.1+dfsg1-2.1+deb12u7
dpkg-deb -x ./*.deb .

mkdir mail run
while IFS='|' read -r name date; do
  printf 'From a@example.org %s\nSubject: %s\n\n%s\n\n' "$date" "$name" "$name"
done >mail/inbox <<'MBOX'
no zone|Fri Apr 11 09:30:00 2025
zone behind|Fri Apr 11 09:30:00 2025 -0800
zone before|Fri Apr 11 09:30:00 -0800 2025
padded hour|Fri Apr 11  9:36:11 2025
short hour|Fri Apr 11 9:36:11 2025
last|Fri Apr 11 10:00:00 2025
MBOX

# Mail is not read as root: doveadm then becomes nobody.
user=$(id -u) group=$(id -g)
if [ "$user" = 0 ]; then
  user=65534 group=65534
  chmod 755 . && chown -R "$user:$group" mail
fi
doveadm() {
  USER=reader TZ=UTC HOME=$tmp/mail LD_LIBRARY_PATH=$tmp/usr/lib/dovecot "$tmp/usr/bin/doveadm" -O -o base_dir="$tmp/run" \
    -o mail_uid="$user" -o mail_gid="$group" -o first_valid_uid=1 -o mail_location="mbox:$tmp/mail:INBOX=$tmp/mail/inbox" "$@"
}
seen="dovecot-core $(dpkg-deb -f ./*.deb Version)
6 From lines, $(doveadm fetch uid all 2>log | grep -c '^uid:') messages, $(wc -l <log) lines logged
$(doveadm -f tab fetch 'uid date.received size.physical hdr.subject' all 2>/dev/null)"
expected='dovecot-core 1:2.3.19.1+dfsg1-2.1+deb12u7
6 From lines, 4 messages, 0 lines logged
uid	date.received	size.physical	hdr.subject
1	2025-04-11 09:30:00	26	no zone
2	2025-04-11 17:30:00	34	zone behind
3	2025-04-11 09:30:00	189	zone before
4	2025-04-11 10:00:00	20	last'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
