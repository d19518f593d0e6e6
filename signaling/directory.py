"""Where the pages of each visit are: here, or at another node."""

from collections.abc import Iterator

from signaling.messages import ServerMessage
from signaling.pages import Page
from signaling.visits import Role


class Directory:
    """This node's open pages, and what it has heard of pages elsewhere."""

    def __init__(self) -> None:
        self._pages: set[Page] = set()
        self._by_visit: dict[str, set[Page]] = {}
        self._elsewhere: dict[str, dict[str, str]] = {}  # visit: instance: node

    def __contains__(self, page: object) -> bool:
        return page in self._pages

    def __iter__(self) -> Iterator[Page]:
        return iter(list(self._pages))

    def visits(self) -> list[str]:
        """With a page here."""
        return list(self._by_visit)

    def of(self, visit: str) -> list[Page]:
        """This visit's pages here."""
        return list(self._by_visit.get(visit, ()))

    def pages(self, *, role: str | None, visit: str | None, staff: str | None) -> list[Page]:
        """Those that fit; None: whatever it is."""
        return [
            page
            for page in (self if visit is None else self.of(visit))
            if (role is None or page.who.role == role) and (staff is None or page.who.staff == staff)
        ]

    def add(self, page: Page) -> None:
        self._pages.add(page)

    def discard(self, page: Page) -> None:
        self._pages.discard(page)

    def attach(self, page: Page, visit: str) -> None:
        self._by_visit.setdefault(visit, set()).add(page)

    def detach(self, page: Page, visit: str) -> bool:
        """True if it was the visit's last page here: what is known of it would only grow old."""
        pages = self._by_visit.get(visit, set())
        pages.discard(page)
        if pages:
            return False
        self._by_visit.pop(visit, None)
        self._elsewhere.pop(visit, None)
        return True

    def here(self, visit: str, instance: str | None) -> bool:
        return any(page.instance == instance for page in self._by_visit.get(visit, ()))

    def present(self, visit: str, instance: str | None) -> bool:
        """Connected, to this node or another."""
        return self.here(visit, instance) or instance in self._elsewhere.get(visit, {})

    def send(self, visit: str, role: Role | None, instance: str, message: ServerMessage) -> bool:
        """To that page if it is here. False: it is not.

        A page that gives another side's instance as its own gets nothing.
        """
        pages = [page for page in self._by_visit.get(visit, ()) if page.instance == instance and page.side == role]
        for page in pages:
            page.send(message)
        return bool(pages)

    def came(self, visit: str, instance: str, node: str) -> None:
        """Another node has this page."""
        self._elsewhere.setdefault(visit, {})[instance] = node

    def went(self, visit: str, instance: str, node: str) -> None:
        if self._elsewhere.get(visit, {}).get(instance) == node:
            del self._elsewhere[visit][instance]
