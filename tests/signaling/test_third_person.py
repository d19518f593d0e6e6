"""A third person at the signalling: who hears what, and that the two never notice more than a face that comes and goes."""

import pytest

from tests.rig.wait import until
from tests.signaling.hub_rig import ANSWER, OFFER, Node, Tab, admitted, negotiate
from tests.signaling.memory_visits import MemoryVisits

OTHER_OFFER = OFFER.replace("a=ice-ufrag:", "a=ice-ufrag:zz")
OTHER_ANSWER = ANSWER.replace("a=ice-ufrag:", "a=ice-ufrag:yy")


async def come(one: Node, visits: MemoryVisits, *tabs: Tab, who: str = "ivo", guest: str = "g1") -> Tab:
    """A third person's page; the others have heard of it."""
    if all(seat.id != guest for seat in visits.rows["v1"].guests):
        visits.invite("v1", guest)
    ivo = await one.page(who)
    await ivo.hear("welcome")
    await ivo.hear("call")
    for tab in tabs:
        await tab.until("call")
    return ivo


async def test_all_three_learn_of_each_other(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    visits.invite("v1", "g1")
    ivo = await one.page("ivo")
    assert (await ivo.hear("welcome"))["role"] == "guest"
    call = await ivo.hear("call")
    assert call["role"] == "guest"
    assert call["peer"] is None
    assert {(other["role"], other["instance"]) for other in call["others"]} == {
        ("patient", ana.instance),
        ("therapist", li.instance),
    }
    for tab, peer in ((ana, li), (li, ana)):
        told = await tab.hear("call")
        assert told["peer"] == {"instance": peer.instance, "present": True}, "the two are what they were"
        (other,) = told["others"]
        assert other == {"role": "guest", "kind": "interpreter", "instance": ivo.instance, "present": True}


async def test_each_pair_has_its_own_relay_call_and_a_guest_touches_no_other(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    await negotiate(ana, li)
    ivo = await come(one, visits, ana, li)
    (first,) = visits.relayed()
    await li.say("description", to=ivo.instance, seq=1, kind="offer", generation=0, sdp=OTHER_OFFER)
    assert (await ivo.until("description"))["role"] == "therapist"
    await ivo.say("description", to=li.instance, seq=1, kind="answer", generation=0, sdp=OTHER_ANSWER)
    await li.until("description")
    await ana.say("description", to=ivo.instance, seq=1, kind="offer", generation=0, sdp=OTHER_OFFER)
    assert (await ivo.until("description"))["role"] == "patient"
    await ivo.say("description", to=ana.instance, seq=1, kind="answer", generation=0, sdp=OTHER_ANSWER)
    await ana.until("description")
    await until(lambda: len(visits.relayed()) == 3, what="three pairs, three relay calls")
    visits.take_back("v1", "g1")
    await one.hub.visit_changed("v1")
    assert (await ivo.until("ended"))["reason"] == "not_invited"
    await until(lambda: visits.relayed() == [first], what="the two's relay call is left alone")
    for tab in (ana, li):
        assert (await tab.until("call"))["others"] == []
    await ivo.say("status", to=ana.instance, seq=9, muted=True, camera_off=False)
    assert (await ivo.until("refused"))["code"] == "not_admitted"
    await ana.silent()
    await li.say("status", to=ivo.instance, seq=2, muted=True, camera_off=False)
    await ivo.silent()  # nothing of the visit any more


async def test_a_guest_neither_offers_nor_speaks_for_the_visit(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    ivo = await come(one, visits, ana, li)
    await ivo.say("description", to=li.instance, seq=1, kind="offer", generation=0, sdp=OTHER_OFFER)
    assert (await ivo.until("refused"))["code"] == "wrong_role"
    assert (await li.until("skip"))["from"] == ivo.instance
    for kind, fields in (
        ("confirm", {}),
        ("media", {"state": "connected", "path": None, "generation": 0}),
        ("chat", {"id": "A" * 21 + "Q", "text": "hello"}),
        ("phone", {"on": True}),
    ):
        await ivo.say(kind, **fields)
        assert (await ivo.until("refused"))["code"] == "wrong_role", kind
    await ivo.say("admit", visit="v1")
    assert (await ivo.until("refused"))["code"] == "wrong_role"
    assert visits.media_said == []
    await ana.silent()
    await li.silent()


async def test_an_uninvited_third_hears_nothing(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    cleo = await one.page("cleo")
    await cleo.hear("welcome")
    assert (await cleo.hear("refused"))["code"] == "not_invited"
    await cleo.say("status", to=ana.instance, seq=1, muted=False, camera_off=False)
    assert (await cleo.hear("refused"))["code"] == "not_admitted"
    for tab in (ana, li, cleo):
        await tab.silent()


@pytest.mark.parametrize("whose", ["ana", "li"])
async def test_a_guest_with_anothers_instance_hears_nothing(one: Node, visits: MemoryVisits, whose: str) -> None:
    ana, li = await admitted(one)
    stolen = {"ana": ana, "li": li}[whose]
    visits.invite("v1", "g1")
    ivo = await one.page("ivo", instance=stolen.instance)
    await ivo.hear("welcome")
    assert (await ivo.hear("refused"))["code"] == "not_invited"
    other = li if whose == "ana" else ana
    await other.say("status", to=stolen.instance, seq=2 if other is li else 1, muted=True, camera_off=False)
    await stolen.until("status")
    await ivo.silent()


async def test_a_guest_who_reloads_supersedes_their_own_page_alone(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    first = await come(one, visits, ana, li)
    cleo = await come(one, visits, ana, li, first, who="cleo", guest="g2")
    again = await come(one, visits, ana, li)
    assert await first.until("superseded")
    assert again.instance in [other["instance"] for other in (await cleo.until("call"))["others"]]
    await again.say("leave")
    call = await ana.until("call")
    assert [other["instance"] for other in call["others"]] == [cleo.instance]


async def test_before_the_admission_a_guest_waits_without_hearing(one: Node, visits: MemoryVisits) -> None:
    ana = await one.page("ana")
    await ana.hear("welcome")
    visits.invite("v1", "g1")
    ivo = await one.page("ivo")
    await ivo.hear("welcome")
    assert (await ivo.hear("refused"))["code"] == "not_invited"
    await ana.silent()
