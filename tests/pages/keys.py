"""A person without a mouse: what they press is followed by a focus that can be seen, or the test fails."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from tests.rig.browsers import Person
from tests.rig.wait import until

#: What has the focus, and what is wrong with it. A choice is shown by its label; what a script gave the focus (a heading,
#: a region) takes no keys and needs no ring, and may be for screen readers only. Covered: another element is drawn over its middle.
FOCUSED = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return { what: "nothing", wrong: ["nothing has the focus"] };
  const words = (at.getAttribute("aria-label") || at.textContent || at.name || "").trim().replace(/\\s+/g, " ").slice(0, 40);
  const what = `${at.tagName.toLowerCase()}${at.id ? "#" + at.id : ""}[${at.name || ""}] "${words}"`;
  const faces = [at, at.closest("label")].filter(Boolean);
  const drawn = faces.map((face) => [face, face.getBoundingClientRect()]).sort((a, b) => b[1].width * b[1].height - a[1].width * a[1].height);
  const [face, box] = drawn[0];
  const wrong = [];
  const ringed = (element) => { const s = getComputedStyle(element); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0; };
  if (at.tabIndex >= 0 && !faces.some(ringed)) wrong.push("no focus ring");
  const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
  const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
  if (at.tabIndex < 0 && at.matches(".visually-hidden")) return { what, wrong };
  if (right - left < 1 || bottom - top < 1) wrong.push(`not in the window (${Math.round(box.top)} to ${Math.round(box.bottom)} of ${innerHeight})`);
  else {
    if (at.tabIndex >= 0 && box.height < innerHeight / 2 && (box.top < -1 || box.bottom > innerHeight + 1)) wrong.push("cut off by the window's edge");
    const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    if (over && !face.contains(over) && !over.contains(face)) wrong.push(`covered by ${over.tagName} ${over.className}`);
  }
  return { what, wrong };
}"""


class Keys:
    """Somebody without a mouse."""

    def __init__(self, person: Person) -> None:
        self.page: Page = person.page
        self.name = person.name

    async def press(self, key: str) -> None:
        await self.page.keyboard.press(key)

    async def can_see_the_focus(self, after: str) -> None:
        found: dict[str, Any] = {}

        async def fine() -> bool:
            found.update(await self.page.evaluate(FOCUSED))
            return not found["wrong"]

        try:  # a page that scrolls to it may take a frame or two
            await until(fine, seconds=3, what="a focus that can be seen")
        except AssertionError:
            pytest.fail(f"{self.name}, after {after}: {found['what']}: {', '.join(found['wrong'])}", pytrace=False)

    async def is_at(self, selector: str) -> bool:
        return bool(await self.page.evaluate("selector => document.activeElement.matches(selector)", selector))

    async def to(self, selector: str, *, back: bool = False, most: int = 80) -> None:
        """Tab (or Shift+Tab) until the focus is there; it can be seen at every stop."""
        key = "Shift+Tab" if back else "Tab"
        for _ in range(most):
            await self.press(key)
            await self.can_see_the_focus(f"{key} on the way to {selector}")
            if await self.is_at(selector):
                return
        pytest.fail(f"{self.name} does not reach {selector} with {most} times {key}", pytrace=False)

    async def write(self, selector: str, text: str, *, back: bool = False) -> None:
        await self.to(selector, back=back)
        await self.page.keyboard.type(text)

    async def choose(self, name: str, value: str) -> None:
        """A radio or an entry of a list: Tab to it, then the arrows."""
        await self.to(f'[name="{name}"]')
        for _ in range(20):
            if await self.is_at(
                f'select[name="{name}"]:has(option[value="{value}"]:checked), [value="{value}"]:checked'
            ):
                return
            await self.press("Space" if await self.is_at(f'[type=radio][value="{value}"]') else "ArrowDown")
            await self.can_see_the_focus(f"an arrow in {name}")
        pytest.fail(f"{self.name} does not choose {value} of {name}", pytrace=False)
