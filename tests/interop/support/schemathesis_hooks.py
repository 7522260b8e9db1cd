"""In charge of what schemathesis does not know: how a mailbox file is sent."""

import schemathesis


@schemathesis.serializer("application/mbox")
def mbox(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()
