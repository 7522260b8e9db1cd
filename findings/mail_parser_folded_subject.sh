#!/usr/bin/env bash
# PyPI's mail-parser joins words where a subject is folded, and leaves line ends in it elsewhere
#
# Package:  mail-parser 4.8.0 (PyPI).
# Expected: to unfold a field is to take its line ends away and to leave the white space behind them (RFC 5322, section
#           2.2.3). White space between an encoded word and plain text is text; only that between two encoded words is
#           not (RFC 2047, section 6.2).
# Seen:     where a line ends beside an encoded word, the blank goes with it: "Re:Grüßeaus Bonn". Where no encoded word
#           is near, the line end stays in the subject. So it is with each field of `headers`. On one line all is well.
# Matters:  whoever compares subjects, threads by them, or makes rules by a phrase misses those that a sender had to
#           fold, which are the long ones with an accent; a line end in a subject breaks logs, CSV and requests. It is
#           the reader that tools for spam and for DMARC reports are built on.
set -euo pipefail
python3 -m pip --version >/dev/null 2>&1 || { echo "This needs python3 with pip."; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-cache-dir mail-parser==4.8.0

cat >read.py <<'PY'
import email
import email.policy
import importlib.metadata

import mailparser

SUBJECTS = [
    "Re: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= aus Bonn",
    "Re:\r\n =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n aus Bonn",
    "Your order for\r\n =?utf-8?Q?J=C3=BCrgen?= is ready",
    "A subject of plain words\r\n that was folded",
]

print("mail-parser", importlib.metadata.version("mail-parser"))
for subject in SUBJECTS:
    octets = f"From: a@example.org\r\nSubject: {subject}\r\nX-Own: {subject}\r\n\r\ntext\r\n".encode()
    read = mailparser.parse_from_bytes(octets)
    print("written:    ", ascii(subject))
    print("Python's:   ", ascii(str(email.message_from_bytes(octets, policy=email.policy.default)["Subject"])))
    same = "and X-Own is the same" if read.headers["X-Own"] == read.subject else "and X-Own is not"
    print("mail-parser:", ascii(read.subject), same)
PY
seen=$(venv/bin/python read.py)
expected="mail-parser 4.8.0
written:     'Re: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= aus Bonn'
Python's:    'Re: Gr\\xfc\\xdfe aus Bonn'
mail-parser: 'Re: Gr\\xfc\\xdfe aus Bonn' and X-Own is the same
written:     'Re:\\r\\n =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\\r\\n aus Bonn'
Python's:    'Re: Gr\\xfc\\xdfe aus Bonn'
mail-parser: 'Re:Gr\\xfc\\xdfeaus Bonn' and X-Own is the same
written:     'Your order for\\r\\n =?utf-8?Q?J=C3=BCrgen?= is ready'
Python's:    'Your order for J\\xfcrgen is ready'
mail-parser: 'Your order forJ\\xfcrgen is ready' and X-Own is the same
written:     'A subject of plain words\\r\\n that was folded'
Python's:    'A subject of plain words that was folded'
mail-parser: 'A subject of plain words\\r\\n that was folded' and X-Own is the same"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
