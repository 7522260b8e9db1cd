#!/usr/bin/env bash
# GNU Mailutils takes the message behind one without a body for its text, and writes the file so
#
# Package:  GNU Mailutils 3.15, as Debian 12 has it (mailutils, libmailutils9 1:3.15-4).
# Expected: a body is optional, and the blank line in front of it belongs to it (RFC 5322, section 3.5). In an mbox an
#           empty line ends each message, and the next line begins with "From " (RFC 4155, appendix A): a message that
#           ends with its header has one empty line behind it, and the next one begins there.
# Seen:     the From line behind it is no boundary: two messages are counted as one, and the second, header and all, is
#           the text of the first. Who lists the mailbox by `mail -H` has the file written anew, with ">" before that
#           From line: Python's mailbox does not find the second message then any more, though it did before.
# Matters:  reminders and notices of machines often are a Subject alone. The next message is lost by looking at the
#           mailbox, without a word; counting From lines before and after is the only alarm.
set -euo pipefail
for tool in apt-get dpkg-deb python3; do command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12)."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
# with what they need and a machine may not have
apt-get -o APT::Sandbox::User=root download -qq mailutils=1:3.15-4 libmailutils9=1:3.15-4 \
  libfribidi0 libgsasl18 libgssglue1 libmariadb3 libntlm0 libpq5
for package in ./*.deb; do dpkg-deb -x "$package" .; done
LD_LIBRARY_PATH=$(dirname "$(find . -name 'libmailutils.so.9' -print -quit)")
export LD_LIBRARY_PATH HOME=$tmp LC_ALL=C

written() { # FILE TEXT-OF-THE-FIRST
  printf 'From a@example.org Mon Jan  5 09:00:00 2026\nSubject: first\n%b\nFrom b@example.org Mon Jan  5 09:00:01 2026\nSubject: second\n\ntext\n\n' "$2" >"$1"
}
others() { # how many messages another reader finds
  python3 -c 'import mailbox, sys; print(len(mailbox.mbox(sys.argv[1])))' "$1"
}
look() { # FILE
  echo "  before: Mailutils counts $(usr/bin/messages.mailutils -q "$1"), Python's mailbox $(others "$1")"
  usr/bin/mail.mailutils -n -f "$1" -H >list
  echo "  mail -H lists $(grep -c . list)"
  echo "  after:  Mailutils counts $(usr/bin/messages.mailutils -q "$1"), Python's mailbox $(others "$1")"
  grep -n 'From b@' "$1" | sed 's/^[0-9]*:/  /; s/ Mon .*//'
}
written with '\ntext\n'
written without ''
seen=$(usr/bin/mail.mailutils --version | sed -n "1s/.*(\(.*\)).*\( .*\)/\1\2/p"
  echo "the first message has a body:"
  look with
  echo "the first message has none:"
  look without)
expected="GNU Mailutils 3.15
the first message has a body:
  before: Mailutils counts 2, Python's mailbox 2
  mail -H lists 2
  after:  Mailutils counts 2, Python's mailbox 2
  From b@example.org
the first message has none:
  before: Mailutils counts 1, Python's mailbox 2
  mail -H lists 1
  after:  Mailutils counts 1, Python's mailbox 1
  >From b@example.org"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
