#!/usr/bin/env bash
# Three readers of bounces see none where the recipient's address is not ASCII
#
# Package:  flufl.bounce 6.0.0 (PyPI); Sisimai 4.25.15 and Mail::DeliveryStatus::BounceParser 1.543, as Debian 12 has
#           them (libsisimai-perl 4.25.15-1, libmail-deliverystatus-bounceparser-perl 1.543+repacked-1).
# Expected: the report names such a recipient by the address type utf-8, as it is in message/global-delivery-status, and
#           with \x{…} for what is not ASCII in message/delivery-status, for senders without SMTPUTF8 (RFC 6533,
#           sections 3 and 4). Both tell of a failure as any other report does.
# Seen:     flufl.bounce and Sisimai find nothing in either form, and do so without an error: they know rfc822 addresses
#           alone, and message/delivery-status alone. BounceParser reads the ASCII form, and hands the address out as
#           it is written there; of the other it says that it is a bounce, of nobody.
# Matters:  mailing lists and newsletters go on writing to dead addresses of that kind for ever: no count of bounces
#           rises and no list of suppressed addresses gets an entry, while those of ASCII are cared for.
set -euo pipefail
python3 -m pip --version >/dev/null 2>&1 || { echo "This needs python3 with pip."; exit 1; }
for tool in perl apt-get dpkg-deb; do command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12)."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-cache-dir flufl.bounce==6.0.0
apt-get -o APT::Sandbox::User=root download -qq libsisimai-perl=4.25.15-1 \
  libmail-deliverystatus-bounceparser-perl=1.543+repacked-1 libclass-accessor-lite-perl libconvert-binhex-perl \
  libjson-perl libmailtools-perl libmime-tools-perl libtimedate-perl
for package in ./*.deb; do dpkg-deb -x "$package" .; done

report() { # FILE TYPE RECIPIENT
  cat >"$1" <<REPORT
From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: <news@example.org>
Subject: Your message was not delivered
Date: Mon, 5 Jan 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

Your message was not delivered.

--b
Content-Type: message/$2
Content-Transfer-Encoding: 8bit

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 5 Jan 2026 08:59:59 +0000

Final-Recipient: $3
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user

--b
Content-Type: text/rfc822-headers

From: <news@example.org>
Subject: News
Message-ID: <1@example.org>

--b--
REPORT
}
report 1-plain delivery-status 'rfc822; jurgen@example.net'
report 2-written-in-ascii delivery-status 'utf-8; j\x{FC}rgen@example.net'
report 3-as-it-is global-delivery-status 'utf-8; jürgen@example.net'

cat >read.py <<'PY'
import email
import importlib.metadata
import sys

from flufl.bounce import all_failures

print("flufl.bounce", importlib.metadata.version("flufl.bounce"))
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        temporary, permanent = all_failures(email.message_from_binary_file(file))
    print(f"  {name}:", ", ".join(sorted(one.decode() for one in temporary | permanent)) or "nobody")
PY
cat >sisimai.pl <<'PERL'
use strict;
use warnings;
use Sisimai;

print "Sisimai ", Sisimai->version, "\n";
for my $name (@ARGV) {
    my $found = Sisimai->make($name) || [];
    print "  $name: ", join(", ", map { $_->recipient->address } @$found) || "nobody", "\n";
}
PERL
cat >parser.pl <<'PERL'
use strict;
use warnings;
use Mail::DeliveryStatus::BounceParser;

print "BounceParser $Mail::DeliveryStatus::BounceParser::VERSION\n";
for my $name (@ARGV) {
    open my $file, "<", $name or die;
    my $bounce = Mail::DeliveryStatus::BounceParser->new($file);
    my $of = join ", ", map { $_->get("email") } $bounce->reports;
    print "  $name: ", $bounce->is_bounce ? "a bounce of " : "no bounce ", $of || "nobody", "\n";
}
PERL
export PERL5LIB=$tmp/usr/share/perl5
seen=$(venv/bin/python read.py [123]-* && perl sisimai.pl [123]-* && perl parser.pl [123]-*) 2>warnings ||
  { cat warnings; exit 1; }
expected='flufl.bounce 6.0.0
  1-plain: jurgen@example.net
  2-written-in-ascii: nobody
  3-as-it-is: nobody
Sisimai 4.25.15
  1-plain: jurgen@example.net
  2-written-in-ascii: nobody
  3-as-it-is: nobody
BounceParser 1.543
  1-plain: a bounce of jurgen@example.net
  2-written-in-ascii: a bounce of j\x{FC}rgen@example.net
  3-as-it-is: a bounce of nobody'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
