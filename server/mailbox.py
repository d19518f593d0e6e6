"""Development: the mail that the service has queued, on one page instead of in people's mailboxes."""

from __future__ import annotations

import re

from aiohttp import web
from markupsafe import Markup, escape

from server import mail
from server.web import DATABASE, SETTINGS, page

MOST = 50
_LINK = re.compile(r"https?://\S+")


async def mailbox(request: web.Request) -> web.StreamResponse:
    found = await mail.latest(request.app[DATABASE], MOST)
    values = {
        "mails": [
            {
                "row": row,
                "recipient": one.recipient,
                "subject": one.subject,
                "lang": one.lang,
                "text": _linked(one.text),
            }
            for row, one in found
        ],
        "sends": bool(request.app[SETTINGS].smtp_url),
    }
    return page(request, "mail.html", values)


def _linked(text: str) -> Markup:
    """The text with its links to be pressed."""
    parts: list[str] = []
    end = 0
    for match in _LINK.finditer(text):
        parts += [escape(text[end : match.start()]), Markup('<a href="{0}">{0}</a>').format(match[0])]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])
