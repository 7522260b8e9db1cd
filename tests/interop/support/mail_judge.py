"""authheaders and pyspf as judges of a message, by a zone file: reads a question as JSON from stdin, answers with JSON.

{"zone": text, "origin": name, "message": base64, "ip", "from", "helo"}: answers {"spf", "dkim": […], "dmarc"}, by what
their words are.
"""

import base64
import json
import sys

import authheaders
import dns.rdatatype
import dns.zone
import spf


def records(zone, name, kind):
    """The records of a name as dnspython has them."""
    try:
        node = zone.find_rdataset(dns.name.from_text(name), kind)
    except KeyError:
        return []
    return list(node)


def main():
    asked = json.load(sys.stdin)
    zone = dns.zone.from_text(asked["zone"], origin=asked["origin"], relativize=False, check_origin=False)

    def lookup(name, kind, tcpfallback=True, timeout=30):
        found = records(zone, name, kind)
        if kind == "TXT":
            return [((name, kind), tuple(record.strings)) for record in found]
        if kind == "MX":
            return [((name, kind), (record.preference, record.exchange.to_text())) for record in found]
        return [((name, kind), record.address) for record in found]

    def text(name, timeout=5):
        # DKIM asks in octets and wants them, DMARC asks in text
        octets = isinstance(name, bytes)
        found = [b"".join(record.strings) for record in records(zone, name.decode() if octets else name, "TXT")]
        return found and (found[0] if octets else found[0].decode()) or None

    spf.DNSLookup = lookup
    message = base64.b64decode(asked["message"])
    field = authheaders.authenticate_message(
        message, "judge.test", spf=True, ip=asked["ip"], mail_from=asked["from"], helo=asked["helo"], dnsfunc=text
    )
    words = [(result.method, result.result) for result in authheaders.AuthenticationResultsHeader.parse(field).results]
    json.dump({"field": field, "words": words}, sys.stdout)


main()
