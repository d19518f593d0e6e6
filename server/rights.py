"""Whether who has a page open may still be there: asked for all pages at once."""

from __future__ import annotations

from collections import defaultdict

from server.people.sessions import SqlStorage
from signaling.hub import REVOKED, Hub, Page

REALM = {"patient": "visit", "therapist": "desk", "admin": "admin"}


async def cut_off(hub: Hub, sessions: SqlStorage) -> None:
    """Close the pages whose web session has been signed out, rotated away, or is over. A guest's page has none: the hub
    hears when the invitation ends."""
    pages: dict[str, dict[str, list[Page]]] = defaultdict(lambda: defaultdict(list))
    for page in hub.pages():
        if (realm := REALM.get(page.who.role)) is not None:
            pages[realm][page.who.session].append(page)
    for realm, of_session in pages.items():
        async for key, data in sessions.many(realm, list(of_session)):
            for page in of_session.pop(key):
                if not (
                    page.who.visit in data.get("visits", [])
                    if realm == "visit"
                    else page.who.staff == data.get("staff")
                ):
                    page.close(REVOKED)
        for lost in of_session.values():
            for page in lost:
                page.close(REVOKED)
