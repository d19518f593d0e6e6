"""Web sessions as rows in SQL, for aiohttp-session.

The cookie holds a random 256-bit token, the row its SHA-256. Three realms have three cookies, so a patient, a therapist
and an admin can be signed in beside each other in one browser.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

from aiohttp import web
from aiohttp_session import AbstractStorage, Session
from sqlalchemy import delete, insert, select, update

from server.db import Database
from server.ids import digest
from server.people.tables import web_session

MOST_KEYS = 500  # in one query
REALMS = ("visit", "desk", "admin")


def realm_of(request: web.BaseRequest) -> str:
    """The realm of a page: by its address's first part."""
    first = request.path.split("/", 2)[1]
    return first if first in ("desk", "admin") else "visit"


class SqlStorage(AbstractStorage):
    """Session rows. ``lifetimes``: realm -> how long a session lives after it was made or rotated."""

    def __init__(self, db: Database, lifetimes: dict[str, timedelta]) -> None:
        super().__init__(cookie_name="unused", httponly=True, secure=True, samesite="Lax", path="/")
        self._db = db
        self._lifetimes = lifetimes

    @staticmethod
    def cookie(realm: str) -> str:
        return f"__Host-{realm}"

    async def load_session(self, request: web.Request) -> Session:
        realm = realm_of(request)
        token = request.cookies.get(self.cookie(realm), "")
        data = await self.read(realm, token)
        if data is None:
            return Session(None, data=None, new=True)
        return Session(token, data={"session": data, "created": 0}, new=False)

    async def read(self, realm: str, token: str) -> dict[str, Any] | None:
        """What the session of this token holds now; None once it is signed out, rotated or over."""
        if not 40 <= len(token) <= 64:
            return None
        c = web_session.c
        async with self._db.read() as conn:
            found = (
                await conn.execute(select(c.data, c.expires_at).where(c.key == digest(token), c.realm == realm))
            ).first()
            if found is None or found.expires_at <= await self._db.now(conn):
                return None
        return dict(json.loads(found.data))

    async def many(self, realm: str, keys: Sequence[str]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Of these sessions (by their tokens' digests), those that stand, and what they hold now."""
        c = web_session.c
        now = await self._db.now()
        for start in range(0, len(keys), MOST_KEYS):
            query = select(c.key, c.data).where(
                c.key.in_(keys[start : start + MOST_KEYS]), c.realm == realm, c.expires_at > now
            )
            async with self._db.read() as conn:
                rows = (await conn.execute(query)).all()
            for key, data in rows:
                yield key, json.loads(data)

    async def save_session(self, request: web.Request, response: web.StreamResponse, session: Session) -> None:
        realm = realm_of(request)
        old = request.cookies.get(self.cookie(realm))
        data: dict[str, Any] = dict(session)
        async with self._db.write() as tx:
            await tx.conn.execute(delete(web_session).where(web_session.c.expires_at <= tx.now))
            if not data:  # signed out
                if old:
                    await tx.conn.execute(delete(web_session).where(web_session.c.key == digest(old)))
                    response.del_cookie(self.cookie(realm), path="/", secure=True, httponly=True, samesite="Lax")
                return
            rotate = data.pop("rotate", False) or session.new or session.identity is None
            if not rotate:
                await tx.conn.execute(
                    update(web_session)
                    .where(web_session.c.key == digest(str(session.identity)))
                    .values(data=json.dumps(data))
                )
                return
            if old:
                await tx.conn.execute(delete(web_session).where(web_session.c.key == digest(old)))
            token = secrets.token_urlsafe(32)
            lifetime = self._lifetimes[realm]
            await tx.conn.execute(
                insert(web_session).values(
                    key=digest(token),
                    realm=realm,
                    staff_id=data.get("staff"),
                    data=json.dumps(data),
                    created_at=tx.now,
                    expires_at=tx.now + lifetime,
                )
            )
        response.set_cookie(
            self.cookie(realm),
            token,
            max_age=int(lifetime.total_seconds()),
            path="/",
            secure=True,
            httponly=True,
            samesite="Lax",
        )
