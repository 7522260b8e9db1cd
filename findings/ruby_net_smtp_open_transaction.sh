#!/usr/bin/env bash
# Ruby net-smtp goes on with MAIL after a refused recipient, without RSET
#
# Package:  net-smtp 0.3.1, as Debian 12 has it (libruby3.1 3.1.7+really3.1.2-0+deb12u1).
# Expected: a transaction that MAIL opened stays open when RCPT is refused, and a second MAIL within it is out
#           of order: 503 (RFC 5321, sections 3.3 and 4.1.4). A library that gives a message up ends the
#           transaction with RSET, as Python's smtplib does.
# Seen:     send_message raises for the refused recipient and leaves the transaction open; the next
#           send_message on the connection is answered 503 and raises too. A program that goes on sending gets
#           503 for every message after one that had a bad address.
# Matters:  a mailing job that catches the error of one address loses all that follow, with a reply that names
#           none of them. Call `rset` in the rescue, or make a connection for each message.
set -euo pipefail
for tool in ruby apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12 or Debian's packages)."; exit 1; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq libruby3.1=3.1.7+really3.1.2-0+deb12u1
dpkg-deb -x ./*.deb .
export RUBYLIB="$tmp/usr/lib/ruby/gems/3.1.0/gems/net-smtp-0.3.1/lib"

cat >send.rb <<'RUBY'
require "socket"
require "net/smtp"

class Transaction
  def initialize = @open = false

  def reply(line)
    case line
    when /\AMAIL/ then @open ? "503 5.5.1 a transaction is open" : (@open = true) && "250 ok"
    when /\ARCPT TO:<gone/ then "550 5.1.1 no such user"
    when "RSET", "." then (@open = false) || "250 ok"
    when "DATA" then "354 go on"
    else "250 ok"
    end
  end
end

def receive(peer, wire)
  transaction = Transaction.new
  content = false
  peer.write("220 sink\r\n")
  while (line = peer.gets("\r\n", chomp: true))
    next if content && line != "."
    reply = transaction.reply(line)
    content = reply.start_with?("354")
    wire << "#{line}  ->  #{reply}" unless line.match?(/\A(EHLO|QUIT)/)
    peer.write("#{reply}\r\n")
  end
end

def send_each(smtp, recipients, after_refusal)
  recipients.each do |recipient|
    smtp.send_message("Subject: hello\r\n\r\nhello\r\n", "a@example.org", recipient)
    puts "#{recipient}: sent"
  rescue Net::SMTPError => error
    puts "#{recipient}: #{error.message.strip}"
    after_refusal&.call(smtp)
  end
end

def session(title, &after_refusal)
  listener = TCPServer.new("127.0.0.1", 0)
  wire = []
  sink = Thread.new { receive(listener.accept, wire) }
  puts title
  Net::SMTP.start("127.0.0.1", listener.addr[1], helo: "client.example.org") do |smtp|
    send_each(smtp, %w[here@example.org gone@example.org next@example.org last@example.org], after_refusal)
  end
  sink.join
  puts wire.map { |line| "  #{line}" } unless after_refusal
end

puts "net-smtp #{Net::SMTP::VERSION}"
session("as it is:")
session("with rset in the rescue:") { |smtp| smtp.rset }
RUBY
seen=$(ruby send.rb)
expected='net-smtp 0.3.1
as it is:
here@example.org: sent
gone@example.org: 550 5.1.1 no such user
next@example.org: 503 5.5.1 a transaction is open
last@example.org: 503 5.5.1 a transaction is open
  MAIL FROM:<a@example.org>  ->  250 ok
  RCPT TO:<here@example.org>  ->  250 ok
  DATA  ->  354 go on
  .  ->  250 ok
  MAIL FROM:<a@example.org>  ->  250 ok
  RCPT TO:<gone@example.org>  ->  550 5.1.1 no such user
  MAIL FROM:<a@example.org>  ->  503 5.5.1 a transaction is open
  MAIL FROM:<a@example.org>  ->  503 5.5.1 a transaction is open
with rset in the rescue:
here@example.org: sent
gone@example.org: 550 5.1.1 no such user
next@example.org: sent
last@example.org: sent'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
