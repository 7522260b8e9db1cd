#!/usr/bin/env bash
# Ruby `mail` 2.7.1 doubles a lone dot before net-smtp does
#
# Package:  mail 2.7.1 with net-smtp 0.3.1, as Debian 12 has them (ruby-mail 2.7.1+dfsg1-2).
# Expected: the sender puts one dot before each line that begins with a dot and the receiver takes one off
#           (RFC 5321, section 4.5.2): a line that is nothing but a dot arrives as one dot.
# Seen:     `mail` doubles that line, and net-smtp doubles it again: it arrives as two dots. Other lines with a
#           leading dot are doubled once, so a trial with ".profile" shows nothing.
# Matters:  ed scripts, roff and reports with such a line arrive changed, and a signature over the body breaks.
#           To the receiver it looks like a text with two dots: nothing on the way can mend it.
set -euo pipefail
for tool in ruby apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12 or Debian's packages)."; exit 1; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq ruby-mail=2.7.1+dfsg1-2 ruby-mini-mime=1.1.1-2 \
  libruby3.1=3.1.7+really3.1.2-0+deb12u1
for package in ./*.deb; do dpkg-deb -x "$package" .; done
gems=usr/share/rubygems-integration/all/gems
export RUBYLIB="$tmp/usr/lib/ruby/vendor_ruby:$tmp/$gems/mini_mime-1.1.1/lib:$tmp/usr/lib/ruby/gems/3.1.0/gems/net-smtp-0.3.1/lib"

cat >send.rb <<'RUBY'
require "socket"
require "mail"

def receive(peer)
  content = nil
  done = nil
  peer.write("220 sink\r\n")
  while (line = peer.gets("\r\n", chomp: true))
    if content
      next content << line.delete_prefix(".") if line != "."
      done, content = content, nil
    end
    content = [] if line == "DATA"
    peer.write(content ? "354 go on\r\n" : "250 ok\r\n")
    break if line == "QUIT"
  end
  done
end

listener = TCPServer.new("127.0.0.1", 0)
sink = Thread.new { receive(listener.accept) }
message = Mail.new(from: "a@example.org", to: "b@example.org", subject: "dots",
                   body: "first\r\n.\r\n..\r\n.profile\r\nlast\r\n")
message.delivery_method(:smtp, address: "127.0.0.1", port: listener.addr[1], enable_starttls_auto: false)
message.deliver
arrived = sink.value
puts "mail #{Mail::VERSION.version}, net-smtp #{Net::SMTP::VERSION}"
puts "written:  first | . | .. | .profile | last"
puts "arrived:  #{arrived.drop(arrived.index("") + 1).join(" | ")}"
RUBY
seen=$(ruby send.rb)
expected='mail 2.7.1, net-smtp 0.3.1
written:  first | . | .. | .profile | last
arrived:  first | .. | .. | .profile | last'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
