"""Python's sending libraries: each sends the letters that sending_libraries_test.ts names.

Usage: senders.py LIBRARY HOST PORT USER PASSWORD; SSL_CERT_FILE names the certificate to trust.
"""

import asyncio
import os
import smtplib
import ssl
import sys
from email.message import EmailMessage

library, host, port, user, password = sys.argv[1:6]
port = int(port)
DOTS = ".\n..\n.profile\nlast\n"
HTML = "<p>Hello</p>"
DATA = b"\0\r\n.\r\n\n\xff"
ALL = [user, "marshall@localhost", "nobody@localhost"]
BIG = ("x" * 70 + "\n") * 4000
context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])


def letter(name, text, to=None, html=None):
    message = EmailMessage()
    message["From"] = user
    message["To"] = ", ".join(to or [user])
    message["Subject"] = f"{library} {name}"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
        message.add_attachment(DATA, maintype="application", subtype="octet-stream", filename="data.bin")
    return message


def with_smtplib():
    with smtplib.SMTP(host, port, timeout=20) as client:
        client.starttls(context=context)
        client.login(user, password)
        client.send_message(letter("dots", DOTS))
        client.send_message(letter("html", "Hello", html=HTML))
        assert list(client.send_message(letter("three", "x", ALL))) == ALL[2:]
        try:
            client.send_message(letter("first", BIG, ["small@localhost"]))
            raise AssertionError("the first letter was taken")
        except smtplib.SMTPDataError as error:
            assert error.smtp_code == 452, error
        client.send_message(letter("second", "x"))


async def with_aiosmtplib():
    import aiosmtplib

    client = aiosmtplib.SMTP(hostname=host, port=port, tls_context=context, timeout=20)
    async with client:
        await client.login(user, password)
        await client.send_message(letter("dots", DOTS))
        await client.send_message(letter("html", "Hello", html=HTML))
        refused, _ = await client.send_message(letter("three", "x", ALL))
        assert list(refused) == ALL[2:]
        try:
            await client.send_message(letter("first", BIG, ["small@localhost"]))
            raise AssertionError("the first letter was taken")
        except aiosmtplib.SMTPDataError as error:
            assert error.code == 452, error
        await client.send_message(letter("second", "x"))


def with_yagmail():
    import yagmail

    attachment = os.path.join(os.environ["HOME"], "data.bin")
    with open(attachment, "wb") as file:
        file.write(DATA)
    client = yagmail.SMTP(
        user, password, host=host, port=port, smtp_ssl=False, smtp_starttls={"context": context},
        soft_email_validation=False,
    )
    raw = yagmail.raw
    client.send(user, f"{library} dots", [raw(DOTS)], prettify_html=False)
    client.send(user, f"{library} html", ["Hello", HTML], attachments=[attachment])
    client.send(ALL, f"{library} three", "x")
    try:
        client.send("small@localhost", f"{library} first", [raw(BIG)], prettify_html=False)
        raise AssertionError("the first letter was taken")
    except smtplib.SMTPDataError as error:
        assert error.smtp_code == 452, error
    client.send(user, f"{library} second", "x")
    client.close()


def with_redmail():
    from redmail import EmailSender

    client = EmailSender(host=host, port=port, username=user, password=password)
    with client:
        client.send(sender=user, receivers=[user], subject=f"{library} dots", text=DOTS)
        client.send(
            sender=user, receivers=[user], subject=f"{library} html", text="Hello", html=HTML,
            attachments={"data.bin": DATA},
        )
        client.send(sender=user, receivers=ALL, subject=f"{library} three", text="x")
        try:
            client.send(sender=user, receivers=["small@localhost"], subject=f"{library} first", text=BIG)
            raise AssertionError("the first letter was taken")
        except smtplib.SMTPDataError as error:
            assert error.smtp_code == 452, error
        client.send(sender=user, receivers=[user], subject=f"{library} second", text="x")


def with_django():
    from django.conf import settings

    settings.configure(
        EMAIL_HOST=host, EMAIL_PORT=port, EMAIL_HOST_USER=user, EMAIL_HOST_PASSWORD=password,
        EMAIL_USE_TLS=True, EMAIL_TIMEOUT=20,
    )
    from django.core.mail import EmailMessage as Message
    from django.core.mail import EmailMultiAlternatives, get_connection

    with get_connection() as connection:
        def send(name, text, to):
            return Message(f"{library} {name}", text, user, to, connection=connection).send()

        send("dots", DOTS, [user])
        both = EmailMultiAlternatives(f"{library} html", "Hello", user, [user], connection=connection)
        both.attach_alternative(HTML, "text/html")
        both.attach("data.bin", DATA, "application/octet-stream")
        both.send()
        assert send("three", "x", ALL) == 1
        try:
            send("first", BIG, ["small@localhost"])
            raise AssertionError("the first letter was taken")
        except smtplib.SMTPDataError as error:
            assert error.smtp_code == 452, error
        send("second", "x", [user])


work = {
    "smtplib": with_smtplib,
    "aiosmtplib": lambda: asyncio.run(with_aiosmtplib()),
    "yagmail": with_yagmail,
    "redmail": with_redmail,
    "Django": with_django,
}
work[library]()
