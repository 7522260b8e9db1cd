"""PyPI's mailpit-api-client: what it reads, marks and deletes, or what stops it, as a line of JSON for each call."""

import json
import sys

from mailpit.client.api import API

api = API(sys.argv[1])


def tell(name, call, show=lambda value: value):
    try:
        print(json.dumps([name, show(call())]))
    except Exception as error:  # what it makes of an answer is the point
        print(json.dumps([name, type(error).__name__, getattr(api.last_response, "status_code", None)]))


def people(contacts):
    return contacts and [[one.name, one.address] for one in contacts]


def summary(one):
    return [one.message_id, one.read, one.subject, people([one.from_]), people(one.to), people(one.cc),
            people(one.bcc), one.attachments, one.created.tzname()]


messages = api.get_messages()
ids = [one.id for one in messages.messages]
tell("list", lambda: messages, lambda all: [all.total, all.unread, all.count, all.start, [summary(m) for m in all.messages]])
tell("page", lambda: api.get_messages(limit=1, start=1), lambda page: [page.count, page.start, len(page.messages)])
tell("message", lambda: api.get_message(ids[-1]), lambda one: one.subject)
tell("headers", lambda: api.get_message_headers(ids[-1]),
     lambda all: [all.content_type, all.from_, all.message_id, all.delivered_to, all.date[0].isoformat()])
tell("attachment", lambda: api.get_message_attachment(ids[-1], "2"))
tell("no attachment", lambda: api.get_message_attachment(ids[-1], "9"))
tell("no message", lambda: api.get_message_headers("nope"))
# both send a form, which Mailpit takes for broken JSON
tell("mark", lambda: api.put_messages(ids, "Read", True))
tell("delete one", lambda: api.delete_messages(ids[:1]))
tell("delete all", lambda: api.delete_messages([]))
tell("nothing left", lambda: api.get_messages().total)
