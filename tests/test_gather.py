"""Many reasons, one step; and one that failed comes again by itself."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import pairwise

import pytest

from server import gather
from server.gather import Gather
from tests.rig.wait import until


async def test_a_step_that_failed_comes_again_without_a_reason_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "AGAIN_S", 0.05)
    loop, came = asyncio.get_running_loop(), list[float]()

    async def step() -> None:
        came.append(loop.time())
        if len(came) < 3:
            raise OSError

    one = Gather(0.001, step)
    task = asyncio.create_task(one.run())
    one.wake()

    async def done() -> bool:
        return len(came) == 3

    try:
        await until(done, what="the step has come through")
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert all(b - a >= 0.045 for a, b in pairwise(came))
