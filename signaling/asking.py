"""What a page asks of its visit is answered in the visit's own time: a page's questions in their order."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from signaling.messages import Refusal, SupersededNotice
from signaling.pages import Page
from signaling.visits import Refused, Superseded

SUPERSEDED = 4409
MOST_ASKED = 64  # questions of one page that the visit has not answered yet

_log = structlog.get_logger(__name__)


class Asking:
    """The questions on their way. No description waits for the visit's disk."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, page: Page, about: str, question: Callable[[], Awaitable[None]]) -> None:
        """Answer it after the page's earlier ones; what the visit refuses is told to the page."""
        if page.asked >= MOST_ASKED:
            page.send(Refusal(code="unavailable", about=about))
            return
        page.asked += 1
        page.asking = asyncio.get_running_loop().create_task(_answered(page, about, question, page.asking))
        self._tasks.add(page.asking)
        page.asking.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._tasks)


async def _answered(
    page: Page, about: str, question: Callable[[], Awaitable[None]], before: asyncio.Task[None] | None
) -> None:
    if before is not None:
        await asyncio.wait([before])
    try:
        await question()
    except Refused as refused:
        page.send(Refusal(code=refused.code, about=about))
    except Superseded:
        page.send(SupersededNotice())
        page.close(SUPERSEDED)
    except Exception:
        _log.exception("hub.visit_failed", message=about)
        page.send(Refusal(code="unavailable", about=about))
    finally:
        page.asked -= 1
