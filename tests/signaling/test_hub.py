"""Real WebSockets to one node: admission, the pages of a visit, the end."""

import json

from tests.rig.wait import until
from tests.signaling.hub_rig import (
    ANSWER,
    OFFER,
    Node,
    admitted,
    bus_of,
    negotiate,
)
from tests.signaling.memory_visits import MemoryVisits


async def test_a_waiting_patient_hears_nothing_of_a_call(one: Node) -> None:
    ana, li = await one.page("ana"), await one.page("li")
    welcome = await ana.hear("welcome")
    assert set(welcome) == {"type", "instance", "role", "visit", "server_now"}
    await li.hear("welcome")
    await ana.say("description", to=li.instance, seq=1, kind="offer", generation=0, sdp=OFFER)
    assert await ana.hear() == {"type": "refused", "code": "not_admitted", "about": "description", "seq": 1}
    await ana.say("confirm")
    assert (await ana.hear("refused"))["code"] == "not_admitted"
    await li.silent()
    await ana.silent()


async def test_the_offer_comes_with_the_admission(one: Node, visits: MemoryVisits) -> None:
    ana, li = await one.page("ana"), await one.page("li")
    await ana.hear("welcome")
    await li.hear("welcome")
    await li.say("admit", visit="v1", offer=OFFER)
    assert (await ana.hear("call"))["peer"]["instance"] == li.instance
    offer = await ana.hear("description")
    assert (offer["from"], offer["seq"], offer["kind"], offer["generation"]) == (li.instance, 1, "offer", 0)
    # it is message 1 of that page: sent again it is the same, and the next one is 2
    await ana.say("description", to=li.instance, seq=1, kind="answer", generation=0, sdp=ANSWER)
    assert (await li.until("description"))["seq"] == 1
    await until(visits.relayed, what="the relay is opened")


async def test_an_offer_that_no_page_of_ours_makes_admits_all_the_same(one: Node) -> None:
    ana, li = await one.page("ana"), await one.page("li")
    await ana.hear("welcome")
    await li.hear("welcome")
    await li.say("admit", visit="v1", offer="v=0\r\no=evil")
    await ana.hear("call")
    assert (await ana.hear("skip"))["seq"] == 1
    refused = await li.until("refused")
    assert (refused["code"], refused["about"]) == ("bad_sdp", "description")


async def test_the_offer_of_a_refused_admission_reaches_nobody(one: Node, visits: MemoryVisits) -> None:
    ana, li, roy = await one.page("ana"), await one.page("li"), await one.page("roy")
    for tab in (ana, li, roy):
        await tab.hear("welcome")
    await li.say("admit", visit="v1")
    await ana.hear("call")
    await roy.say("admit", visit="v1", offer=OFFER)
    assert (await roy.hear("refused"))["code"] == "taken"
    await ana.silent()


async def test_an_admission_makes_a_call_for_both(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.say("status", to=li.instance, seq=2, muted=True, camera_off=False)
    assert await li.hear() == {
        "type": "status", "from": ana.instance, "role": "patient", "seq": 2, "muted": True, "camera_off": False,
        "away": "", "sharing": False, "guide": "", "sound_only": False,
    }  # fmt: skip
    await li.say("got", to=ana.instance, seq=2)
    assert await ana.hear() == {"type": "got", "from": li.instance, "role": "therapist", "seq": 2}
    await ana.say("media", state="connected", path="relay", generation=0)
    await ana.silent()
    assert visits.media_said == [("patient", "connected", "relay")]


async def test_the_second_therapist_hears_that_the_patient_is_taken(one: Node) -> None:
    await admitted(one)
    roy = await one.page("roy")
    await roy.hear("welcome")
    await roy.say("admit", visit="v1")
    assert (await roy.hear("refused"))["code"] == "taken"
    other = await one.page("roy", visit="v1")
    await other.hear("welcome")
    assert (await other.hear("refused"))["code"] == "no_such_visit"
    await other.say("leave")
    assert (await other.hear("refused"))["code"] == "not_admitted"


async def test_nobody_speaks_for_another(one: Node) -> None:
    ana, li = await admitted(one)
    await ana.ws.send_str(json.dumps({"type": "got", "to": li.instance, "seq": 1, "from": li.instance}))
    assert await ana.closed() == 4400
    call = await li.hear("call")
    assert call["peer"] == {"instance": ana.instance, "present": False}


async def test_a_patient_of_another_visit_cannot_reach_in(one: Node) -> None:
    _, li = await admitted(one)
    bo = await one.page("bo", visit="v1")
    assert (await bo.hear("welcome"))["visit"] == "v2", "a patient's visit is fixed by the address"
    await bo.say("status", to=li.instance, seq=1, muted=True, camera_off=True)
    assert (await bo.hear("refused"))["code"] == "not_admitted"
    await bo.say("admit", visit="v2")
    assert (await bo.hear("refused"))["code"] == "wrong_role"
    await li.silent()


async def test_the_newest_page_wins_and_the_older_is_told(one: Node) -> None:
    ana, li = await admitted(one)
    again = await one.page("ana")
    await ana.hear("superseded")
    assert await ana.closed() == 4409
    await again.hear("welcome")
    assert (await again.hear("call"))["peer"]["instance"] == li.instance
    while (call := await li.hear("call"))["peer"] != {"instance": again.instance, "present": True}:
        assert call["peer"]["instance"] in (ana.instance, again.instance)
    stale = await one.page("ana", fresh=False, instance=ana.instance)
    await stale.hear("superseded")
    assert await stale.closed() == 4409


async def test_a_page_that_reconnects_goes_on(one: Node) -> None:
    ana, li = await admitted(one)
    await ana.ws.close()
    assert (await li.hear("call"))["peer"]["present"] is False
    back = await one.page("ana", fresh=False, instance=ana.instance)
    await back.hear("welcome")
    assert (await back.hear("call"))["phase"] == "in_session"
    assert (await li.hear("call"))["peer"] == {"instance": ana.instance, "present": True}


async def test_the_end_reaches_both_and_a_page_that_missed_it(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.ws.close()
    await li.until("call")
    visits.change("v1", phase="over", reason="time")
    await one.hub.visit_changed("v1")
    assert await li.hear() == {"type": "ended", "visit": "v1", "reason": "time"}
    back = await one.page("ana", fresh=False, instance=ana.instance)
    await back.hear("welcome")
    assert (await back.hear("ended"))["reason"] == "time"
    await li.say("status", to=ana.instance, seq=9, muted=True, camera_off=True)
    assert (await li.hear("refused"))["code"] == "not_admitted"
    assert visits.relayed() == []
    assert bus_of(one).table == {}


async def test_leaving_ends_it_for_both(one: Node) -> None:
    ana, li = await admitted(one)
    await ana.say("leave")
    assert (await ana.hear("ended"))["reason"] == "left"
    assert (await li.hear("ended"))["reason"] == "left"


async def test_a_visit_given_back_ends_the_call_for_its_therapist(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    visits.change("v1", phase="waiting", staff=None, therapist_page=None, reason="sent_back")
    await one.hub.visit_changed("v1")
    assert (await ana.hear("ended"))["reason"] == "sent_back"
    assert (await li.hear("ended"))["reason"] == "sent_back"
    await li.silent()
    await ana.silent()
