"""Media types that schemathesis does not know: texts, sent as they are."""

import schemathesis


@schemathesis.serializer("application/mbox", "message/rfc822", "application/vnd.dinopost.queue")
def text(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()
