"""Hands the outbox to a mail server: SMTP with TLS, verified; every node does, several mails at a time."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from server import mail
from server.config import Settings
from server.db import Database
from server.mail import Mail
from server.mail_message import compose, host_of, wait_after

#: one send, all in all; far less than the lease
SEND_S = 60.0
#: mails that one node sends at a time
AT_A_TIME = 4
POLL_S = 1.0
TIDY_S = 600.0
#: at the end a send that is under way may finish for this long: no mail goes out twice for a restart
FAREWELL_S = 3.0
log = structlog.get_logger("mail")


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed over. ``tls``: from the first byte, by STARTTLS (or not at all), or none (this machine)."""

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"]
    user: str | None
    password: str | None
    ca: Path | None

    @classmethod
    def of(cls, settings: Settings) -> Server | None:
        if not settings.smtp_url:
            return None
        url = urlsplit(settings.smtp_url)
        tls: Literal["implicit", "starttls", "none"]
        tls, port = {"smtps": ("implicit", 465), "smtp": ("starttls", 587), "smtp+plain": ("none", 25)}[url.scheme]  # type: ignore[assignment]
        return cls(
            host=url.hostname or "",
            port=url.port or port,
            tls=tls,
            user=unquote(url.username) if url.username else None,
            password=unquote(url.password or "") if url.username else None,
            ca=settings.smtp_ca,
        )


class Trouble(Exception):
    """Why a mail did not go out: a code, and whether this mail can ever."""

    def __init__(self, code: str, *, for_good: bool = False) -> None:
        super().__init__(code)
        self.code, self.for_good = code, for_good


class Sender:
    """One a node. ``run`` until cancelled."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db, self._settings = db, settings
        self.server = Server.of(settings)
        self._running: set[asyncio.Task[None]] = set()
        self._luck = random.Random()

    async def run(self) -> None:
        if self.server is None and not self._settings.development:
            log.warning("no mail server is set (TM_SMTP_URL): mail is queued and not sent; the office's page says so")
        tidied = -TIDY_S
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    if loop.time() >= tidied + TIDY_S:
                        tidied = loop.time()
                        await mail.tidy(self._db)
                    await self._round()
                except Exception as error:
                    log.error("mail round failed", error=type(error).__name__)
                await asyncio.sleep(POLL_S * (0.75 + 0.5 * self._luck.random()))
        finally:
            if self._running:
                await asyncio.wait(self._running, timeout=FAREWELL_S)
            for task in self._running:
                task.cancel()

    async def once(self) -> None:
        """What is due now, until it is settled."""
        await self._round()
        if self._running:
            await asyncio.wait(self._running)

    async def _round(self) -> None:
        if self.server is None:
            if self._settings.development:
                await mail.keep(self._db)
            return
        while len(self._running) < AT_A_TIME:
            now = await self._db.now()
            async with self._db.read() as conn:
                found = await mail.due(conn, now, AT_A_TIME - len(self._running))
            if not found:
                return
            for seq, tries in found:
                taken = await mail.take(self._db, seq, tries)
                if taken is not None:
                    task = asyncio.create_task(self._send(self.server, taken))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)

    async def _send(self, server: Server, one: Mail) -> None:
        """Send it and write down what came of it. It has an owner's ear: whatever fails is logged here."""
        try:
            outcome = await self._outcome(server, one)
            await self._write(one, outcome)
        except Exception as error:
            log.error("mail not settled", kind=one.kind, error=type(error).__name__)  # the lease runs out by itself

    async def _outcome(self, server: Server, one: Mail) -> Trouble | None:
        now = await self._db.now()
        if one.not_after is not None and now > one.not_after:
            return Trouble("too_late", for_good=True)
        if now - one.queued_at > mail.GIVE_UP:
            return Trouble("gave_up", for_good=True)
        message = compose(
            mail_id=one.id,
            sender=self._settings.mail_from,
            sender_name=self._settings.clinic_name_fr if one.lang == "fr" else self._settings.clinic_name,
            recipient=one.recipient,
            subject=one.subject,
            text=one.text,
            lang=one.lang,
            at=now,
            host=host_of(self._settings.base_url),
        )
        try:
            await hand_over(server, message, self._settings.mail_from, one.recipient)
        except Trouble as trouble:
            return trouble
        return None

    async def _write(self, one: Mail, outcome: Trouble | None) -> None:
        """What is sent must not go out again: a database that is away is asked until the lease ends."""
        loop = asyncio.get_running_loop()
        until = loop.time() + mail.LEASE.total_seconds() - SEND_S
        while True:
            try:
                if outcome is None:
                    kept = await mail.sent(self._db, one)
                elif outcome.for_good:
                    kept = await mail.failed(self._db, one, outcome.code)
                else:
                    kept = await mail.later(self._db, one, wait_after(one.tries, self._luck.random()), outcome.code)
                break
            except Exception:
                if loop.time() > until:
                    raise
                await asyncio.sleep(1)
        word = "sent" if outcome is None else "failed" if outcome.for_good else "later"
        log.info("mail", kind=one.kind, outcome=word, tries=one.tries, trouble=outcome and outcome.code, kept=kept)


async def hand_over(server: Server, message: object, sender: str, recipient: str) -> None:
    """One SMTP session for one mail. Raises :class:`Trouble`."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        timeout=SEND_S / 2,
        use_tls=server.tls == "implicit",
        start_tls=server.tls == "starttls",
        tls_context=None if server.tls == "none" else tls_context(server.ca),
    )
    try:
        async with asyncio.timeout(SEND_S):
            await _session(client, server, message, sender, recipient)
    except TimeoutError:
        raise Trouble("slow") from None
    finally:
        client.close()


async def _session(client: aiosmtplib.SMTP, server: Server, message: object, sender: str, recipient: str) -> None:
    try:
        await client.connect()
        if server.user is not None:
            await client.login(server.user, server.password or "")
    except aiosmtplib.SMTPAuthenticationError:
        raise Trouble("sign_in") from None
    except (ssl.SSLError, aiosmtplib.SMTPException, OSError) as error:
        raise Trouble("tls" if _is_tls(error) else "unreachable") from None
    stage = "sender"
    try:
        await client.mail(sender)
        stage = "recipient"
        await client.rcpt(recipient)
        stage = "content"
        await client.data(bytes(message))  # type: ignore[call-overload]
    except aiosmtplib.SMTPResponseException as error:
        if 500 <= error.code < 600:
            raise Trouble(f"{stage}_refused", for_good=True) from None
        raise Trouble("busy") from None  # 4xx: greylisting, a full disk, ...
    except (aiosmtplib.SMTPException, OSError):
        raise Trouble("broke_off") from None
    with contextlib.suppress(Exception):  # it has the mail: how we part does not matter
        async with asyncio.timeout(2):
            await client.quit()


def _is_tls(error: BaseException) -> bool:
    """Whether it failed for its certificate, or for having no TLS at all."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError) or "STARTTLS" in str(seen).upper() or "CERTIFICATE" in str(seen).upper():
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def tls_context(ca: Path | None) -> ssl.SSLContext:
    """Certificates are verified, also by name; TLS 1.2 at least."""
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
