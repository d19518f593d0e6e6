"""The limit: a loop of recvfrom and sendto in C (`bare.c`), with nothing else in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.load.wires import Line, Served, Setup, own_ip, pinned
from tests.rig.processes import Program


@asynccontextmanager
async def serve(setup: Setup) -> AsyncIterator[Served]:
    """The loop's process id and its legs. The program lies compiled beside `folder`."""
    folder, calls, wires = setup.folder, setup.calls, setup.wires
    pairs = folder / "legs"
    pairs.write_text("".join(f"{own_ip(2 * number)} {own_ip(2 * number + 1)}\n" for number in range(calls)))
    loop = Program(
        pinned(setup.core, str(folder.parent / "bare"), str(wires.port), str(pairs)), {}, folder / "bare.log"
    )
    loop.start()
    try:
        port = int((await loop.wait_for_line(r"^(\d+)$"))[1])
        yield Served(loop.pid, [Line(own_ip(number), ("127.0.0.1", port), number ^ 1) for number in range(2 * calls)])
    finally:
        await loop.stop()
