"""The outbox against a real mail server: never lost, never twice, whatever dies in between."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import RowMapping, select, update

from server import mail
from server.config import Settings
from server.db import Database
from server.mail import enqueue, outbox
from server.mail_sender import Sender
from tests.rig.mail_server import MailServer, mail_server
from tests.rig.processes import ROOT
from tests.rig.wait import until
from tests.stores import DATA_KEY, INDEX_KEY
from tests.stores import db as db
from tests.stores import other_node as other_node

MakeSender = Callable[..., Sender]


@pytest_asyncio.fixture
async def post(tmp_path: Path) -> AsyncIterator[MailServer]:
    """The clinic's mail server, with STARTTLS."""
    async with mail_server(tmp_path / "mail") as made:
        yield made


def settings_of(server: MailServer, **changed: Any) -> Settings:
    values: dict[str, Any] = {"smtp_url": server.url, "smtp_ca": server.ca, "mail_from": "visits@example.ca"}
    return Settings.model_validate(values | {"public_url": "https://visit.example.ca"} | changed)


async def queue(db: Database, subject: str = "Your visit", **changed: Any) -> str:
    values: dict[str, Any] = {"kind": "test", "about": None, "recipient": "ana@example.ca", "text": "Tomorrow\n"}
    async with db.write() as tx:
        return await enqueue(db, tx, subject=subject, **(values | changed))


async def row_of(db: Database, mail_id: str) -> RowMapping:
    async with db.read() as conn:
        return (await conn.execute(select(outbox).where(outbox.c.id == mail_id))).mappings().one()


async def time_passes(db: Database, span: timedelta) -> None:
    """For everything in the outbox that waits for a moment."""
    async with db.read() as conn:
        rows = (await conn.execute(select(outbox))).mappings().all()
    async with db.write() as tx:
        for row in rows:
            back: dict[str, datetime] = {"queued_at": row["queued_at"] - span}
            if row["next_at"]:
                back["next_at"] = row["next_at"] - span
            await tx.conn.execute(update(outbox).where(outbox.c.id == row["id"]).values(**back))


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_sent_over_tls_once_and_the_text_is_gone(db: Database, tmp_path: Path, tls: str) -> None:
    async with mail_server(tmp_path / "mail", tls) as post:
        sender = Sender(db, settings_of(post))
        mail_id = await queue(db, "Votre visite", text="À bientôt, à 14 h 30\n", lang="fr")
        for _ in range(3):
            await sender.once()
        (message,) = post.received
        assert post.envelopes == [("visits@example.ca", ["ana@example.ca"])]
        assert (message["Subject"], message["To"], message["Content-Language"]) == (
            "Votre visite",
            "ana@example.ca",
            "fr",
        )
        assert message["From"] == "Réadaptation rue Alder <visits@example.ca>"
        assert message["Message-ID"] == f"<{mail_id}@visit.example.ca>"
        assert message.get_content().replace("\r\n", "\n") == "À bientôt, à 14 h 30\n"
        row = await row_of(db, mail_id)
        assert (row["state"], row["tries"], row["next_at"], row["trouble"]) == ("sent", 1, None, None)
        ((_, opened),) = await mail.latest(db, 9)
        assert opened.text == ""


async def test_what_is_rolled_back_is_not_sent(db: Database, post: MailServer) -> None:
    with suppress(ZeroDivisionError):
        async with db.write() as tx:
            await enqueue(db, tx, kind="test", about=None, recipient="ana@example.ca", subject="s", text="t")
            raise ZeroDivisionError
    await Sender(db, settings_of(post)).once()
    assert post.received == []


async def test_nothing_personal_is_in_the_table(db: Database) -> None:
    await queue(db, "A secret subject", text="A secret text\n")
    async with db.read() as conn:
        kept = str([dict(row) for row in (await conn.execute(select(outbox))).mappings()])
    assert "secret" not in kept
    assert "ana@example.ca" not in kept


async def test_a_certificate_of_another_name_is_refused(db: Database, tmp_path: Path) -> None:
    async with mail_server(tmp_path / "mail", names=("elsewhere.example.ca",)) as post:
        mail_id = await queue(db)
        await Sender(db, settings_of(post)).once()
        assert (await row_of(db, mail_id))["trouble"] == "tls"
        assert post.received == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_certificate_that_nobody_vouches_for_is_refused(db: Database, tmp_path: Path, tls: str) -> None:
    async with mail_server(tmp_path / "mail", tls) as post:
        mail_id = await queue(db)
        await Sender(db, settings_of(post, smtp_ca=None)).once()
        row = await row_of(db, mail_id)
        assert (row["state"], row["trouble"], post.received) == ("queued", "tls", [])


async def test_a_server_without_tls_gets_nothing(db: Database, tmp_path: Path) -> None:
    async with mail_server(tmp_path / "mail", "none") as post:
        mail_id = await queue(db)
        await Sender(db, settings_of(post)).once()
        row = await row_of(db, mail_id)
        assert (row["state"], row["trouble"], post.received) == ("queued", "tls", [])


async def test_sign_in(db: Database, post: MailServer) -> None:
    post.password = "p@ss:word"
    url = post.url.replace("://", "://clinic:{}@")
    mail_id = await queue(db)
    await Sender(db, settings_of(post, smtp_url=url.format("wrong"))).once()
    assert ((await row_of(db, mail_id))["state"], (await row_of(db, mail_id))["trouble"]) == ("queued", "sign_in")
    await time_passes(db, timedelta(minutes=1))
    await Sender(db, settings_of(post, smtp_url=url.format("p%40ss%3Aword"))).once()
    assert len(post.received) == 1


async def test_greylisted_it_comes_again_later_and_once(db: Database, post: MailServer) -> None:
    post.rcpt_replies = ["451 4.7.1 Greylisted, try again later"]
    sender = Sender(db, settings_of(post))
    mail_id = await queue(db)
    await sender.once()
    row = await row_of(db, mail_id)
    assert (row["state"], row["trouble"], row["tries"]) == ("queued", "busy", 1)
    assert row["next_at"] > await db.now() + timedelta(seconds=8)
    await sender.once()
    assert post.received == [], "not before its time"
    await time_passes(db, timedelta(seconds=20))
    await sender.once()
    await sender.once()
    assert len(post.received) == 1
    assert (await row_of(db, mail_id))["state"] == "sent"


@pytest.mark.parametrize(
    ("stage", "code"), [("rcpt_replies", "recipient_refused"), ("data_replies", "content_refused")]
)
async def test_refused_for_good_it_is_not_tried_again(db: Database, post: MailServer, stage: str, code: str) -> None:
    setattr(post, stage, ["550 5.1.1 No such user here"])
    sender = Sender(db, settings_of(post))
    mail_id = await queue(db)
    await sender.once()
    row = await row_of(db, mail_id)
    assert (row["state"], row["trouble"], row["next_at"]) == ("failed", code, None)
    await time_passes(db, timedelta(hours=5))
    await sender.once()
    assert (await row_of(db, mail_id))["tries"] == 1
    async with db.write() as tx:  # the office has corrected what was wrong
        assert await mail.again(tx, mail_id)
    await sender.once()
    assert len(post.received) == 1


async def test_a_server_that_is_not_there(db: Database, post: MailServer) -> None:
    mail_id = await queue(db)
    await Sender(db, settings_of(post, smtp_url="smtp://localhost:1")).once()
    row = await row_of(db, mail_id)
    assert (row["state"], row["trouble"]) == ("queued", "unreachable")


async def test_a_server_that_dies_in_mid_send_gets_the_same_mail_again(db: Database, post: MailServer) -> None:
    post.die_in_data = 1
    sender = Sender(db, settings_of(post))
    mail_id = await queue(db)
    await sender.once()
    row = await row_of(db, mail_id)
    assert (row["state"], row["trouble"]) == ("queued", "broke_off")
    await time_passes(db, timedelta(minutes=1))
    await sender.once()
    (message,) = post.received
    assert message["Message-ID"] == f"<{mail_id}@visit.example.ca>"


async def test_many_nodes_send_each_mail_once(db: Database, other_node: Database, post: MailServer) -> None:
    nodes = [Sender(one, settings_of(post)) for one in (db, other_node, db, other_node)]
    for number in range(30):
        await queue(db, f"Mail {number}")

    async def work(sender: Sender) -> None:
        while any(row["state"] != "sent" for row in await rows(db)):
            await sender.once()
            await asyncio.sleep(0)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work(sender) for sender in nodes))
    assert sorted(one["Subject"] for one in post.received) == sorted(f"Mail {number}" for number in range(30))


async def rows(db: Database) -> list[RowMapping]:
    async with db.read() as conn:
        return list((await conn.execute(select(outbox).order_by(outbox.c.seq))).mappings())


async def test_mail_about_one_thing_goes_out_in_its_order(db: Database, post: MailServer) -> None:
    """Not "cancelled" before the invitation that a greylist holds back; other kinds do not wait for it."""
    post.rcpt_replies = ["451 4.7.1 Greylisted"]
    sender = Sender(db, settings_of(post))
    await queue(db, "Booked", about="visit", kind="appointment")
    await sender.once()
    await queue(db, "Cancelled", about="visit", kind="appointment")
    await queue(db, "Alert", about="visit", kind="alert")
    await queue(db, "Another", about="other", kind="appointment")
    await sender.once()
    assert {one["Subject"] for one in post.received} == {"Alert", "Another"}
    await time_passes(db, timedelta(minutes=1))
    await sender.once()
    await sender.once()
    assert [one["Subject"] for one in post.received[2:]] == ["Booked", "Cancelled"]


async def test_mail_that_would_come_too_late_is_not_sent(db: Database, post: MailServer) -> None:
    now = await db.now()
    late = await queue(db, not_after=now - timedelta(minutes=1))
    old = await queue(db)
    await Sender(db, settings_of(post)).once()
    await time_passes(db, timedelta(days=0))
    assert ((await row_of(db, late))["state"], (await row_of(db, late))["trouble"]) == ("failed", "too_late")
    assert (await row_of(db, old))["state"] == "sent"
    assert len(post.received) == 1


async def test_after_two_days_it_has_failed_and_the_office_knows(db: Database, post: MailServer) -> None:
    mail_id = await queue(db)
    await time_passes(db, timedelta(days=2, minutes=1))
    await Sender(db, settings_of(post)).once()
    assert ((await row_of(db, mail_id))["state"], (await row_of(db, mail_id))["trouble"]) == ("failed", "gave_up")
    assert post.received == []


async def test_without_a_server_development_keeps_and_production_waits(db: Database) -> None:
    mail_id = await queue(db)
    production = Settings.model_construct(**(Settings().model_dump() | {"mode": "production"}))
    await Sender(db, production).once()
    assert (await row_of(db, mail_id))["state"] == "queued"
    await Sender(db, Settings()).once()
    assert (await row_of(db, mail_id))["state"] == "kept"
    await time_passes(db, timedelta(days=31))
    await mail.tidy(db)
    assert await rows(db) == []


async def test_a_restart_waits_for_the_mail_that_is_under_way(db: Database, post: MailServer) -> None:
    """Otherwise every deployment could send a mail twice."""
    post.hang.clear()
    mail_id = await queue(db)
    task = asyncio.create_task(Sender(db, settings_of(post)).run())
    await asyncio.wait_for(post.seen_data.wait(), 30)
    task.cancel()
    asyncio.get_running_loop().call_later(0.3, post.hang.set)
    await asyncio.gather(task, return_exceptions=True)
    assert (await row_of(db, mail_id))["state"] == "sent"
    assert len(post.received) == 1


SCRIPT = """
import asyncio, sys
from server.config import load
from server.crypto import FieldCipher
from server.db import Database
from server.mail_sender import Sender

async def main():
    settings = load()
    db = Database(settings.db_url, FieldCipher.from_settings(settings.data_keys, settings.index_key))
    await Sender(db, settings).run()

asyncio.run(main())
"""


async def test_a_node_that_is_killed_in_mid_send_leaves_the_mail_to_another(
    db: Database, post: MailServer, tmp_path: Path
) -> None:
    post.hang.clear()
    mail_id = await queue(db)
    settings = settings_of(post)
    env = {key: value for key, value in os.environ.items() if not key.startswith("TM_")} | {
        "TM_DATABASE_URL": db.url, "TM_SMTP_URL": post.url, "TM_SMTP_CA": str(post.ca), "TM_VAR": str(tmp_path / "var"),
        "TM_MAIL_FROM": "visits@example.ca", "TM_PUBLIC_URL": "https://visit.example.ca",
        "TM_SECRET": base64.b64encode(b"s" * 32).decode(), "TM_INDEX_KEY": base64.b64encode(INDEX_KEY).decode(),
        "TM_DATA_KEYS": "k1:" + base64.b64encode(DATA_KEY).decode(),
    }  # fmt: skip
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", SCRIPT, env=env, cwd=ROOT)
    try:
        await asyncio.wait_for(post.seen_data.wait(), 60)
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    post.hang.set()  # whether this server kept that half of a mail is nobody's to know
    before = len(post.received)
    assert (await row_of(db, mail_id))["state"] == "sending"
    sender = Sender(db, settings)
    await sender.once()
    assert len(post.received) == before, "the lease is the dead node's still"
    await time_passes(db, mail.LEASE)
    await sender.once()
    await until(lambda: len(post.received) > before, what="the mail")
    assert {one["Message-ID"] for one in post.received} == {f"<{mail_id}@visit.example.ca>"}
    row = await row_of(db, mail_id)
    assert (row["state"], row["tries"]) == ("sent", 2)


async def test_who_has_lost_the_lease_writes_nothing(db: Database) -> None:
    """A node that slept with its lease over must not undo what another one did."""
    mail_id = await queue(db)
    ((seq, tries),) = await due(db)
    first = await mail.take(db, seq, tries)
    assert first is not None
    assert await mail.take(db, seq, tries) is None, "taken once"
    await time_passes(db, mail.LEASE)
    ((seq, tries),) = await due(db)
    second = await mail.take(db, seq, tries)
    assert second is not None
    assert await mail.sent(db, second)
    assert not await mail.failed(db, first, "broke_off")
    assert not await mail.later(db, first, timedelta(0), "busy")
    assert (await row_of(db, mail_id))["state"] == "sent"


async def due(db: Database) -> list[tuple[int, int]]:
    now = await db.now()
    async with db.read() as conn:
        return list(await mail.due(conn, now, 9))
