#!/usr/bin/env bash
# Ruby `mail` says of a report that it is no bounce, or worth a retry, where it tells of several recipients
#
# Package:  mail 2.7.1 with mini_mime 1.1.1, as Debian 12 has them (ruby-mail 2.7.1+dfsg1-2).
# Expected: a report may tell of several recipients, each with an action and a status of its own (RFC 3464, sections 2.1
#           and 2.3). A failure behind a success is one, and what failed with 5.1.1 is not worth another try (RFC 3463,
#           section 2).
# Seen:     bounced? goes by the first recipient alone (an old entry of its changelog says so): of one that was served
#           and one that is unknown it says false. retryable? says true as soon as there are two, though both failed
#           with 5.1.1. diagnostic_code has no entry for a recipient without one: the second one's reason is the first.
# Matters:  programs that look at bounced? first, as the library's own description shows it, drop the report, and the
#           address that does not exist goes on being written to; by retryable? a failed one is tried again and again.
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

FIELDS = {
  "delivered" => "Status: 2.0.0\n",
  "delayed" => "Status: 4.2.1\nDiagnostic-Code: smtp; 451 4.2.1 Try again later\n",
  "failed" => "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 No such user\n",
}.freeze

def report(actions)
  groups = actions.each_with_index.map do |action, n|
    "Final-Recipient: rfc822; user#{n + 1}@example.net\nAction: #{action}\n#{FIELDS[action]}"
  end
  <<~REPORT.gsub("\n", "\r\n")
    From: Mail Delivery System <MAILER-DAEMON@mx.example>
    To: <news@example.org>
    Subject: Report
    MIME-Version: 1.0
    Content-Type: multipart/report; report-type=delivery-status; boundary="b"

    --b
    Content-Type: text/plain; charset=us-ascii

    What became of your message.

    --b
    Content-Type: message/delivery-status

    Reporting-MTA: dns; mx.example

    #{groups.join("\n").strip}

    --b
    Content-Type: text/rfc822-headers

    From: <news@example.org>
    Subject: News

    --b--
  REPORT
end

puts "mail #{Mail::VERSION.version}"
[%w[failed], %w[failed failed], %w[failed delivered], %w[delivered failed], %w[delayed failed]].each do |actions|
  text = report(actions)
  mail = Mail.new(text)
  puts actions.join(" and "), "  action #{mail.action.inspect}, bounced? #{mail.bounced?}, retryable? #{mail.retryable?}"
  puts "  diagnostic_code #{mail.diagnostic_code.inspect}"
end
RUBY
seen=$(ruby read.rb)
expected='mail 2.7.1
failed
  action "failed", bounced? true, retryable? false
  diagnostic_code "smtp; 550 5.1.1 No such user"
failed and failed
  action ["failed", "failed"], bounced? true, retryable? true
  diagnostic_code ["smtp; 550 5.1.1 No such user", "smtp; 550 5.1.1 No such user"]
failed and delivered
  action ["failed", "delivered"], bounced? true, retryable? true
  diagnostic_code "smtp; 550 5.1.1 No such user"
delivered and failed
  action ["delivered", "failed"], bounced? false, retryable? true
  diagnostic_code "smtp; 550 5.1.1 No such user"
delayed and failed
  action ["delayed", "failed"], bounced? false, retryable? true
  diagnostic_code ["smtp; 451 4.2.1 Try again later", "smtp; 550 5.1.1 No such user"]'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
