"""A mail as it goes over the wire, and when it is tried again. Pure."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import urlsplit

FIRST_WAIT_S, LONGEST_WAIT_S = 15.0, 1800.0


def compose(
    *, mail_id: str, sender: str, sender_name: str, recipient: str, subject: str, text: str, lang: str, at: datetime,
    host: str,
) -> EmailMessage:  # fmt: skip
    """Plain text, UTF-8. The Message-ID is the mail's own: the same mail sent again is the same mail.

    Nothing that is given can add a header: control characters are taken out, and addresses are built from parts.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(_line(sender_name), addr_spec=sender)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = _line(subject)
    message["Date"] = at
    message["Message-ID"] = f"<{mail_id}@{host}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers, please
    message.set_content(_text(text), cte="quoted-printable" if not text.isascii() else None)
    message["Content-Language"] = lang  # after the content, which takes all Content-… headers away
    return message


def host_of(url: str) -> str:
    """The part of our Message-IDs after the @: the clinic's host."""
    return urlsplit(url).hostname or "localhost"


def wait_after(tries: int, luck: float) -> timedelta:
    """How long after try number ``tries`` (from 1) the next one comes: doubling, spread by ``luck`` in [0, 1)."""
    wait = min(FIRST_WAIT_S * 2 ** min(tries - 1, 12), LONGEST_WAIT_S)
    return timedelta(seconds=wait * (0.75 + 0.5 * luck))


def _line(text: str) -> str:
    """One line: what could end a header, or turn its direction, is a space."""
    return " ".join("".join(" " if unicodedata.category(ch)[0] in "CZ" else ch for ch in text).split())


def _text(text: str) -> str:
    kept = "".join(
        ch for ch in text.replace("\r\n", "\n").replace("\r", "\n") if ch == "\n" or unicodedata.category(ch) != "Cc"
    )
    return kept if kept.endswith("\n") else kept + "\n"
