"""The questions while waiting, from the patient's page to the therapist's note."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select

from server.audit import Actor, access
from server.form.questions import STEPS
from server.waitingroom import intake
from server.waitingroom.tables import intake as table
from tests.pages.visitors import Answer, Member, Site, Visitor

JSON = {"Accept": "application/json"}


async def save(who: Visitor, path: str, version: int, step: str, **answers: str) -> dict[str, Any]:
    """As the page's script sends it: one step, and which controls were touched. ``C2_now`` is the control "C2-now"."""
    named = {name.replace("_", "-"): value for name, value in answers.items()}
    sent = [("csrf", await who.token()), ("version", str(version)), ("section", step), *named.items()]
    sent += [("touched", name) for name in named]
    answer = await who.send("POST", f"{path}/questions", sent, {**JSON, "Origin": who.origin})
    assert answer.status == 200, answer.text
    data: dict[str, Any] = answer.json()
    return data


async def document(site: Site, visit_id: str) -> dict[str, Any]:
    async with site.db.write() as tx:
        door = await access(site.db, tx, Actor("system", "test"), "read", "intake", visit_id)
        return intake.opened(door, await intake.row_of(tx.conn, visit_id)).document


def value(page: Answer, name: str) -> str:
    """What a text control holds."""
    found = re.search(
        rf'<(?:input|textarea)[^>]* name="{name}"[^>]*?(?: value="([^"]*)"[^>]*>|>\s*([^<]*)</textarea>)', page.text
    )
    assert found, name
    return (found[1] or found[2] or "").strip()


async def test_answers_are_saved_sealed_and_come_back_after_a_reload(site: Site, li: Member) -> None:
    ana = site.visitor()
    path, _ = await site.waits(ana)
    page = await ana.get(path)
    assert value(page, "B1") == "My shoulder hurts"  # never asked twice
    first = await save(ana, path, 0, "B", B4="Swim again", B2_0_activity="Putting on my coat", B2_0_score="4")
    assert (first["version"], first["errors"], first["merged"]) == (1, {}, False)
    second = await save(ana, path, 1, "C", C1="yes", C2_now="6")
    assert second["version"] == 2
    page = await ana.get(path)
    assert value(page, "B4") == "Swim again"
    assert value(page, "B2-0-activity") == "Putting on my coat"
    assert re.search(r'name="C2-now" value="6"[^>]* checked', page.text)
    async with site.db.read() as conn:
        sealed = (await conn.execute(select(table))).mappings().one()
    assert "Swim" not in str(sealed)
    reads = [(entry["actor_kind"], entry["action"]) for entry in await site.audit() if entry["record"] == "intake"]
    assert reads == [("patient", "change")] * 2


async def test_the_plain_form_works_too(site: Site, li: Member) -> None:
    ana = site.visitor("fr")
    path, visit_id = await site.waits(ana)
    page = await ana.get(f"{path}/questions")
    assert 'http-equiv="refresh"' not in page.text  # nobody's words vanish while they type
    sent = [("csrf", await ana.token()), ("version", "0"), *(("section", step.id) for step in STEPS)]
    sent += [("B1", "Mon épaule"), ("B4", "Nager"), ("G0", "yes"), ("help", "G2"), ("condition", "arthritis")]
    answer = await ana.send("POST", f"{path}/questions", sent, {"Origin": ana.origin})
    assert (answer.status, answer.location) == (303, f"{path}/questions")
    assert await document(site, visit_id) == {
        "B1": "Mon épaule", "B4": "Nager", "G0": "yes", "G2": "0",
        "E1": [{"condition": "arthritis", "status": "reported"}],
    }  # fmt: skip
    wrong = await ana.send(
        "POST", f"{path}/questions", [*sent[:1], ("version", "1"), ("section", "C3"), ("C4-weeks_ago", "longtemps")],
        {"Origin": ana.origin},
    )  # fmt: skip
    assert wrong.status == 422
    assert value(wrong, "C4-weeks_ago") == "longtemps"
    assert "C4" not in await document(site, visit_id)


async def test_two_windows_lose_nothing_and_the_newest_word_counts(site: Site, li: Member) -> None:
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    await save(ana, path, 0, "B", B4="Swim again")
    # the other window was loaded before that
    other = await save(ana, path, 0, "G", G0="no")
    assert (other["merged"], other["replaced"]) == (True, [])
    assert other["values"]["B4"] == ["Swim again"]
    assert (await document(site, visit_id))["B4"] == "Swim again"
    # a window that was loaded before sends its whole step, and was touched in one place
    sent = [("csrf", await ana.token()), ("version", "0"), ("section", "B"), ("B4", ""), ("B2-0-activity", "Coat")]
    sent += [("touched", "B2-0-activity")]
    assert (await ana.send("POST", f"{path}/questions", sent, {**JSON, "Origin": ana.origin})).status == 200
    assert (await document(site, visit_id))["B4"] == "Swim again"
    last = await save(ana, path, 0, "B", B4="Sleep")
    assert last["replaced"] == ["What do you want to be able to do again?: Swim again"]
    assert (await document(site, visit_id))["B4"] == "Sleep"


async def test_what_cannot_be_an_answer_is_said_and_the_rest_is_kept(site: Site, li: Member) -> None:
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    sent = [("csrf", await ana.token()), ("version", "0"), ("section", "C3"), ("section", "B"), ("C4-weeks_ago", "x")]
    sent += [("B4", "Walk"), ("touched", "C4-weeks_ago"), ("touched", "B4")]
    answer = await ana.send("POST", f"{path}/questions", sent, {**JSON, "Origin": ana.origin})
    assert list(answer.json()["errors"]) == ["C4-weeks_ago"]
    kept = await document(site, visit_id)
    assert kept["B4"] == "Walk"
    assert "C4" not in kept


async def test_the_therapists_note_begins_with_the_answers(site: Site, li: Member) -> None:
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    await save(ana, path, 0, "B", B4="Swim again", B2_0_activity="Coat", B2_0_score="4")
    assert (await li.post(f"/desk/visits/{visit_id}/admission")).status == 303
    note = await li.get(f"/desk/visits/{visit_id}/note")
    assert value(note, "B4") == "Swim again"
    assert value(note, "B2-0-activity") == "Coat"
    assert note.words.count("from the patient") == 2
    # the therapist has another word; the patient's page brings one more answer after that
    form = {"version": "0", "intake": "1", "section": "B", "B1": "Shoulder", "B4": "Swim 1 km", "B2-0-activity": "Coat"}
    assert (await li.post(f"/desk/visits/{visit_id}/note", form | {"do": "save"}, JSON)).status == 200
    await save(ana, path, 1, "B", B4="Sleep")
    await save(ana, path, 2, "G", G0="no")
    note = await li.get(f"/desk/visits/{visit_id}/note")
    assert value(note, "B4") == "Swim 1 km"
    assert re.search(r'name="G0"[^>]* value="no"[^>]* checked', note.text)
    # what the page that is open did not know of is not lost by its next save
    stale = [("csrf", await li.token()), *(form | {"version": "1", "do": "save"}).items()]
    stale += [("section", "G"), ("G0", "not_asked")]
    answer = await li.send("POST", f"/desk/visits/{visit_id}/note", stale, {**JSON, "Origin": li.origin})
    assert answer.status == 200
    note = await li.get(f"/desk/visits/{visit_id}/note")
    assert re.search(r'name="G0"[^>]* value="no"[^>]* checked', note.text)


async def test_when_the_visit_is_over_nothing_more_is_kept(site: Site, li: Member) -> None:
    ana = site.visitor()
    path, _ = await site.waits(ana)
    assert (await ana.post(f"{path}/leave")).status == 303
    answer = await ana.post(f"{path}/questions", {"version": "0", "section": "B", "B4": "x", "touched": "B4"}, JSON)
    assert answer.status == 409
    assert (await site.visitor().get(f"{path}/questions")).status == 404
    assert await site.count("intake") == 0


async def test_the_queue_shows_it_in_a_few_words() -> None:
    short = intake.short(
        {
            "B2": [{"activity": "Coat"}], "C1": "yes", "C2": {"now": 6}, "G0": "no",
            "C3": [{"region": "shoulder", "side": "right"}], "E1": [{"condition": "arthritis", "status": "reported"}],
        }
    )  # fmt: skip
    assert short == intake.Short("Coat", 6, ("Shoulder",), ("Arthritis",), False, 5)
    assert intake.short({}) == intake.Short("", None, (), (), None, 0)
