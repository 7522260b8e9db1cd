#!/usr/bin/env bash
# Sisimai gives the failure of an address with a blank in it to the recipient before, or to the postmaster
#
# Package:  Sisimai 4.25.15, as Debian 12 has it (libsisimai-perl 4.25.15-1).
# Expected: each group of fields of a delivery status tells of the recipient that its Final-Recipient names (RFC 3464,
#           section 2.3). A local part may be a quoted string with a blank in it: "john smith"@example.net (RFC 5321,
#           section 4.1.2). A reader that can't take such an address leaves its group out.
# Seen:     the group is taken for a further part of the one before. Ann, whose mailbox was full, is reported as an
#           unknown user. Where it is the only one, an address that begins a line of the text for people is reported as
#           the unknown user: here the postmaster, who may be asked.
# Matters:  who suppresses addresses by these results stops writing to a customer whose mailbox was full for a day, or
#           to a postmaster; and the address that does not exist goes on being written to.
set -euo pipefail
for tool in perl apt-get dpkg-deb; do command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12)."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq libsisimai-perl=4.25.15-1 libclass-accessor-lite-perl libjson-perl
for package in ./*.deb; do dpkg-deb -x "$package" .; done

cat >read.pl <<'PERL'
use strict;
use warnings;
use Sisimai;

my %group = (
    quoted => "Final-Recipient: rfc822; \"john smith\"\@example.net\nAction: failed\nStatus: 5.1.1\n"
        . "Diagnostic-Code: smtp; 550 5.1.1 No such user\n",
    ann => "Final-Recipient: rfc822; ann\@example.net\nAction: failed\nStatus: 5.2.2\n"
        . "Diagnostic-Code: smtp; 552 5.2.2 Mailbox full\n",
);

sub report {
    my $groups = join "\n", map { $group{$_} } @_;
    return <<"REPORT";
From MAILER-DAEMON Mon Jan  5 09:00:00 2026
From: Mail Delivery System <MAILER-DAEMON\@mx.example>
To: <news\@example.org>
Subject: Your message was not delivered
Date: Mon, 5 Jan 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

Your message was not delivered. If you have questions, write to
postmaster\@mx.example.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 5 Jan 2026 08:59:59 +0000

$groups
--b
Content-Type: text/rfc822-headers

From: <news\@example.org>
To: <readers\@example.net>
Subject: News
Message-ID: <1\@example.org>

--b--
REPORT
}

print "Sisimai ", Sisimai->version, "\n";
for my $recipients (["ann"], ["ann", "quoted"], ["quoted", "ann"], ["quoted"]) {
    my $text = report(@$recipients);
    my $found = Sisimai->make(\$text) || [];
    my @told = map { $_->recipient->address . " " . $_->reason } @$found;
    printf "%-10s  ->  %s\n", join("+", @$recipients), join(", ", @told) || "nothing";
}
PERL
seen=$(PERL5LIB=usr/share/perl5 perl read.pl 2>warnings) || { cat warnings; exit 1; }
expected='Sisimai 4.25.15
ann         ->  ann@example.net mailboxfull
ann+quoted  ->  ann@example.net userunknown
quoted+ann  ->  ann@example.net mailboxfull
quoted      ->  postmaster@mx.example userunknown'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
