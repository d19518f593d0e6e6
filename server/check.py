"""The connection check's WebSocket: one a visit at a time, of its own, so that it can carry nothing of a call."""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from sqlalchemy import RowMapping

from server.errors import PersonError
from server.waitingroom.checks import MAY_CHECK, MOST_CHECKS, count, keep
from server.waitingroom.verdict import judge
from server.web import DATABASE, same_origin
from signaling.check_client import Checks
from signaling.check_messages import (
    MAX_CHECK_MESSAGE,
    CheckAnswer,
    CheckBegin,
    CheckFailed,
    CheckMessage,
    CheckQueued,
    CheckResult,
    dump_check,
    parse_begin,
)
from signaling.check_numbers import Numbers
from signaling.check_post import Answered, Failed, Measured, Queued
from signaling.check_sdp import check_gate
from signaling.messages import ProtocolError
from signaling.sdp import SdpRefused

CHECKS: web.AppKey[Checks] = web.AppKey("checks", Checks)
OPEN: web.AppKey[dict[str, asyncio.Task[None]]] = web.AppKey("open checks", dict)
BEGIN_SECONDS = 10.0
SEND_SECONDS = 5.0
HEARTBEAT_SECONDS = 10.0  # a page that is gone must not keep its place
BAD_MESSAGE, SUPERSEDED = 4400, 4409

log = structlog.get_logger("check")


async def serve_check(request: web.Request, row: RowMapping) -> web.StreamResponse:
    """``row``: the visit of the address, for a browser that has proved itself."""
    if "Origin" not in request.headers or not same_origin(request):
        raise PersonError("not_allowed")
    if row["state"] not in MAY_CHECK:
        raise PersonError("not_possible_now")
    ws = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, max_msg_size=MAX_CHECK_MESSAGE, compress=False)
    await ws.prepare(request)
    begin = await _begin(ws)
    if begin is None:
        await ws.close(code=BAD_MESSAGE)
        return ws
    running, visit_id = request.app[OPEN], row["id"]
    before = running.pop(visit_id, None)
    if before is not None:  # another window, or the same one once more: the newest counts
        before.cancel()
    task = running[visit_id] = asyncio.create_task(_check(request.app, ws, row, begin))
    gone = asyncio.create_task(_until_gone(ws))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if running.get(visit_id) is task:
            del running[visit_id]
        task.cancel()
        gone.cancel()
        for result in await asyncio.gather(task, gone, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, ConnectionError | TimeoutError):
                log.error("check failed", error=type(result).__name__)
    with contextlib.suppress(ConnectionError, TimeoutError, RuntimeError):
        await ws.close(code=SUPERSEDED if task.cancelled() else WSCloseCode.OK)
    return ws


async def _begin(ws: web.WebSocketResponse) -> CheckBegin | None:
    """The page's one message."""
    try:
        async with asyncio.timeout(BEGIN_SECONDS):
            frame = await ws.receive()
        return parse_begin(frame.data) if frame.type is WSMsgType.TEXT else None
    except (ProtocolError, TimeoutError) as error:
        log.info("check.bad_message", code=getattr(error, "code", "timeout"))
        return None


async def _until_gone(ws: web.WebSocketResponse) -> None:
    """A page says nothing more: whatever comes ends it."""
    await ws.receive()


async def _check(app: web.Application, ws: web.WebSocketResponse, row: RowMapping, begin: CheckBegin) -> None:
    try:
        for offer in (begin.udp, begin.tcp):
            check_gate(offer)
    except SdpRefused as error:
        log.info("check.refused_offer", reason=str(error))
        await _send(ws, CheckFailed(reason="refused"))
        return
    async with app[DATABASE].read() as conn:
        if await count(conn, row["id"]) >= MOST_CHECKS:
            await _send(ws, CheckFailed(reason="too_often"))
            return
    events = app[CHECKS].run(row["id"], begin.udp, begin.tcp)
    async with contextlib.aclosing(events):
        async for event in events:
            match event:
                case Queued():
                    await _send(ws, CheckQueued(ahead=event.ahead))
                case Answered():
                    await _send(ws, CheckAnswer(way=event.way, sdp=event.sdp, candidates=event.candidates))
                case Measured():
                    await _send(ws, await _result(app, row, event.numbers))
                case Failed():
                    await _send(ws, CheckFailed(reason=event.reason))


async def _result(app: web.Application, row: RowMapping, numbers: Numbers) -> CheckResult:
    found = judge(numbers)
    await keep(app[DATABASE], row["id"], row["patient_id"], numbers, found)
    return CheckResult(
        verdict=found.verdict,
        start_mode=found.start_mode,
        trouble=found.trouble,
        udp=numbers.udp,
        tcp=numbers.tcp,
        rtt_ms=numbers.rtt_ms,
        jitter_ms=numbers.jitter_ms,
        loss=numbers.loss,
        kbps_up=numbers.kbps_up,
        kbps_down=numbers.kbps_down,
    )


async def _send(ws: web.WebSocketResponse, message: CheckMessage) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await ws.send_str(dump_check(message))
