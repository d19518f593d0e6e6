"""What people do on their pages in Firefox: the steps of tests/pages/roles.py, by scripts."""

from __future__ import annotations

from typing import Any, cast

from playwright.async_api import Page

from server.seed import DEMO_PASSWORD
from tests.rig.firefox import FirefoxError, FirefoxPage
from tests.rig.wait import until

_PRESS = "(it) => { const one = document.querySelector(it); if (!one || one.disabled) return false; one.click(); return true; }"
_FILL = """(fields) => {
  for (const [selector, value] of Object.entries(fields)) {
    const one = document.querySelector(selector);
    if (value === true) {
      if (!one.checked) one.click();
      continue;
    }
    one.value = value;
    for (const type of ["input", "change"]) one.dispatchEvent(new Event(type, { bubbles: true }));
  }
}"""
_ADMIT = """(word) => {
  const one = [...document.querySelectorAll("button")].find((it) => it.textContent.includes(word) && it.checkVisibility());
  one?.click();
  return Boolean(one);
}"""
_ATTRIBUTE = "([selector, name]) => document.querySelector(selector)?.getAttribute(name)"


def as_page(page: FirefoxPage) -> Page:
    """For tests/rig/senses.py, which only evaluates."""
    return cast(Page, page)


async def ask(page: FirefoxPage, script: str, argument: object = None) -> Any:
    """None while another document is being loaded."""
    try:
        return await page.evaluate(script, argument)
    except FirefoxError:
        return None


async def press(page: FirefoxPage, selector: str) -> None:
    await until(lambda: ask(page, _PRESS, selector), seconds=20, what=f"{selector} to press")


async def has(page: FirefoxPage, selector: str, name: str, value: str, *, seconds: float = 20) -> None:
    async def it_has() -> bool:
        return bool(await ask(page, _ATTRIBUTE, [selector, name]) == value)

    await until(it_has, seconds=seconds, what=f"{selector} with {name}={value}")


async def at(page: FirefoxPage, pattern: str) -> str:
    """The page's address, once its path matches and its scripts are there."""
    script = f"document.readyState === 'complete' && /{pattern}/.test(location.pathname) && location.href"
    return str(await until(lambda: ask(page, script), seconds=20, what=f"a page at {pattern}"))


async def waits(page: FirefoxPage, url: str) -> str:
    """A patient from the home page to the waiting room; gives the visit's address."""
    await page.goto(url)
    await press(page, "[data-join]")
    await at(page, "^.join$")
    fields: dict[str, str | bool] = {
        "[name=name]": "Ana Pereira",
        "[name=dob_day]": "27",
        "[name=dob_month]": "3",
        "[name=dob_year]": "1961",
        "[name=reason]": "My shoulder hurts when I dress",
        "[name=street]": "12 Alder Street",
        "[name=city]": "Toronto",
        "[name=province]": "CA-ON",
        "[name=phone]": "416 555 0123",
        "[name=emergency_none]": True,
        "[name=language][value=en]": True,
        "[name=interpreter][value=no]": True,
        "[name=consent]": True,
    }
    await page.evaluate(_FILL, fields)
    await press(page, "form[action='/join'] button[type=submit]")
    address = await at(page, r"^.v.[\w-]{22}$")
    await press(page, "[data-action=open-devices]")
    await has(page, "#visit", "data-camera", "on")
    await press(page, "[data-ready-button]")
    await has(page, "#visit", "data-view", "waiting")
    return address


async def on_duty(page: FirefoxPage, url: str) -> None:
    """A therapist at the desk, on duty, with the camera open."""
    await page.goto(f"{url}/desk")
    await at(page, "sign-in$")
    await page.evaluate(_FILL, {"[name=username]": "li", "[name=password]": DEMO_PASSWORD})
    await press(page, "form:has([name=password]) button")
    await at(page, "^.desk$")
    await has(page, "#desk", "data-socket", "open")
    await press(page, "form[action='/desk/duty'] button[value=yes]")
    await has(page, "#desk", "data-on-duty", "yes")
    await has(page, "#desk", "data-camera", "on")


async def admit(page: FirefoxPage) -> None:
    await until(lambda: ask(page, _ADMIT, "Admit Ana"), seconds=20, what="somebody to admit")
