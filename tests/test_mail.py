"""Mail as a message, its address, its settings: nothing that people write can become a header or another recipient."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from server.config import Settings, load
from server.db import Database
from server.errors import SettingsError
from server.formats import parse_email
from server.mail import due, enqueue, outbox
from server.mail_message import compose, wait_after
from tests.stores import db as db

AT = datetime(2026, 11, 24, 14, tzinfo=UTC)
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted", "Content-Type",
    "Content-Transfer-Encoding", "MIME-Version",
}  # fmt: skip


def made(**changed: str) -> bytes:
    values = {
        "mail_id": "abcdefghijklmnopqrstuv", "sender": "visits@example.ca", "sender_name": "Réadaptation rue Alder",
        "recipient": "ana@example.ca", "subject": "Votre visite", "text": "À bientôt\n", "lang": "fr",
        "host": "visit.example.ca",
    } | changed  # fmt: skip
    return bytes(compose(at=AT, **values))


def test_a_mail_as_it_goes_over_the_wire() -> None:
    raw = made()
    message = message_from_bytes(raw, policy=policy.default)
    assert message["From"] == "Réadaptation rue Alder <visits@example.ca>"
    assert message["To"] == "ana@example.ca"
    assert message["Message-ID"] == "<abcdefghijklmnopqrstuv@visit.example.ca>"
    assert message["Content-Language"] == "fr"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == "À bientôt\n"
    assert set(message.keys()) == HEADERS
    assert raw.isascii(), "any server takes it"


@pytest.mark.parametrize(
    "evil", ["Hello\r\nBcc: eve@example.com", "Hello\nX: y", "a\u2028b", "\u202egnp.exe", "a\x00b"]
)
def test_a_line_end_in_a_subject_or_a_name_adds_no_header(evil: str) -> None:
    message = message_from_bytes(made(subject=evil, sender_name=evil), policy=policy.default)
    assert set(message.keys()) == HEADERS
    assert message["To"] == "ana@example.ca"


@settings(max_examples=60, deadline=None)
@given(subject=st.text(max_size=80), name=st.text(max_size=40), text=st.text(max_size=80))
def test_whatever_is_written_the_headers_are_ours(subject: str, name: str, text: str) -> None:
    raw = made(subject=subject.encode("utf-8", "replace").decode(), sender_name=name.encode("utf-8", "replace").decode(),
               text=text.encode("utf-8", "replace").decode())  # fmt: skip
    message = message_from_bytes(raw, policy=policy.default)
    assert set(message.keys()) == HEADERS
    assert [one.addr_spec for one in message["To"].addresses] == ["ana@example.ca"]
    assert [one.addr_spec for one in message["From"].addresses] == ["visits@example.ca"]


@pytest.mark.parametrize("good", ["ana@example.ca", " ana.p+visit@mail.example.co.uk ", "o'neil@example.ca"])
def test_an_address(good: str) -> None:
    assert parse_email(good) == good.strip()


@pytest.mark.parametrize(
    "bad",
    [
        "", "ana", "ana@", "@example.ca", "ana@example", "a b@example.ca", "ana@example.ca, eve@example.com",
        "Ana <ana@example.ca>", "ana@example.ca\r\nBcc: eve@example.com", "ana@example.ca\n", '"a b"@example.ca',
        "ana..p@example.ca", "ana@-example.ca", "ana@exa_mple.ca", f"{'a' * 65}@example.ca", f"a@{'b' * 250}.ca",
        "ana@example.ca\u2028", "ana@[127.0.0.1]", "änä@example.ca",
    ],
)  # fmt: skip
def test_no_address(bad: str) -> None:
    found = parse_email(bad)
    assert found is None or found == bad.strip() == "ana@example.ca", "outer space is taken away, nothing else"


@pytest.mark.parametrize(
    "bad", ["ana@example.ca\r\nBcc: eve@example.com", "ana@example.ca ", "a@b.ca,c@d.ca", "Ana <a@b.ca>"]
)
async def test_the_outbox_takes_one_plain_address_only(db: Database, bad: str) -> None:
    async with db.write() as tx:
        with pytest.raises(ValueError, match="plain mail address"):
            await enqueue(db, tx, kind="test", about=None, recipient=bad, subject="s", text="t")


async def test_no_alert_waits_for_another_ones_mail(db: Database) -> None:
    """The first address is a bad one: everybody else is told all the same. A patient's letters keep their order."""
    async with db.write() as tx:
        for kind in ("alert", "appointment"):
            for who in ("bad", "good"):
                await enqueue(
                    db, tx, kind=kind, about="v" * 22, recipient=f"{who}@example.ca", subject="s", text="t"
                )  # fmt: skip
        await tx.conn.execute(update(outbox).values(next_at=tx.now))
    now = await db.now()
    async with db.read() as conn:
        assert len(await due(conn, now + timedelta(seconds=1), 10)) == 3


def test_the_wait_doubles_is_spread_and_ends_at_half_an_hour() -> None:
    waits = [wait_after(tries, 0.5).total_seconds() for tries in range(1, 12)]
    assert waits[:4] == [15, 30, 60, 120]
    assert waits[-1] == 1800
    assert wait_after(1, 0.0) == timedelta(seconds=11.25)
    assert wait_after(1, 0.999) < timedelta(seconds=18.75)
    assert wait_after(10_000, 0.5).total_seconds() == 1800


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"smtp_url": "mail.example.ca"}, "TM_SMTP_URL"),
        ({"smtp_url": "http://mail.example.ca", "mail_from": "a@example.ca"}, "TM_SMTP_URL"),
        ({"smtp_url": "smtp://mail.example.ca:port", "mail_from": "a@example.ca"}, "TM_SMTP_URL"),
        ({"smtp_url": "smtp+plain://mail.example.ca", "mail_from": "a@example.ca"}, "no TLS"),
        ({"smtp_url": "smtp://mail.example.ca"}, "TM_MAIL_FROM"),
        ({"mail_from": "Clinic <a@example.ca>"}, "TM_MAIL_FROM"),
    ],
)
def test_settings_that_cannot_work_are_told(wrong: dict[str, str], says: str, tmp_path: object) -> None:
    with pytest.raises(SettingsError) as caught:
        load({}, **wrong, var=tmp_path)
    assert says in str(caught.value)
    assert "secret-password" not in str(caught.value)


def test_settings_that_work() -> None:
    for url in ("smtp://u:p%40ss@mail.example.ca", "smtps://mail.example.ca:465", "smtp+plain://localhost:25"):
        assert Settings(smtp_url=url, mail_from="visits@example.ca").smtp_url == url
