"""Mail goes out through a table: what a transaction has queued is sent, once, whatever dies in between.

Every node sends. One of them takes a row by compare-and-set (``tries`` counts who has it) for ``LEASE``; a node that
dies leaves it to the others. The one edge: the mail server has taken the mail, and the node dies before it has written
so. Then the mail goes out again **under the same Message-ID**, which mailboxes fold into one; docs/booking.md says what
makes that rare.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    RowMapping,
    String,
    Table,
    and_,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import SYSTEM, Access, Actor, access
from server.db import Database, Encrypted, Transaction, UtcTime, metadata
from server.formats import parse_email
from server.ids import new_id

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(22), nullable=False, unique=True),  # in the Message-ID: what is sent again is the same mail
    Column("kind", String(24), nullable=False),
    Column("about_id", String(22), index=True),  # the visit or the member of staff that it is about
    Column("recipient", Encrypted, nullable=False),
    Column("content", Encrypted, nullable=False),  # JSON: subject, text
    Column("queued_at", UtcTime, nullable=False),
    Column("state", String(8), nullable=False),  # queued, sending, sent, failed, kept (development)
    Column("tries", Integer, nullable=False),
    Column("next_at", UtcTime, index=True),  # when it is tried (again); none: no more
    Column("sent_at", UtcTime),
    Column("trouble", String(32)),  # coded: refused, unreachable, ...
)

#: a node that has a mail sends it within this time, or another one takes it; far more than a send may take
LEASE = timedelta(minutes=5)
#: mail that could not be handed over by then is not sent any more: the office is told
GIVE_UP = timedelta(days=2)
#: rows of mail that is done are removed after this time
KEEP = timedelta(days=30)
UNDONE = ("queued", "sending")
#: kinds whose mails about one thing go to several people: none of them waits for another
TO_MANY = ("alert",)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, opened. ``tries``: which try this is, from 1; it is also the lease."""

    seq: int
    id: str
    kind: str
    about: str | None
    recipient: str
    subject: str
    text: str
    lang: str
    queued_at: datetime
    not_after: datetime | None
    tries: int


async def enqueue(
    db: Database,
    tx: Transaction,
    *,
    kind: str,
    about: str | None,
    recipient: str,
    subject: str,
    text: str,
    lang: str = "en",
    not_after: datetime | None = None,
) -> str:
    """Queue a mail in the caller's transaction: it goes out if that commits. Gives its id.

    ``lang``: the recipient's. ``not_after``: it would be of no use later. Mail of one ``kind`` about one thing goes out
    in the order of its queueing, but for ``TO_MANY``. ``recipient`` is one address; ValueError for anything else.

    No audit entry here: it would take the chain's turn in the middle of the caller's transaction. Sending leaves one.
    """
    if parse_email(recipient) != recipient:
        raise ValueError("not one plain mail address")
    mail_id = new_id()
    door, c = Access(db.cipher), outbox.c
    content: dict[str, Any] = {"subject": " ".join(subject.split()), "text": text, "lang": lang}
    if not_after is not None:
        content["not_after"] = not_after.isoformat()
    await tx.conn.execute(
        insert(outbox).values(
            id=mail_id,
            kind=kind,
            about_id=about,
            recipient=door.seal(c.recipient, mail_id, recipient),
            content=door.seal(c.content, mail_id, json.dumps(content)),
            queued_at=tx.now,
            state="queued",
            tries=0,
            next_at=tx.now,
        )
    )
    return mail_id


def _due(now: datetime) -> Any:
    """Rows that somebody may take: queued and due, or left lying by a node that died; nothing before an earlier mail
    of the same kind about the same thing (but for ``TO_MANY``: one bad address would hold up everybody)."""
    earlier = outbox.alias("earlier")
    c = outbox.c
    return and_(
        c.state.in_(UNDONE),
        c.next_at <= now,
        or_(
            c.about_id.is_(None),
            c.kind.in_(TO_MANY),
            ~exists().where(
                earlier.c.about_id == c.about_id,
                earlier.c.kind == c.kind,
                earlier.c.seq < c.seq,
                earlier.c.state.in_(UNDONE),
            ),
        ),
    )


async def due(conn: AsyncConnection, now: datetime, most: int) -> Sequence[tuple[int, int]]:
    """(seq, tries) of what may be taken now."""
    c = outbox.c
    rows = await conn.execute(select(c.seq, c.tries).where(_due(now)).order_by(c.next_at, c.seq).limit(most))
    return [(row.seq, row.tries) for row in rows]


async def take(db: Database, seq: int, tries: int) -> Mail | None:
    """Take the row for :data:`LEASE`; None: another node was faster."""
    c = outbox.c
    async with db.write() as tx:
        taken = (
            (
                await tx.conn.execute(
                    update(outbox)
                    .where(c.seq == seq, c.tries == tries, c.state.in_(UNDONE), c.next_at <= tx.now)
                    .values(state="sending", tries=tries + 1, next_at=tx.now + LEASE)
                    .returning(outbox)
                )
            )
            .mappings()
            .first()
        )
    if taken is None:
        return None
    async with db.write() as tx:  # of its own: the chain's turn comes before any row
        return opened(await access(db, tx, SYSTEM, "send", "mail", taken["id"]), taken)


def opened(door: Access, row: RowMapping) -> Mail:
    c, key = outbox.c, row["id"]
    content = json.loads(door.open(c.content, key, row["content"]))
    until = content.get("not_after")
    return Mail(
        seq=row["seq"],
        id=key,
        kind=row["kind"],
        about=row["about_id"],
        recipient=door.open(c.recipient, key, row["recipient"]),
        subject=content["subject"],
        text=content["text"],
        lang=content["lang"],
        queued_at=row["queued_at"],
        not_after=datetime.fromisoformat(until) if until else None,
        tries=row["tries"],
    )


async def sent(db: Database, mail: Mail) -> bool:
    """The server has it. The text goes: it may hold a visit's address. False: the lease was lost."""
    scrubbed = json.dumps({"subject": mail.subject, "text": "", "lang": mail.lang})
    content = Access(db.cipher).seal(outbox.c.content, mail.id, scrubbed)
    async with db.write() as tx:
        return await _settle(tx, mail, state="sent", sent_at=tx.now, next_at=None, trouble=None, content=content)


async def failed(db: Database, mail: Mail, trouble: str) -> bool:
    """It is not tried again; the office sees why."""
    async with db.write() as tx:
        return await _settle(tx, mail, state="failed", next_at=None, trouble=trouble)


async def later(db: Database, mail: Mail, wait: timedelta, trouble: str) -> bool:
    async with db.write() as tx:
        return await _settle(tx, mail, state="queued", next_at=tx.now + wait, trouble=trouble)


async def _settle(tx: Transaction, mail: Mail, **values: Any) -> bool:
    c = outbox.c
    done = await tx.conn.execute(
        update(outbox)
        .where(c.seq == mail.seq, c.tries == mail.tries, c.state == "sending")
        .values(**values)
        .returning(c.seq)
    )
    return done.first() is not None


async def keep(db: Database) -> None:
    """Development without a mail server: what is queued stays, to be read on /mail."""
    c = outbox.c
    async with db.read() as conn:
        if await conn.scalar(select(c.seq).where(c.state == "queued").limit(1)) is None:
            return
    async with db.write() as tx:
        await tx.conn.execute(update(outbox).where(c.state == "queued").values(state="kept", next_at=None))


async def tidy(db: Database) -> None:
    """What nobody could take over for too long has failed; what was done long ago is removed."""
    c = outbox.c
    now = await db.now()
    stale = and_(c.state == "queued", c.queued_at < now - GIVE_UP)
    old = and_(c.state.not_in(UNDONE), c.queued_at < now - KEEP)
    async with db.read() as conn:
        if await conn.scalar(select(c.seq).where(or_(stale, old)).limit(1)) is None:
            return
    async with db.write() as tx:
        await tx.conn.execute(update(outbox).where(stale).values(state="failed", next_at=None, trouble="gave_up"))
        await tx.conn.execute(delete(outbox).where(old))


async def again(tx: Transaction, mail_id: str) -> bool:
    """The office wants a failed mail to be tried once more, from the beginning. False: it did not fail."""
    c = outbox.c
    done = await tx.conn.execute(
        update(outbox)
        .where(c.id == mail_id, c.state == "failed")
        .values(state="queued", next_at=tx.now, queued_at=tx.now)
        .returning(c.seq)
    )
    return done.first() is not None


async def put_away(tx: Transaction, mail_id: str) -> None:
    """The office has seen that a mail failed, and helped itself."""
    c = outbox.c
    await tx.conn.execute(delete(outbox).where(c.id == mail_id, c.state == "failed"))


async def of_kinds(conn: AsyncConnection, kinds: Sequence[str], *conditions: Any) -> Sequence[RowMapping]:
    query = select(outbox).where(outbox.c.kind.in_(kinds), *conditions).order_by(outbox.c.seq)
    return (await conn.execute(query)).mappings().all()


async def latest(db: Database, most: int, actor: Actor = SYSTEM) -> list[tuple[RowMapping, Mail]]:
    """The newest mail first, opened, for the page of development."""
    async with db.write() as tx:
        door = await access(db, tx, actor, "read", "mail", "all")
        rows = (await tx.conn.execute(select(outbox).order_by(outbox.c.seq.desc()).limit(most))).mappings().all()
    return [(row, opened(door, row)) for row in rows]
