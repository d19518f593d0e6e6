"""The yardstick of bench/join.py: two bare pages that signal over one bare aiohttp WebSocket. Argument: a port."""

from __future__ import annotations

import sys
from pathlib import Path

from aiohttp import WSMsgType, web

PAGES = Path(__file__).parent / "join"
OPEN: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("open", set)


async def index(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGES / "index.html")


async def signal(request: web.Request) -> web.WebSocketResponse:
    """What one page says the other hears."""
    ws = web.WebSocketResponse(compress=False)
    await ws.prepare(request)
    pages = request.app[OPEN]
    pages.add(ws)
    try:
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                for other in pages - {ws}:
                    await other.send_str(message.data)
    finally:
        pages.discard(ws)
    return ws


def main() -> None:
    app = web.Application()
    app[OPEN] = set()
    app.router.add_get("/", index)
    app.router.add_get("/ws", signal)
    app.router.add_static("/", PAGES)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
