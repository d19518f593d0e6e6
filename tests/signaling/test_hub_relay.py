"""The relay's side of a call, as the pages hear of it."""

import time
from contextlib import AsyncExitStack
from typing import Any

import pytest

from signaling.calls import RelayAck, RelayVerified, seal, unseal
from tests.signaling.hub_rig import ADDRESS, ANSWER, SECRET, Node, QuietBus, admitted, bus_of, negotiate, node
from tests.signaling.memory_visits import MemoryVisits


async def test_pages_get_the_relays_addresses_only_when_it_has_acknowledged(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.silent()
    (key,) = visits.relayed()
    assert key == f"v1/{li.instance}/{ana.instance}/0"
    call = unseal(bus_of(one).table[key], SECRET, time.time())
    assert (call.a.ufrag, call.b.ufrag, call.direct) == ("BdnQ", "nXLe", False)
    await one.hub.relays.on_report(seal(RelayAck(key, call.version, "r1", (ADDRESS,)), b"x" * 32))
    await ana.silent()
    await one.hub.relays.on_report(seal(RelayAck(key, call.version, "r1", (ADDRESS,)), SECRET))
    for tab, peer, ufrag in ((li, ana, "nXLe"), (ana, li, "BdnQ")):
        relay = await tab.hear("relay")
        assert (relay["peer"], relay["generation"]) == (peer.instance, 0)
        (entry,) = relay["candidates"]
        assert entry["candidate"] == ADDRESS.candidate_line(ufrag, 0)
        assert (entry["address"], entry["port"], entry["via"]) == ("198.51.100.7", 3478, "relay")


async def test_a_page_that_comes_back_is_told_the_addresses_again(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.silent()
    (key,) = visits.relayed()
    await one.hub.relays.on_report(seal(RelayAck(key, 1, "r1", (ADDRESS,)), SECRET))
    await ana.hear("relay")
    await ana.ws.close()
    back = await one.page("ana", fresh=False, instance=ana.instance)
    assert (await back.until("relay"))["candidates"][0]["address"] == "198.51.100.7"


async def test_after_a_restart_the_running_call_is_known_from_the_store(
    stack: AsyncExitStack, one: Node, visits: MemoryVisits
) -> None:
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.silent()
    (key,) = visits.relayed()
    second = await node(stack, visits, QuietBus())
    back = await second.page("ana", fresh=False, instance=ana.instance)
    await back.until("call")
    await back.silent()
    assert key in bus_of(second).table, "asked again, so that the relay answers again"
    await second.hub.relays.on_report(seal(RelayAck(key, 1, "r1", (ADDRESS,)), SECRET))
    await back.hear("relay")
    visits.change("v1", relay_expires=time.time() + 600)
    await second.hub.visit_changed("v1")
    await second.hub.relays.close()
    assert unseal(visits.blobs[key][1], SECRET, time.time()).expires > time.time() + 500


@pytest.mark.parametrize("policy", ["relay", "direct+relay"])
async def test_a_verified_address_goes_to_the_other_side_under_the_direct_policy_only(
    one: Node, visits: MemoryVisits, policy: Any
) -> None:
    visits.policy = policy
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.silent()
    (key,) = visits.relayed()
    await one.hub.relays.on_report(seal(RelayVerified(key, "a", "203.0.113.5", 61000), SECRET))
    await one.hub.relays.on_report(seal(RelayVerified(key, "b", "127.0.0.1", 61000), SECRET))
    await li.silent()
    if policy == "relay":
        await ana.silent()
        return
    (entry,) = (await ana.hear("relay"))["candidates"]
    assert entry["via"] == "direct"
    assert " 203.0.113.5 61000 typ srflx raddr 0.0.0.0 rport 0 " in entry["candidate"]
    assert entry["candidate"].endswith("ufrag BdnQ")


async def test_an_answer_without_a_known_offer_asks_for_a_new_one(one: Node) -> None:
    ana, li = await admitted(one)
    await ana.say("description", to=li.instance, seq=1, kind="answer", generation=0, sdp=ANSWER)
    await li.hear("description")
    assert await li.hear() == {"type": "need_offer", "from": ana.instance, "role": "patient", "seq": 0}
