#!/usr/bin/env bash
# Mail::DeliveryStatus::BounceParser finds no bounce where another recipient was served or is delayed
#
# Package:  Mail::DeliveryStatus::BounceParser 1.543, as Debian 12 has it (libmail-deliverystatus-bounceparser-perl
#           1.543+repacked-1).
# Expected: one report may tell of several recipients, each with an action of its own: failed, delayed, delivered,
#           relayed, expanded (RFC 3464, sections 2.1 and 2.3.3), in the lines with CRLF that mail is made of (RFC 5322,
#           section 2.1). A failure is a failure, whatever became of the others.
# Seen:     where one of two recipients is delayed, delivered or relayed, is_bounce says no, and no recipient behind
#           that one is looked at: the unknown user is lost. Given the same text with CRLF, only the first recipient
#           is ever looked at: of two that failed one is reported.
# Matters:  addresses that do not exist go on being written to, as soon as a sender asks for reports of success, or its
#           server tells of several recipients at once. With CRLF (a file from IMAP, POP3 or an API) this comes to
#           all but the first recipient of each report.
set -euo pipefail
for tool in perl apt-get dpkg-deb; do command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12)."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq libmail-deliverystatus-bounceparser-perl=1.543+repacked-1 \
  libconvert-binhex-perl libmailtools-perl libmime-tools-perl libtimedate-perl
for package in ./*.deb; do dpkg-deb -x "$package" .; done

cat >read.pl <<'PERL'
use strict;
use warnings;
use Mail::DeliveryStatus::BounceParser;

sub group {
    my ($action, $name) = @_;
    my ($status, $reply) = $action eq "failed" ? ("5.1.1", "550 5.1.1 No such user")
        : $action eq "delayed" ? ("4.2.1", "451 4.2.1 Try again later")
        : ("2.0.0", "250 2.0.0 Ok");
    return "Final-Recipient: rfc822; $name\@example.net\nAction: $action\nStatus: $status\n"
        . "Diagnostic-Code: smtp; $reply\n";
}

sub report {
    my ($one, $two) = @_;
    my $groups = join "\n", group($one, "ann"), $two ? group($two, "bob") : ();
    return <<"REPORT";
From: Mail Delivery System <MAILER-DAEMON\@mx.example>
To: <news\@example.org>
Subject: Your message was not delivered
Date: Mon, 5 Jan 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

Your message was not delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 5 Jan 2026 08:59:59 +0000

$groups
--b
Content-Type: text/rfc822-headers

From: <news\@example.org>
Subject: News
Message-ID: <1\@example.org>

--b--
REPORT
}

sub told {
    my $bounce = Mail::DeliveryStatus::BounceParser->new(@_);
    my @told = map { $_->get("email") . " " . $_->get("std_reason") } $bounce->reports;
    return ($bounce->is_bounce ? "a bounce: " : "no bounce: ") . (join(", ", @told) || "nobody");
}

print "BounceParser $Mail::DeliveryStatus::BounceParser::VERSION\n";
for my $actions (["failed"], ["failed", "failed"], ["failed", "delayed"], ["delayed", "failed"], ["delivered", "failed"],
    ["relayed", "failed"]) {
    my $text = report(@$actions);
    print join(" and ", @$actions), "\n  LF:   ", told($text), "\n";
    $text =~ s/\n/\r\n/g;
    print "  CRLF: ", told($text), "\n";
}
PERL
seen=$(PERL5LIB=usr/share/perl5 perl read.pl 2>warnings) || { cat warnings; exit 1; }
expected='BounceParser 1.543
failed
  LF:   a bounce: ann@example.net user_unknown
  CRLF: a bounce: ann@example.net user_unknown
failed and failed
  LF:   a bounce: ann@example.net user_unknown, bob@example.net user_unknown
  CRLF: a bounce: ann@example.net user_unknown
failed and delayed
  LF:   no bounce: ann@example.net user_unknown
  CRLF: a bounce: ann@example.net user_unknown
delayed and failed
  LF:   no bounce: nobody
  CRLF: no bounce: nobody
delivered and failed
  LF:   no bounce: nobody
  CRLF: no bounce: nobody
relayed and failed
  LF:   no bounce: nobody
  CRLF: no bounce: nobody'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
