"""Acts of several people at the same moment."""

from __future__ import annotations

import asyncio
from typing import Any

from server.errors import PersonError


async def said(*acts: Any) -> list[str]:
    """All acts at once; for each, the error's code or "done"."""
    results = await asyncio.gather(*acts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, PersonError):
            raise result
    return sorted(result.code if isinstance(result, PersonError) else "done" for result in results)
