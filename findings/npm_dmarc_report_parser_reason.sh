#!/usr/bin/env bash
# npm's dmarc-report-parser refuses a report in which a policy was not applied for a reason
#
# Package:  dmarc-report-parser 0.1.5 (npm).
# Expected: a receiver that does not do what the policy asks for says why, in a reason with a type and perhaps a comment,
#           once or more in a row (RFC 7489, section 7.2 and appendix C; RFC 9990 keeps that); the types of the
#           library have it, too.
# Seen:     a report with one reason anywhere is refused whole: for its type one of the known words is expected, and "an
#           array" received. All other rows of the report are lost with it. Without a reason it is read.
# Matters:  a mailing list or a forwarder that the receiver knows makes a reason. The whole report of each receiver that
#           looks so closely is lost, with the rows of forgers in it, and what is left looks cleaner than it is.
set -euo pipefail
for tool in node npm; do command -v "$tool" >/dev/null || { echo "This needs $tool."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export npm_config_cache=$tmp/cache npm_config_update_notifier=false
npm install --loglevel=error --no-audit --no-fund dmarc-report-parser@0.1.5 >npm.log

cat >read.cjs <<'JS'
const { parseDmarcReportsFromXml } = require("dmarc-report-parser");

const record = (count, reason) => `
  <record>
    <row>
      <source_ip>192.0.2.${count}</source_ip><count>${count}</count>
      <policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf>${reason}</policy_evaluated>
    </row>
    <identifiers><header_from>author.example</header_from></identifiers>
    <auth_results>
      <dkim><domain>list.example</domain><result>pass</result></dkim>
      <spf><domain>list.example</domain><result>pass</result></spf>
    </auth_results>
  </record>`;
const report = (records) => `<?xml version="1.0"?>
<feedback>
  <report_metadata>
    <org_name>receiver.example</org_name><email>dmarc@receiver.example</email><report_id>1</report_id>
    <date_range><begin>1767571200</begin><end>1767657599</end></date_range>
  </report_metadata>
  <policy_published>
    <domain>author.example</domain><adkim>r</adkim><aspf>r</aspf><p>reject</p><sp>reject</sp><pct>100</pct>
  </policy_published>${records}
</feedback>`;
const cases = {
  "no reason": record(1, "") + record(2, ""),
  "a reason": record(1, "") + record(2, "<reason><type>mailing_list</type></reason>"),
  "a reason with a comment": record(1, "") +
    record(2, "<reason><type>forwarded</type><comment>by a known forwarder</comment></reason>"),
};

(async () => {
  console.log("dmarc-report-parser", require("dmarc-report-parser/package.json").version);
  for (const [name, records] of Object.entries(cases)) {
    try {
      const { reports } = await parseDmarcReportsFromXml([Buffer.from(report(records))]);
      console.log(`${name}: ${reports[0].record.length} rows`);
    } catch (error) {
      console.log(`${name}: an error`);
      for (const { path, received } of JSON.parse(error.message)) {
        console.log(`  ${path.filter((step) => typeof step === "string").join(".")}: received ${received}`);
      }
    }
  }
})();
JS
seen=$(node read.cjs)
expected='dmarc-report-parser 0.1.5
no reason: 2 rows
a reason: an error
  record.row.policy_evaluated.reason.type: received array
a reason with a comment: an error
  record.row.policy_evaluated.reason.type: received array
  record.row.policy_evaluated.reason.comment: received array'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
