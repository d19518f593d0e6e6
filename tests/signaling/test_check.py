"""The check process with a real relay and a real aiortc client."""

import asyncio
import contextlib
import os
import time
from functools import partial

import pytest

from signaling.bus import Bus
from signaling.calls import CHECK_PREFIX, Leg, RelayAck, RelayAddress, RelayCall, RelayVerified, seal
from signaling.check_client import Checks
from signaling.check_post import Answered, Ask, Failed, Here, Look, Measured, Queued, seal_post
from signaling.check_sdp import check_gate
from signaling.relay_control import RelayControl
from signaling.sdp import SdpRefused
from tests.signaling.check_rig import CheckPage, check_process, web_node
from tests.signaling.relay_rig import SECRET, relay, settings, until
from tests.valkey import TestValkey


async def test_a_good_line_is_measured_within_six_seconds(server: TestValkey) -> None:
    async with relay(settings(server)) as process, check_process(server), web_node(server) as checks:
        page = CheckPage()
        began = time.monotonic()
        last = await page.run(checks, "visit-1")
        took = time.monotonic() - began
        assert isinstance(last, Measured), last
        numbers = last.numbers
        print(numbers, f"{took:.1f} s")
        assert (numbers.udp, numbers.tcp) == (True, False)
        assert numbers.loss is not None
        assert numbers.loss <= 2
        assert numbers.rtt_ms is not None
        assert numbers.rtt_ms < 200
        assert min(numbers.kbps_up or 0, numbers.kbps_down or 0) > 1100
        assert took < 6
        answers = [event for event in page.events if isinstance(event, Answered)]
        assert {answer.way for answer in answers} == {"udp", "tcp"}
        for answer in answers:
            assert "a=candidate" not in answer.sdp
            assert answer.candidates
            assert all(f" {process.addresses[0].port} typ " in line for line in answer.candidates)
        # nothing is left behind at the relay
        await until(lambda: not process.relay.table.calls)


async def test_without_a_relay_nothing_is_said_of_the_pages_network(server: TestValkey) -> None:
    async with check_process(server), web_node(server) as checks:
        assert _reason(await CheckPage().run(checks, "visit-1")) == "unavailable"


@pytest.mark.long
async def test_a_page_that_reaches_nothing_while_we_reach_ourselves(server: TestValkey) -> None:
    async with relay(settings(server)), check_process(server), web_node(server) as checks:
        last = await CheckPage().run(checks, "visit-2", deaf=True)
        assert isinstance(last, Measured), last
        assert (last.numbers.udp, last.numbers.tcp, last.numbers.rtt_ms) == (False, False, None)


async def test_without_a_process_it_is_said_at_once(server: TestValkey) -> None:
    async with web_node(server) as checks:
        began = time.monotonic()
        assert _reason(await CheckPage().run(checks, "visit-1")) == "unavailable"
        assert time.monotonic() - began < 2


async def test_a_process_that_dies_is_missed(server: TestValkey) -> None:
    async with relay(settings(server)), web_node(server) as checks:
        async with check_process(server):
            page = CheckPage()
            running = asyncio.create_task(page.run(checks, "visit-1"))
            await until(lambda: page.pings > 5)
        assert _reason(await asyncio.wait_for(running, 8)) == "unavailable"


async def test_one_check_a_visit_the_newest_counts(server: TestValkey) -> None:
    async with relay(settings(server)), check_process(server) as process, web_node(server) as checks:
        first = CheckPage()
        running = asyncio.create_task(first.run(checks, "visit-1"))
        await until(lambda: first.pings > 5)
        second = CheckPage()
        again = asyncio.create_task(second.run(checks, "visit-1"))
        assert _reason(await running) == "failed"
        await until(lambda: second.pings > 5)
        assert process.running == 1
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)


async def test_a_page_that_leaves_gives_its_place_away(server: TestValkey) -> None:
    async with relay(settings(server)), check_process(server, most=1) as process, web_node(server) as checks:
        pages, tasks = [CheckPage() for _ in range(3)], []

        def loaded(number: int) -> bool:
            return process.load == number

        for number, page in enumerate(pages, 1):
            tasks.append(asyncio.create_task(page.run(checks, f"visit-{number}")))
            await until(partial(loaded, number))

        def ahead() -> list[int]:
            return [event.ahead for event in pages[2].events if isinstance(event, Queued)]

        await until(lambda: pages[0].pings > 5 and ahead() == [2])
        tasks[1].cancel()
        await until(lambda: ahead()[-1] == 1)
        tasks[0].cancel()
        await until(lambda: pages[2].pings > 5)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: process.load == 0)


async def test_fifty_at_once_wait_their_turn(server: TestValkey) -> None:
    """At most N run; each is answered in its order. The pages leave as soon as they are being measured: what is tested
    is the queue, not fifty measurements."""
    most = 3
    async with relay(settings(server)), check_process(server, most) as process, web_node(server) as checks:
        highest, begun = 0, []
        page = CheckPage()
        offers = await page.offers()

        async def ask(number: int) -> None:
            nonlocal highest
            async with contextlib.aclosing(checks.run(f"visit-{number}", offers["udp"], offers["tcp"])) as events:
                async for event in events:
                    highest = max(highest, process.running)
                    assert not isinstance(event, Failed), event
                    if isinstance(event, Answered):
                        begun.append(number)
                        await asyncio.sleep(0.1)
                        break

        tasks = []
        for number in range(50):
            tasks.append(asyncio.create_task(ask(number)))
            await asyncio.sleep(0.005)
        await asyncio.gather(*tasks)
        await page.close()
        assert highest == most
        assert len(begun) == 50
        # in the order in which they came, but for those that run side by side
        assert all(abs(place - number) <= 2 * most for place, number in enumerate(begun))


async def test_the_processes_share_what_there_is(server: TestValkey) -> None:
    async with check_process(server, 2) as one, check_process(server, 2) as two, web_node(server) as checks:
        await until(lambda: len(checks._processes) == 2)
        chosen = [await checks._choose() for _ in range(10)]
        assert {one.name, two.name} == set(chosen)
        assert 3 <= chosen.count(one.name) <= 7


async def test_what_nobody_with_the_secret_has_sealed_begins_nothing(server: TestValkey) -> None:
    async with check_process(server) as process, web_node(server) as checks:
        bus = Bus(server.url)
        await bus.start()
        ask = Ask(process=process.name, check="c", visit="v", udp="u", tcp="t", until=time.time() + 60)
        real = seal_post(ask, SECRET)
        for blob in (b"", b"{}", seal_post(ask, os.urandom(32)), real[:-2] + b"x}", b"0" * 64 + real[64:]):
            assert await bus.publish("check", blob)
            assert await bus.publish("checked", blob)
        here = Here(process="forged", load=0, most=100)
        assert await bus.publish("checked", seal_post(here, b"another secret of 32 bytes......"))
        assert await bus.publish("check", seal_post(Look(), SECRET))  # answered: all before it was read
        await until(lambda: checks._processes)
        assert set(checks._processes) == {process.name}
        assert process.load == 0
        # and a sealed one with a hostile offer is refused by the process itself, too
        page = CheckPage()
        await page.offers()
        events = checks.run("visit-1", "v=0\r\n", "v=0\r\n")
        assert [_reason(event) async for event in events] == ["refused"]
        await page.close()
        await bus.close()


async def test_only_a_data_channel_passes_the_gate_and_no_candidate() -> None:
    page = CheckPage()
    offer = (await page.offers())["udp"]
    await page.close()
    passed = check_gate(offer)
    assert "candidate" not in passed.text
    audio = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=rtcp-mux\r\na=sendrecv\r\na=rtpmap:0 PCMU/8000\r\n"
    transport = "".join(line + "\r\n" for line in offer.splitlines() if line.startswith(("a=ice", "a=fing", "a=setup")))
    bundled = offer.replace("a=group:BUNDLE 0", "a=group:BUNDLE 0 1")
    for hostile in (
        "",
        "x" * 5000,
        bundled + audio + transport,
        offer.replace("m=application", "m=video"),
        offer + "a=ice-ufrag:other\r\n",
        offer.replace("a=ice-ufrag:", "a=ice-ufrag:a:b"),
        offer.replace("a=setup:actpass", "a=setup:active"),
        offer + "\x00",
    ):
        with pytest.raises(SdpRefused):
            check_gate(hostile)


def _reason(event: object) -> str:
    assert isinstance(event, Failed), event
    return event.reason


def test_a_client_knows_a_process_only_while_it_lives() -> None:
    """`Checks` keeps no process beyond its last sign of life."""
    checks = Checks(_Nowhere(), SECRET)
    asyncio.run(checks.on_post(seal_post(Here(process="p", load=0, most=1), SECRET)))
    assert checks._alive() == ["p"]
    checks._processes["p"] = (time.monotonic() - 10, 0)
    assert checks._alive() == []


class _Nowhere:
    async def publish(self, channel: str, payload: bytes) -> bool:
        return False


class _Store:
    """A record that nobody may read here."""

    async def relay_calls(self, visit: str | None) -> list[bytes]:
        raise AssertionError("the record was read for a check's call")

    async def save_relay_call(self, visit: str, key: str, version: int, blob: bytes, expires: float) -> None:
        raise AssertionError("a check's call was written down")


class _Silent:
    async def put_call(self, call_key: str, blob: bytes, expires: float) -> bool:
        raise AssertionError("a check's call was put again")

    async def drop_call(self, call_key: str, blob: bytes) -> bool:
        raise AssertionError("a check's call was dropped")


async def test_a_node_keeps_a_checks_relay_call_apart_from_every_visit() -> None:
    """It hears of all entries and reports; of a check's it keeps nothing, asks nobody and tells no page."""
    told: list[object] = []
    control = RelayControl(_Silent(), _Store(), SECRET, lambda *words: told.append(words))
    legs = Leg("page1", "p" * 22), Leg("far01", "f" * 22)
    name = f"{CHECK_PREFIX}{'c' * 22}"
    call = RelayCall(name, "page", "far-udp", 0, *legs, expires=time.time() + 10, version=1, direct=False)
    await control.on_call(seal(call, SECRET))
    await control.on_report(seal(RelayAck(call.key, 1, "relay-1", (RelayAddress("127.0.0.1", 1, "udp", 1),)), SECRET))
    await control.on_report(seal(RelayVerified(call.key, "a", "192.0.2.7", 4000), SECRET))
    await control.close()
    assert not control.knows(name)
    assert told == []
