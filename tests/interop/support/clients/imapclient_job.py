"""What a program on IMAPClient does with a mailbox that has the four letters of imap_clients_test.ts in INBOX.

Usage: imapclient_job.py PORT TLS_PORT CERTIFICATE USER PASSWORD
"""
import datetime
import ssl
import sys
import threading
import time

from imapclient import DELETED, FLAGGED, SEEN, IMAPClient
from imapclient.exceptions import LoginError

port, tls_port, certificate, user, password = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6]
context = ssl.create_default_context(cafile=certificate)
NAME = "Büro & Co"
LETTER = b"Subject: Appended\r\nFrom: a@b.test\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
DATE = datetime.datetime(2025, 11, 7, 8, 9, 10, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))


def clear():
    return IMAPClient("localhost", port=port, ssl=False, use_uid=True, timeout=20)


def starttls():
    client = clear()
    client.starttls(context)
    return client


def tls():
    return IMAPClient("localhost", port=tls_port, ssl=True, ssl_context=context, timeout=20)


for way in (clear, starttls, tls):
    client = way()
    try:
        client.login(user, "wrong")
        raise SystemExit("a wrong password was taken")
    except LoginError:
        pass
    client.login(user, password)
    offered = {name.decode() for name in client.capabilities()}
    wanted = {"IMAP4REV1", "IDLE", "NAMESPACE", "UIDPLUS", "MOVE", "CONDSTORE", "QRESYNC", "ENABLE", "SORT", "LITERAL+"}
    assert wanted <= offered, wanted - offered
    client.logout()

c = tls()
c.plain_login(user, password)
assert b"CONDSTORE" in c.enable("CONDSTORE")
assert c.namespace().personal[0] == ("", "/"), c.namespace()
assert "INBOX" in [name for _, _, name in c.list_folders()]
c.create_folder(NAME)
c.subscribe_folder(NAME)
assert NAME in [name for _, _, name in c.list_sub_folders()]
assert NAME in [name for _, _, name in c.list_folders()]

answer = c.append(NAME, LETTER, (SEEN, FLAGGED, "$Work"), DATE)
assert b"APPENDUID" in answer, answer
status = c.folder_status(NAME, ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN"])
assert (status[b"MESSAGES"], status[b"UIDNEXT"], status[b"UNSEEN"]) == (1, 2, 0), status
selected = c.select_folder(NAME)
assert selected[b"EXISTS"] == 1 and selected[b"UIDVALIDITY"] == status[b"UIDVALIDITY"], selected
got = c.fetch([1], ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY.PEEK[]", "BODY.PEEK[TEXT]<1.3>"])[1]
assert {SEEN, FLAGGED, b"$Work"} <= set(got[b"FLAGS"]), got
assert got[b"INTERNALDATE"].timestamp() == DATE.timestamp(), got
assert got[b"RFC822.SIZE"] == len(LETTER) and got[b"BODY[]"] == LETTER, got
assert got[b"BODY[TEXT]<1>"] == b"r\xc3\xbc", got
assert got[b"ENVELOPE"].subject == b"Appended" and got[b"ENVELOPE"].from_[0].mailbox == b"a", got

info = c.select_folder("INBOX")
uids = c.search()
assert len(uids) == 4 == info[b"EXISTS"], (uids, info)
assert c.search(["SUBJECT", "Two parts"]) == uids[2:3]
assert c.search(["BODY", "Grüße"], "UTF-8") == uids[1:2]
assert c.search(["NOT", "UNSEEN"]) == []
assert c.sort("REVERSE SUBJECT") == [uids[i] for i in (2, 0, 3, 1)], c.sort("REVERSE SUBJECT")
assert c.thread("REFERENCES") == ((uids[0], uids[3]), (uids[1],), (uids[2],)), c.thread("REFERENCES")
structure = c.fetch(uids[2:3], ["BODYSTRUCTURE"])[uids[2]][b"BODYSTRUCTURE"]
assert structure.is_multipart and structure[1].lower() == b"mixed", structure
part = c.fetch(uids[2:3], ["BODY.PEEK[2]", "BODY.PEEK[2.MIME]"])[uids[2]]
assert part[b"BODY[2]"].strip() == b"QUJD", part

before = info[b"HIGHESTMODSEQ"]
assert c.add_flags(uids[:2], [FLAGGED])[uids[0]] == (FLAGGED,) or FLAGGED in c.get_flags(uids[:1])[uids[0]]
changed = c.fetch(uids, ["FLAGS"], modifiers=[f"CHANGEDSINCE {before}"])
assert set(changed) == set(uids[:2]), changed
assert c.search(["FLAGGED"]) == uids[:2]
c.remove_flags(uids[:1], [FLAGGED])
assert c.search(["FLAGGED"]) == uids[1:2]

c.copy(uids[:2], NAME)
c.move(uids[1:2], NAME)
c.add_flags(uids[3:], [DELETED])
c.add_flags(uids[:1], [DELETED])
c.uid_expunge(uids[3:])
assert c.search() == [uids[0], uids[2]]
c.remove_flags(uids[:1], [DELETED])

# told of news while it idles
c.idle()
other = clear()
other.login(user, password)
threading.Timer(0.2, lambda: other.append("INBOX", LETTER)).start()
from_ = time.monotonic()
told = c.idle_check(timeout=10)
took = time.monotonic() - from_
c.idle_done()
assert (3, b"EXISTS") in told, told
assert took < 5, took
other.logout()

c.unselect_folder()
c.rename_folder(NAME, "Lager/Büro")
c.unsubscribe_folder(NAME)
assert c.folder_status("Lager/Büro", "MESSAGES")[b"MESSAGES"] == 4
c.create_folder("Weg")
c.delete_folder("Weg")
assert not c.folder_exists("Weg")
c.logout()
print("done")
