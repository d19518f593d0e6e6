"""Two nodes on a real bus, and what remains without one."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from signaling.calls import RelayAck, seal
from signaling.envelope import ForgedSignal, Signal, seal_signal, unseal_signal
from tests.rig.wait import until
from tests.signaling.hub_rig import (
    ADDRESS,
    OFFER,
    SECRET,
    Node,
    QuietBus,
    admitted,
    negotiate,
    node,
    real_bus,
)
from tests.signaling.memory_visits import MemoryVisits
from tests.valkey import TestValkey


async def test_two_pages_at_two_nodes(stack: AsyncExitStack, visits: MemoryVisits, server: TestValkey) -> None:
    first = await node(stack, visits, await real_bus(stack, server))
    second = await node(stack, visits, await real_bus(stack, server))
    ana, li = await admitted(first, second)
    await negotiate(ana, li)
    (key,) = await until(visits.relayed, what="the relay is opened")
    # Any node hears the relay and tells the pages that it has.
    bus = await real_bus(stack, server)
    await bus.publish("relay", seal(RelayAck(key, 1, "r1", (ADDRESS,)), SECRET))
    await ana.hear("relay")
    await li.hear("relay")
    await ana.ws.close()
    assert (await li.hear("call"))["peer"] == {"instance": ana.instance, "present": False}
    again = await second.page("ana")
    await again.until("call")
    assert (await li.until("call"))["peer"]["instance"] == again.instance


async def test_at_two_nodes_the_offer_comes_after_the_call(
    stack: AsyncExitStack, visits: MemoryVisits, server: TestValkey
) -> None:
    """A page takes no offer from a page that it has not been told of."""
    first = await node(stack, visits, await real_bus(stack, server))
    second = await node(stack, visits, await real_bus(stack, server))
    ana, li = await first.page("ana"), await second.page("li")
    await ana.hear("welcome")
    await li.hear("welcome")
    await li.say("admit", visit="v1", offer=OFFER)
    assert (await ana.hear("call"))["peer"]["instance"] == li.instance
    assert (await ana.until("description"))["seq"] == 1


async def test_without_the_bus_messages_pass_through_the_mailbox(stack: AsyncExitStack, visits: MemoryVisits) -> None:
    first = await node(stack, visits, QuietBus(up=False))
    second = await node(stack, visits, QuietBus(up=False))

    async def postman() -> None:
        while True:
            while visits.posted:
                _, payload = visits.posted.pop(0)
                await first.hub.on_signal(payload)
                await second.hub.on_signal(payload)
            await asyncio.sleep(0.005)

    task = asyncio.create_task(postman())
    ana, li = await admitted(first, second)
    await negotiate(ana, li)
    await ana.silent()
    assert len(visits.relayed()) == 1
    task.cancel()


async def test_who_can_write_to_the_bus_still_cannot_speak(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    text = json.dumps({"type": "ended", "visit": "v1", "reason": "evil"})
    await one.hub.on_signal(seal_signal(Signal("x", "message", "v1", "patient", ana.instance, text), b"y" * 32))
    await one.hub.on_signal(b"junk")
    await one.hub.on_signal(seal_signal(Signal("x", "message", "v1", "patient", ana.instance, "junk"), SECRET))
    await ana.silent()
    await li.silent()
    with pytest.raises(ForgedSignal):
        unseal_signal(seal_signal(Signal("x", "look", "v1"), SECRET)[:-1] + b"]", SECRET)
