"""dkimpy as the peer: reads a question as JSON from stdin, and answers with JSON.

{"verify": [message…], "zone": {name: record}}: for each message what its signatures come to, true or false.
{"sign": [message…], "keys": [{"selector", "algorithm", "file"}…]}: each message signed by each key, in each canonicalisation.
{"seal": message, "key": {…}, "hops": n}: the message with so many ARC sets.

Messages are in base64; the domain is ex.test.
"""

import base64
import json
import sys

import dkim

CANONICAL = [(header, body) for header in (b"simple", b"relaxed") for body in (b"simple", b"relaxed")]
DOMAIN = b"ex.test"


def resolver(zone):
    return lambda name, timeout=5: zone.get(name.decode().rstrip("."), "").encode()


def verified(message, zone):
    signed = dkim.DKIM(message)
    count = sum(1 for name, _ in signed.headers if name.lower() == b"dkim-signature")
    return [signed.verify(idx=i, dnsfunc=resolver(zone)) for i in range(count)]


def private(key):
    with open(key["file"], "rb") as file:
        pem = file.read()
    if key["algorithm"] == "rsa-sha256":
        return pem
    # it takes the bare seed, which PKCS#8 ends with (RFC 8410 7)
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    return base64.b64encode(der[-32:])


def signed(message, key):
    for forms in CANONICAL:
        algorithm = key["algorithm"].encode()
        yield dkim.sign(
            message, key["selector"].encode(), DOMAIN, private(key), canonicalize=forms, signature_algorithm=algorithm
        ) + message


def sealed(message, key, hops):
    for hop in range(hops):
        # each hop has a name of its own, or the chain would have two results of one hop
        name = b"mx%d.ex.test" % hop
        results = b"Authentication-Results: %s; arc=%s\r\n" % (name, b"pass" if hop else b"none")
        message = results + message
        fields = dkim.arc_sign(
            message, key["selector"].encode(), DOMAIN, private(key), name,
            include_headers=[b"from", b"to", b"subject"],
        )
        message = b"".join(fields) + message
    return message


def main():
    asked = json.load(sys.stdin)
    decode = base64.b64decode
    encode = lambda message: base64.b64encode(message).decode()
    zone = asked.get("zone", {})
    if "verify" in asked:
        answer = [verified(decode(message), zone) for message in asked["verify"]]
    elif "sign" in asked:
        answer = [
            encode(one) for message in asked["sign"] for key in asked["keys"] for one in signed(decode(message), key)
        ]
    else:
        answer = encode(sealed(decode(asked["seal"]), asked["key"], asked["hops"]))
    json.dump(answer, sys.stdout)


main()
