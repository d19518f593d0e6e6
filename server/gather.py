"""Many reasons, one step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import structlog

#: after a failure: a database that restarts is not asked without end
AGAIN_S = 1.0
log = structlog.get_logger("gather")


class Gather:
    """Does ``step`` a little after the first reason, once for all that have come by then. One that comes while the step
    runs is a reason for the next one; a step that takes long rests as long, so that reasons without end take half of
    the process at most. A failure is logged, and tried again after ``AGAIN_S``."""

    def __init__(self, after_s: float, step: Callable[[], Awaitable[None]], *, trace: bool = False) -> None:
        self._after_s, self._step, self._trace = after_s, step, trace
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        rest = 0.0
        while True:
            await self._wake.wait()
            await asyncio.sleep(max(self._after_s, rest - monotonic()))
            self._wake.clear()
            began = monotonic()
            try:
                await self._step()
            except Exception as error:
                log.error("pages not up to date", error=type(error).__name__, exc_info=self._trace)
                self._wake.set()
                rest = monotonic() + AGAIN_S
                continue
            took = monotonic() - began
            rest = began + 2 * took
