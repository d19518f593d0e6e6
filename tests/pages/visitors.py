"""People at the HTTP level: each has a browser's cookies and sends what a browser sends. No scripts run here."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDictProxy
from sqlalchemy import RowMapping, insert, select, text
from yarl import URL

from server.audit import audit_entry
from server.ids import digest, new_id
from server.people.passwords import hash_password
from server.people.tables import staff
from server.visit import store as visits
from server.visit.consent import CURRENT
from server.visit.tables import visit
from server.web import DATABASE, SETTINGS

PASSWORD = "alder street tests"
#: argon2 is slow on purpose: one hash for everybody
_HASHED = hash_password(PASSWORD)

WALK_IN = {
    "name": "Ana Pereira", "dob_day": "27", "dob_month": "3", "dob_year": "1961", "reason": "My shoulder hurts",
    "street": "12 Alder Street", "city": "Toronto", "province": "CA-ON", "phone": "416 555 0123", "emergency_none": "yes",
    "language": "en", "interpreter": "no", "consent": CURRENT.version,
}  # fmt: skip
DOB = {"dob_day": "27", "dob_month": "3", "dob_year": "1961"}


@dataclass(frozen=True)
class Answer:
    """What the server answered. ``text`` is the body as it came."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str

    @property
    def location(self) -> str:
        return self.headers["Location"]

    @property
    def words(self) -> str:
        """What a person reads: no tags, no scripts, entities resolved, one space between words."""
        body = re.sub(r"<(script|style|template)\b.*?</\1>|<[^>]+>", " ", self.text, flags=re.S)
        return re.sub(r"[ \t\r\n]+", " ", html.unescape(body)).strip()

    def json(self) -> Any:
        return json.loads(self.text)


class Socket:
    """A page's WebSocket."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, instance: str) -> None:
        self.ws, self.instance = ws, instance
        self.heard: list[dict[str, Any]] = []

    async def say(self, message: Mapping[str, object] | str) -> None:
        await self.ws.send_str(message if isinstance(message, str) else json.dumps(message))

    async def hear(self, type_: str, /, *, seconds: float = 15, **fields: object) -> dict[str, Any]:
        """The next message of this type and with these fields; the others are kept in ``heard``."""
        async with asyncio.timeout(seconds):
            while True:
                frame = await self.ws.receive()
                assert frame.type is aiohttp.WSMsgType.TEXT, f"closed with {frame.data} before {type_}"
                message: dict[str, Any] = json.loads(frame.data)
                self.heard.append(message)
                if message["type"] == type_ and all(message.get(name) == value for name, value in fields.items()):
                    return message

    async def closed(self, *, seconds: float = 15) -> int | None:
        """The code with which the server ends the connection."""
        async with asyncio.timeout(seconds):
            while True:
                frame = await self.ws.receive()
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    return int(frame.data) if frame.type is aiohttp.WSMsgType.CLOSE else self.ws.close_code
                self.heard.append(json.loads(frame.data))

    async def close(self) -> None:
        await self.ws.close()


class Visitor:
    """Somebody with a browser."""

    def __init__(self, url: str, lang: str = "en") -> None:
        self.url = URL(url)
        jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=self.url)
        self._client = aiohttp.ClientSession(cookie_jar=jar, headers={"Accept-Language": lang})
        self._jar = jar

    async def close(self) -> None:
        await self._client.close()

    def cookie(self, name: str) -> str | None:
        found = self._jar.filter_cookies(self.url).get(name)
        return found.value if found else None

    def set_cookie(self, name: str, value: str) -> None:
        self._jar.update_cookies({name: value}, self.url)

    def cookies(self) -> dict[str, str]:
        return {name: found.value for name, found in self._jar.filter_cookies(self.url).items()}

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.send("GET", path, headers=headers)

    async def send(self, method: str, path: str, data: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """As it is: no token, no Origin."""
        url = URL(str(self.url) + path.lstrip("/"), encoded=True)
        async with self._client.request(method, url, data=data, headers=headers, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers, await answer.text(errors="replace"))

    async def token(self) -> str:
        """The form token, as a page that this browser has loaded gave it."""
        if self.cookie("__Host-csrf") is None:
            await self.get("/")
        return self.cookie("__Host-csrf") or ""

    @property
    def origin(self) -> str:
        return str(self.url.origin())

    async def post(
        self, path: str, data: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A form of one of our pages, sent by the browser."""
        form = {"csrf": await self.token(), **(data or {})}
        return await self.send("POST", path, form, {"Origin": self.origin, **(headers or {})})

    async def socket(
        self, path: str, *, hello: bool = True, origin: str | None = "own", visit: str | None = None
    ) -> Socket:
        """The page's WebSocket. Raises aiohttp.WSServerHandshakeError when it is refused."""
        headers = {} if origin is None else {"Origin": self.origin if origin == "own" else origin}
        ws = await self._client.ws_connect(URL(str(self.url) + path.lstrip("/")), headers=headers, max_msg_size=0)
        made = Socket(ws, new_id())
        if hello:
            first = {"type": "hello", "instance": made.instance, "fresh": True}
            await made.say(first | ({"visit": visit} if visit else {}))
            await made.hear("welcome")
        return made


class Member(Visitor):
    """A member of staff, signed in."""

    id: str = ""
    username: str = ""


class Site:
    """The whole service in this process, and its people."""

    def __init__(self, url: str, app: web.Application) -> None:
        self.url, self.app, self.db, self.settings = url, app, app[DATABASE], app[SETTINGS]
        self._people: list[Visitor] = []

    def visitor(self, lang: str = "en") -> Visitor:
        made = Visitor(self.url, lang)
        self._people.append(made)
        return made

    async def hire(self, username: str, role: str = "therapist", *, on_duty: bool = True) -> str:
        """An account with :data:`PASSWORD`; its id."""
        staff_id = new_id()
        async with self.db.write() as tx:
            await tx.conn.execute(
                insert(staff).values(
                    id=staff_id, username=username, name=f"Dr. {username.title()}", role=role,
                    profession="PT" if role == "therapist" else None, password=_HASHED, changed_at=tx.now,
                    on_duty_since=tx.now if on_duty and role == "therapist" else None,
                )
            )  # fmt: skip
        return staff_id

    async def member(self, username: str, role: str = "therapist", *, lang: str = "en") -> Member:
        made = Member(self.url, lang)
        self._people.append(made)
        made.id, made.username = await self.hire(username, role), username
        realm = "desk" if role == "therapist" else "admin"
        answer = await made.post(f"/{realm}/sign-in", {"username": username, "password": PASSWORD})
        assert answer.status == 303, answer.words
        return made

    async def joins(self, who: Visitor, **changed: str) -> str:
        """From the form to the visit's path. Somebody must be on duty."""
        answer = await who.post("/join", WALK_IN | changed)
        assert answer.status == 303, answer.words
        return answer.location

    async def waits(self, who: Visitor, **changed: str) -> tuple[str, str]:
        """A patient in the waiting room: (the visit's path, its id)."""
        path = await self.joins(who, **changed)
        assert (await who.post(f"{path}/ready", {"devices": "both"})).status == 303
        return path, (await self.visit(path))["id"]

    async def visit(self, path: str) -> RowMapping:
        query = select(visit).where(visit.c.address_hash == digest(path.rsplit("/", 1)[-1]))
        async with self.db.read() as conn:
            return (await conn.execute(query)).mappings().one()

    async def by_id(self, visit_id: str) -> RowMapping:
        async with self.db.read() as conn:
            row = await visits.by_id(conn, visit_id)
        assert row is not None
        return row

    async def audit(self) -> list[RowMapping]:
        async with self.db.read() as conn:
            return list((await conn.execute(select(audit_entry).order_by(audit_entry.c.seq))).mappings())

    async def count(self, table: str) -> int:
        assert table.isidentifier()
        async with self.db.read() as conn:
            return int(await conn.scalar(text(f"SELECT count(*) FROM {table}")) or 0)

    async def close(self) -> None:
        await asyncio.gather(*(person.close() for person in self._people))
