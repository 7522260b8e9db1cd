"""Reads an Authentication-Results field from stdin, and writes what authres makes of it as JSON."""

import json
import sys

import authres

field = authres.AuthenticationResultsHeader.parse(sys.stdin.read().strip())
print(json.dumps({
    "host": field.authserv_id,
    "results": [
        {
            "method": one.method,
            "result": one.result,
            "reason": one.reason,
            "properties": {f"{p.type}.{p.name}": p.value for p in one.properties},
        }
        for one in field.results
    ],
}))
