#!/usr/bin/env bash
# authheaders looks at the first DKIM signature only, for DMARC as well
#
# Package:  authheaders 0.16.3 with dkimpy 1.1.8 (PyPI).
# Expected: a message may have several signatures, and each has a result of its own (RFC 6376, section 6.1; RFC 8601,
#           section 2.7.1); DMARC passes when any of them passes and is aligned with the author's domain (RFC 7489,
#           section 4.2; RFC 9989 keeps that).
# Seen:     of two signatures that both verify, one is reported. Where a mailing list has signed on top of
#           the author, DKIM passes for the list alone and DMARC fails; in the other order it passes.
# Matters:  who measures their deliverability by it is told that mail by a list, or by a provider that adds a
#           signature of its own, fails DMARC, though every receiver that reads the RFC lets it pass.
set -euo pipefail
command -v python3 >/dev/null || { echo "This needs python3 with venv."; exit 1; }
command -v openssl >/dev/null || { echo "This needs openssl."; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-cache-dir authheaders==0.16.3 dkimpy==1.1.8 dnspython==2.9.2
openssl genrsa -traditional -out key.pem 2048 2>/dev/null
openssl rsa -in key.pem -pubout -outform der -out key.der 2>/dev/null

cat >judge.py <<'PY'
import base64
import importlib.metadata

import authheaders
import dkim

KEY = open("key.pem", "rb").read()
RECORD = "v=DKIM1; k=rsa; p=" + base64.b64encode(open("key.der", "rb").read()).decode()
ZONE = {
    "s._domainkey.example.com": RECORD,
    "s._domainkey.example.net": RECORD,
    "_dmarc.example.com": "v=DMARC1; p=reject",
}
MESSAGE = b"From: Ann <ann@example.com>\r\nTo: list@example.net\r\nSubject: Lunch\r\n\r\nNoon?\r\n"


def lookup(name, timeout=5):
    # asked in octets for keys and in text for policies
    octets = isinstance(name, bytes)
    found = ZONE.get((name.decode() if octets else name).rstrip("."))
    return found.encode() if octets and found else found


def signed(message, domain):
    return dkim.sign(message, b"s", domain, KEY, include_headers=[b"From", b"To", b"Subject"]) + message


print("authheaders", importlib.metadata.version("authheaders"))
author, listed = b"example.com", b"example.net"
for domains in ([author], [author, listed], [listed, author]):
    message = MESSAGE
    for domain in domains:
        message = signed(message, domain)
    verified = [dkim.DKIM(message).verify(idx=i, dnsfunc=lookup) for i in range(len(domains))]
    field = authheaders.authenticate_message(message, "judge.example", dnsfunc=lookup)
    results = authheaders.AuthenticationResultsHeader.parse(field).results
    said = [f"{one.method}={one.result}" for one in results]
    top = domains[-1].decode()
    print(f"{len(domains)} signed, {top} on top: dkimpy verifies {verified.count(True)}, authheaders: {' '.join(said)}")
PY
seen=$(venv/bin/python judge.py)
expected='authheaders 0.16.3
1 signed, example.com on top: dkimpy verifies 1, authheaders: dkim=pass dmarc=pass
2 signed, example.net on top: dkimpy verifies 2, authheaders: dkim=pass dmarc=fail
2 signed, example.com on top: dkimpy verifies 2, authheaders: dkim=pass dmarc=pass'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
