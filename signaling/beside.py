"""What goes on beside the call: the chat, which the visit stores and this delivers in order, and quality samples."""

from signaling.messages import Chat, ChatLine, Chats, ChatsTold, QualitySample
from signaling.pages import Page
from signaling.visits import Line, Refused, Sample, Visits

MOST_LINES = 30  # sent at once: a page that reads slowly is not cut off for a long conversation


class Beside:
    """One a hub. A page gets lines once it has asked; from then on each new one."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    async def handle(self, page: Page, message: Chat | Chats | QualitySample) -> None:
        """Raises `Refused`."""
        if page.visit is None or page.side is None:
            raise Refused("not_admitted")
        if isinstance(message, QualitySample):
            sample = Sample(**message.model_dump(exclude={"type"}))
            await self._visits.quality(page.visit, page.side, page.instance, sample)
            return
        if isinstance(message, Chats):
            page.chat = message.after
            last = await self._send(page, page.visit, fresh=True)
            page.send(ChatsTold(last=last))
            return
        # both sides hear of it as of any changed row; the sender hears at once that it is stored
        line = await self._visits.chat(page.visit, page.side, page.instance, message.id, message.text)
        page.send(_line(line))

    async def changed(self, visit: str, pages: list[Page]) -> None:
        """There is more in this visit's chat: `pages` are those that show it here."""
        for page in pages:
            if page.chat is not None and page.visit == visit:
                try:
                    await self._send(page, visit, fresh=False)
                except Refused:
                    continue  # the visit is over, or the page no longer its side's: it is told so elsewhere

    async def _send(self, page: Page, visit: str, *, fresh: bool) -> int:
        """What the page lacks, `MOST_LINES` at most. Gives the number of the last line that there is."""
        if page.side is None or page.chat is None:
            return 0
        lines = await self._visits.chats(visit, page.side, page.instance, page.chat, MOST_LINES + 1, fresh)
        for line in lines[:MOST_LINES]:
            page.send(_line(line))
            page.chat = max(page.chat, line.number)
        return max(page.chat, lines[-1].number if lines else 0)


def _line(line: Line) -> ChatLine:
    return ChatLine(
        seq=line.number, id=line.id, role=line.role, at=line.at, text=line.text, own=line.own, name=line.name
    )
