"""A real mail server in the test's own loop: TLS, sign-in, and every way in which servers say no or die."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from server.lan import lan_certificate
from tests.rig.processes import free_port


class MailServer:
    """``received``: what it has taken, in order. ``replies``: what it says to the next RCPT or DATA instead of yes."""

    def __init__(self, folder: Path, tls: str, names: tuple[str, ...] = ("localhost", "127.0.0.1")) -> None:
        self.tls, self.port = tls, free_port()
        cert, key = lan_certificate(folder, list(names))
        self.ca = cert
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(cert, key)
        self.received: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.rcpt_replies: list[str] = []
        self.data_replies: list[str] = []
        self.die_in_data = (
            0  # so many times it takes the whole mail and then breaks the connection instead of answering
        )
        self.hang = asyncio.Event()  # clear it, and the answer to DATA waits
        self.hang.set()
        self.seen_data = asyncio.Event()
        self.password: str | None = None

    @property
    def url(self) -> str:
        return f"{'smtps' if self.tls == 'implicit' else 'smtp'}://localhost:{self.port}"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.rcpt_replies:
            return self.rcpt_replies.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.seen_data.set()
        await self.hang.wait()
        if self.data_replies:
            return self.data_replies.pop(0)
        if self.die_in_data:
            self.die_in_data -= 1
            server.transport.abort()
            return "250 OK"
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.received.append(message)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            b"clinic",
            (self.password or "").encode(),
        )
        return AuthResult(success=right, handled=False)


@asynccontextmanager
async def mail_server(folder: Path, tls: str = "starttls", **more: Any) -> AsyncIterator[MailServer]:
    """``tls``: starttls, implicit, or none."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 (once, in a test)
    made = MailServer(folder, tls, **more)
    make: Callable[[], SMTP] = partial(
        SMTP,
        made,
        hostname="localhost",
        tls_context=made.context if tls == "starttls" else None,
        require_starttls=tls == "starttls",
        authenticator=made.authenticate,
        auth_require_tls=tls == "starttls",
        loop=asyncio.get_running_loop(),
    )
    context = made.context if tls == "implicit" else None
    server = await asyncio.get_running_loop().create_server(lambda: make(), "127.0.0.1", made.port, ssl=context)
    try:
        yield made
    finally:
        made.hang.set()
        server.close()
