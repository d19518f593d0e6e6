"""The yardstick of bench/waiting.py: a bare aiohttp WebSocket server. Argument: a port.

It holds the sockets, answers pings, and sends every socket the same text when one of them asks for it ("say ...").
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from aiohttp import WSMsgType, web

OPEN: web.AppKey[Any] = web.AppKey("open", object)


async def live(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse(compress=False, heartbeat=20.0)
    await ws.prepare(request)
    request.app[OPEN].add(ws)
    try:
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                content = json.loads(message.data)
                if content["type"] == "say":
                    for number, other in enumerate(list(request.app[OPEN])):
                        await other.send_str(content["text"])
                        if number % 100 == 99:
                            await asyncio.sleep(0)
                elif content["type"] == "ping":
                    await ws.send_str(json.dumps({"type": "pong", "server_now": time.time()}))
    finally:
        request.app[OPEN].discard(ws)
    return ws


def main() -> None:
    app = web.Application()
    app[OPEN] = set()
    app.router.add_get("/live", live)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None, shutdown_timeout=0.2)


if __name__ == "__main__":
    main()
