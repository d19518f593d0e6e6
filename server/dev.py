"""``make run``: everything on this machine, on embedded stores, with a seeded clinic."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

from server.config import Settings
from server.crypto import FieldCipher
from server.db import Database
from server.embedded import embedded_valkey
from server.errors import SettingsError
from server.lan import lan_certificate, own_addresses
from server.migrate import migrate
from server.seed import DEMO_PASSWORD, PEOPLE, seed
from server.seed_day import seed_day
from server.seed_month import seed_month
from server.supervisor import Child, ChildFailed, Supervisor, ensure_free


async def seed_once(settings: Settings) -> bool:
    await migrate(settings.db_url)
    db = Database(settings.db_url, FieldCipher.from_settings(settings.data_keys, settings.index_key))
    try:
        fresh = await seed(db)
        if fresh and settings.demo_month:
            await seed_month(db, settings)
        if settings.demo_day:
            await seed_day(db)
        return fresh
    finally:
        await db.close()


def run_dev(settings: Settings, *, lan: bool = False) -> None:
    if not settings.development:
        raise SettingsError(["`dev` is for development: in production run `migrate`, then `web` and `relay`"])
    settings.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.var.chmod(0o700)
    env = {"TM_VAR": str(settings.var)}
    if lan:
        settings, more = _for_the_network(settings)
        env |= more
    ensure_free(settings.host, settings.port, "the web server", "TM_PORT")
    ensure_free("0.0.0.0", settings.relay_port, "the relay", "TM_RELAY_PORT", udp=True)  # noqa: S104
    ensure_free("0.0.0.0", settings.relay_port, "the relay", "TM_RELAY_PORT")  # noqa: S104
    python = [sys.executable, "-m", "server"]
    children = []
    if not settings.redis_url:
        children.append(embedded_valkey(settings.var, settings.valkey_binary).child)
    asyncio.run(seed_once(settings))
    children += [
        Child("relay", [*python, "relay"], env),
        Child("web", [*python, "web"], env, _listens(settings.host, settings.port)),
        Child("check", [*python, "check"], env),
    ]
    try:
        asyncio.run(Supervisor(children).run(lambda: print(_welcome(settings, lan), flush=True)))
    except ChildFailed as error:
        raise SettingsError([str(error)]) from None


def _listens(host: str, port: int):  # type: ignore[no-untyped-def]
    async def ready() -> bool:
        _, writer = await asyncio.open_connection("127.0.0.1" if host in ("0.0.0.0", "::") else host, port)  # noqa: S104
        writer.close()
        return True

    return ready


def _for_the_network(settings: Settings) -> tuple[Settings, dict[str, str]]:
    """Phones ask for HTTPS before they give a camera; on a clinic's own network a certificate of our own will do."""
    addresses = own_addresses()
    if not addresses:
        raise SettingsError(["--lan: this machine has no address that a phone could reach"])
    cert, key = lan_certificate(settings.var, [*addresses, "localhost", socket.gethostname()])
    url = settings.public_url or f"https://{addresses[0]}:{settings.port}"
    changes = {"host": "0.0.0.0", "tls_cert": cert, "tls_key": key, "public_url": url}  # noqa: S104
    return settings.model_copy(update=changes), {f"TM_{name.upper()}": str(value) for name, value in changes.items()}


def _welcome(settings: Settings, lan: bool) -> str:
    base = settings.base_url
    people = "\n".join(
        f"    {person.username:<10} {person.name}, {person.profession or person.role}" for person in PEOPLE
    )
    note = "\n  The certificate is this machine's own: the browser warns once." if lan else ""
    return f"""
  Twenty Minutes is running. Ctrl-C stops it; the data stays in {_short(settings.var)}.

    patient    {base}/
    therapist  {base}/desk
    admin      {base}/admin

  Demo sign-ins (password: {DEMO_PASSWORD}):
{people}
{note}"""


def _short(path: Path) -> str:
    try:
        return f"./{path.relative_to(os.getcwd())}"
    except ValueError:
        return str(path)
