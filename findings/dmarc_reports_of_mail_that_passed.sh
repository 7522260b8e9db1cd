#!/usr/bin/env bash
# Two readers of DMARC reports refuse the reports of RFC 9990 that have mail which passed
#
# Package:  dmarc-metrics-exporter 1.3.1 (PyPI), dmarc-report-parser 0.1.5 (npm).
# Expected: in a report of RFC 9990 the disposition of mail that passed under an enforcing policy is "pass", beside "none",
#           "quarantine" and "reject" (the schema in its appendix A). A report by RFC 7489 has "none" for such mail, so
#           that a reader of both has to know all four words.
# Seen:     dmarc-metrics-exporter knows the namespace and the word "pass" when it reads the report, and then raises
#           a KeyError at that row: the report goes to the folder of errors, and what stands behind is not counted. It
#           takes the same report with "none". dmarc-report-parser refuses the whole report for that word.
# Matters:  with each reporter that goes over to the new form, one's graphs lose the mail that is in order, and keep
#           the mail that failed: a day without a forgery is a day without a report.
set -euo pipefail
python3 -m pip --version >/dev/null 2>&1 || { echo "This needs python3 with pip."; exit 1; }
for tool in node npm; do command -v "$tool" >/dev/null || { echo "This needs $tool."; exit 1; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-cache-dir dmarc-metrics-exporter==1.3.1
export npm_config_cache=$tmp/cache npm_config_update_notifier=false
npm install --loglevel=error --no-audit --no-fund dmarc-report-parser@0.1.5 >npm.log

report() { # DISPOSITION DKIM
  cat <<REPORT
<?xml version="1.0" encoding="UTF-8"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
  <version>1.0</version>
  <report_metadata>
    <org_name>receiver.example</org_name>
    <email>dmarc@receiver.example</email>
    <report_id>2026-01-05.author.example</report_id>
    <date_range><begin>1767571200</begin><end>1767657599</end></date_range>
  </report_metadata>
  <policy_published>
    <domain>author.example</domain><discovery_method>treewalk</discovery_method>
    <p>reject</p><sp>reject</sp><adkim>r</adkim><aspf>r</aspf><fo>0</fo><testing>n</testing>
  </policy_published>
  <record>
    <row>
      <source_ip>192.0.2.1</source_ip><count>3</count>
      <policy_evaluated><disposition>$1</disposition><dkim>$2</dkim><spf>fail</spf></policy_evaluated>
    </row>
    <identifiers><header_from>author.example</header_from></identifiers>
    <auth_results>
      <dkim><domain>author.example</domain><selector>s</selector><result>$2</result></dkim>
      <spf><domain>list.example</domain><scope>mfrom</scope><result>pass</result></spf>
    </auth_results>
  </record>
</feedback>
REPORT
}
report pass pass >1-passed.xml
report none fail >2-failed.xml

cat >exporter.py <<'PY'
import importlib.metadata
import sys
from email.message import EmailMessage

from dmarc_metrics_exporter.deserialization import convert_to_events, get_aggregate_report_from_email

print("dmarc-metrics-exporter", importlib.metadata.version("dmarc-metrics-exporter"))
for name in sys.argv[1:]:
    message = EmailMessage()
    message.set_content("A report.")
    with open(name, "rb") as file:
        message.add_attachment(file.read(), maintype="text", subtype="xml", filename=name)
    report = next(get_aggregate_report_from_email(message))
    read = f"read as {report.record[0].row.policy_evaluated.disposition}"
    try:
        counted = f"counted {[event.count for event in convert_to_events(report)]}"
    except KeyError as error:
        counted = f"KeyError: {error}"
    print(f"  {name}: {read}, {counted}")
PY
cat >parser.cjs <<'JS'
const { readFileSync } = require("node:fs");
const { parseDmarcReportsFromXml } = require("dmarc-report-parser");

(async () => {
  console.log("dmarc-report-parser", require("dmarc-report-parser/package.json").version);
  for (const name of process.argv.slice(2)) {
    try {
      const { reports } = await parseDmarcReportsFromXml([readFileSync(name)]);
      console.log(`  ${name}: ${reports[0].record[0].row.count} messages`);
    } catch (error) {
      console.log(`  ${name}: ${JSON.parse(error.message)[0].message}`);
    }
  }
})();
JS
seen=$(venv/bin/python exporter.py [12]-*.xml && node parser.cjs [12]-*.xml)
expected="dmarc-metrics-exporter 1.3.1
  1-passed.xml: read as ActionDispositionType.PASS, KeyError: <ActionDispositionType.PASS: 'pass'>
  2-failed.xml: read as ActionDispositionType.NONE, counted [3]
dmarc-report-parser 0.1.5
  1-passed.xml: Invalid enum value. Expected 'none' | 'quarantine' | 'reject', received 'pass'
  2-failed.xml: 3 messages"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
