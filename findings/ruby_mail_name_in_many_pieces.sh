#!/usr/bin/env bash
# Ruby `mail` puts the pieces of a long file name together in the order of the alphabet
#
# Package:  mail 2.7.1 with mini_mime 1.1.1, as Debian 12 has them (ruby-mail 2.7.1+dfsg1-2).
# Expected: a long parameter comes in pieces that are numbered from 0: filename*0*, filename*1*, and so on; the number
#           says where a piece belongs (RFC 2231, section 3).
# Seen:     with more than ten pieces the eleventh and twelfth stand behind the second, since their names are sorted as
#           text: *0, *1, *10, *11, *2. So the name is another one, without an error; an ending such as ".pdf" lands
#           in the middle. Ten pieces are right. A quoted pair in a name, as in "a \"b\".txt", keeps its backslash.
# Matters:  each letter of a Chinese or Japanese name takes nine characters, so that one of some 70 letters has more than
#           ten pieces in lines of 78. What is filed by its name, or opened by its ending, is filed wrongly and can't
#           be opened; short names in a test show nothing.
set -euo pipefail
for tool in ruby apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12 or Debian's packages)."; exit 1; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq ruby-mail=2.7.1+dfsg1-2 ruby-mini-mime=1.1.1-2
for package in ./*.deb; do dpkg-deb -x "$package" .; done
export RUBYLIB="$tmp/usr/lib/ruby/vendor_ruby:$tmp/usr/share/rubygems-integration/all/gems/mini_mime-1.1.1/lib"

cat >read.rb <<'RUBY'
require "mail"

# a name as a sender writes it whose lines have at most 78 characters
def pieces_of(name)
  encoded = name.each_char.map { |char| char.ascii_only? ? char : char.bytes.map { |octet| "%%%02X" % octet }.join }
  lines = [+"UTF-8''"]
  encoded.each { |one| lines.last.size + one.size > 63 ? lines << +one : lines.last << one }
  lines
end

def read(parameters)
  text = "Subject: file\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf\r\n" \
    "Content-Disposition: attachment;\r\n #{parameters.join(";\r\n ")}\r\n\r\nx\r\n"
  raise "a line is too long" if text.lines.any? { |line| line.chomp.size > 78 }
  Mail.new(text).filename
end

puts "mail #{Mail::VERSION.version}"
[50, 63, 75].each do |letters|
  name = "報告書" * (letters / 3) + ".pdf"
  pieces = pieces_of(name)
  found = read(pieces.each_with_index.map { |piece, n| "filename*#{n}*=#{piece}" })
  moved = name.size - 4 - found.index(".pdf")
  puts "#{pieces.size} pieces: #{found == name ? "the same name" : "another name, .pdf is #{moved} letters before its end"}"
end
found = read(("a".."l").each_with_index.map { |letter, n| "filename*#{n}=#{letter}" })
puts "12 pieces, a to l: #{found}"
puts "in quotes: #{read(['filename="a \"b\".txt"'])}"
RUBY
seen=$(ruby read.rb)
expected='mail 2.7.1
8 pieces: the same name
10 pieces: the same name
11 pieces: another name, .pdf is 56 letters before its end
12 pieces, a to l: abklcdefghij
in quotes: a \"b\".txt'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
