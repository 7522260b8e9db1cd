#!/usr/bin/env bash
# Email::MIME loses the first paragraph of a part without a header
#
# Package:  Email::MIME 1.953 with Email::Simple 2.218 (Perl), as Debian 12 has them (libemail-mime-perl 1.953-1).
# Expected: a part of a multipart may have no header: its blank line comes at once behind the delimiter, and what follows
#           is the text, in US-ASCII; so begins the example in RFC 2046, section 5.1.1. In a digest it is a message
#           (section 5.1.5).
# Seen:     the blank line is skipped, and all up to the next one is read as a header: where it is a single paragraph the
#           body is empty, where it has two the first is gone, and "Note: call back" is a field. In a digest the
#           header of the message that is in the part becomes that of the part, and it is no message.
# Matters:  programs that read what people sent in (ticket systems, mailing lists, filters) see an empty text or its
#           end alone, without an error; as_string of the part has lost it too, so that it is not there any more when
#           the part is passed on.
set -euo pipefail
for tool in perl apt-get dpkg-deb; do command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12)."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq libemail-mime-perl=1.953-1 libemail-simple-perl=2.218-1 \
  libemail-address-xs-perl libemail-date-format-perl libemail-messageid-perl libemail-mime-contenttype-perl \
  libemail-mime-encodings-perl libmime-types-perl libmodule-runtime-perl libtext-unidecode-perl
for package in ./*.deb; do dpkg-deb -x "$package" .; done
PERL5LIB=$tmp/usr/share/perl5:$(echo "$tmp"/usr/lib/*/perl5/*)
export PERL5LIB

cat >read.pl <<'PERL'
use strict;
use warnings;
use Email::MIME;

sub told {
    my ($text) = @_;
    $text =~ s/\r?\n/|/g;
    return qq{"$text"};
}

print "Email::MIME $Email::MIME::VERSION, Email::Simple $Email::Simple::VERSION\n";
my @cases = (
    ["with a header",        "mixed",  "Content-Type: text/plain\n\nYour code is 4711."],
    ["without one",          "mixed",  "\nYour code is 4711."],
    ["of two paragraphs",    "mixed",  "\nThe first.\n\nThe second."],
    ["that begins like one", "mixed",  "\nNote: call back\n\nThe second."],
    ["in a digest",          "digest", "\nSubject: inner\n\nwithin"],
);
for my $case (@cases) {
    my ($name, $kind, $part) = @$case;
    my $text = "Subject: hello\nMIME-Version: 1.0\nContent-Type: multipart/$kind; boundary=b\n\n--b\n$part\n--b--\n";
    $text =~ s/\n/\r\n/g;
    my ($found) = Email::MIME->new($text)->parts;
    my %header = $found->header_raw_pairs;
    print "a part $name: body ", told($found->body), ", fields ", join(", ", sort keys %header) || "none", "\n";
    print "  as_string ", told($found->as_string), "\n";
}
PERL
seen=$(perl read.pl 2>warnings) || { cat warnings; exit 1; }
expected='Email::MIME 1.953, Email::Simple 2.218
a part with a header: body "Your code is 4711.", fields Content-Type
  as_string "Content-Type: text/plain||Your code is 4711."
a part without one: body "", fields none
  as_string "|"
a part of two paragraphs: body "The second.", fields none
  as_string "|The second."
a part that begins like one: body "The second.", fields Note
  as_string "Note: call back||The second."
a part in a digest: body "within", fields Subject
  as_string "Subject: inner||within"'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
