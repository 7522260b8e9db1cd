#!/usr/bin/env bash
# Mail::Sendmail breaks AUTH PLAIN after 76 characters
#
# Package:  Mail::Sendmail 0.80 (Perl), as Debian 12 has it (libmail-sendmail-perl 0.80-3).
# Expected: the initial response of AUTH is base64 in the command's one line (RFC 4954, section 4), without
#           line breaks (RFC 4648, section 3.1).
# Seen:     it is broken as for a MIME body, and the rest is a line of its own: the server reads a login that
#           is cut short (535) and then a command that it does not know (500). The name is in it twice, so the
#           limit is 57 octets for twice the name, the password and two zeros.
# Matters:  a short password works and its longer successor does not; the error says that the password is
#           wrong, and trying again may get the address blocked. AUTH LOGIN works.
set -euo pipefail
for tool in perl apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12 or Debian's packages)."; exit 1; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq libmail-sendmail-perl=0.80-3
dpkg-deb -x ./*.deb .

cat >send.pl <<'PERL'
use strict;
use warnings;
use IO::Socket::INET;
use MIME::Base64;
use Mail::Sendmail;

my ($listener, $name) = (IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1"), 'newsletter@example.org');
$| = 1;

sub reply_to {
    my ($line, $password) = @_;
    return "250-sink\r\n250 AUTH PLAIN" if $line =~ /^EHLO/;
    return decode_base64($1) eq "$name\0$name\0$password" ? "235 welcome" : "535 wrong"
        if $line =~ /^AUTH PLAIN (.*)/;
    return "354 go on" if $line eq "DATA";
    return $line =~ /^(MAIL|RCPT|RSET|QUIT|\.$)/ ? "250 ok" : "500 unknown command";
}

sub serve {
    my ($password) = @_;
    my ($peer, $content) = (scalar $listener->accept, 0);
    print $peer "220 sink\r\n";
    while (defined(my $line = <$peer>)) {
        $line =~ s/\r\n$//;
        next if $content && $line ne ".";
        my $reply = reply_to($line, $password);
        $content = $reply =~ /^354/;
        printf "  %-12.12s(%d characters)  ->  %s\n", $line, length $line, $reply if $reply =~ /^(235|5)/;
        print $peer "$reply\r\n";
    }
}

print "Mail::Sendmail $Mail::Sendmail::VERSION\n";
for my $password ("ten chars.", "twelve chars") {
    print length $password, " characters of password:\n";
    my $child = fork // die "fork";
    if (!$child) { serve($password); exit }
    my $sent = sendmail(
        From => 'newsletter@example.org', To => 'b@example.org', Subject => "hello", Message => "hello",
        Smtp => "127.0.0.1:" . $listener->sockport,
        Auth => { user => $name, password => $password, method => "PLAIN", required => 1 },
    );
    my ($error) = split /\n/, $sent ? "" : $Mail::Sendmail::error;
    waitpid $child, 0;
    print $sent ? "  sent\n" : "  not sent: $error\n";
}
PERL
seen=$(PERL5LIB=usr/share/perl5 perl send.pl 2>warnings) || { cat warnings; exit 1; }
expected='Mail::Sendmail 0.80
10 characters of password:
  AUTH PLAIN b(87 characters)  ->  235 welcome
  sent
12 characters of password:
  AUTH PLAIN b(87 characters)  ->  535 wrong
  cw==        (4 characters)  ->  500 unknown command
  not sent: AUTH PLAIN failed: 535 wrong'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
