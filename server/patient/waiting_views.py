"""What a patient does while waiting: write, answer a few questions, take another time, ask for a call. Each works as a
plain form (303 to a page) and for the page's script (JSON)."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import RowMapping

from server.audit import Actor, access
from server.booking import letters, reading
from server.booking import store as booking
from server.booking.pages import clinic_of, send
from server.booking.slots import Slot
from server.errors import PersonError
from server.form.page import error_texts
from server.form.questions import INTAKE, check_intake, controls, parse_intake, touched_fields, without
from server.form.readable import readable
from server.i18n import N_, Translator, translator
from server.patient.pages import beside, beside_context, free_times, questions_context
from server.visit import store as visits
from server.visit.pages import visit_of
from server.visit.states import State
from server.waitingroom import intake, messages, nobody
from server.web import DATABASE, SETTINGS, page, see_other, wants_json

#: names and values of the questions' form; a page of ours has about 60
MOST_PAIRS = 300
PACE: web.AppKey[intake.Pace] = web.AppKey("intake_pace", intake.Pace)
E_TAKEN = N_("That time has just been taken. Choose another one")
E_CHOOSE = N_("Choose a time")


def _page_of(request: web.Request, name: str = "visit") -> str:
    return str(request.app.router[name].url_for(address=request.match_info["address"]))


# ---- messages


async def write(request: web.Request) -> web.StreamResponse:
    """The list and a form, on a page that does not load itself anew while somebody writes."""
    row = await visit_of(request)
    if row["state"] not in (State.BOOKED, State.CHECKING, State.WAITING):
        raise see_other(_page_of(request))
    values = {"address": request.match_info["address"], **beside_context(await beside(request, row))}
    return page(request, "visit/write.html", values)


async def say(request: web.Request) -> web.StreamResponse:
    """A message to the clinic's staff. Sent twice it is stored once: the page has drawn its id."""
    row = await visit_of(request)
    sent = await request.post()
    db = request.app[DATABASE]
    # an empty free text beside a pressed quick reply is no text
    text = next((str(value) for value in sent.getall("text", []) if str(value).strip()), "")
    async with db.write() as tx:
        number = await messages.say(db, tx, row["id"], "patient", row["patient_id"], str(sent.get("id", "")), text)
    if wants_json(request):
        return web.json_response({"number": number})
    raise see_other(_page_of(request))


# ---- the questions


async def questions(request: web.Request) -> web.StreamResponse:
    row = await visit_of(request)
    if row["state"] not in intake.WRITABLE:
        raise see_other(_page_of(request))
    found = await beside(request, row)
    values = {"address": request.match_info["address"], **beside_context(found)}
    return page(request, "visit/questions.html", values)


async def answer(request: web.Request) -> web.StreamResponse:
    """Keep the answers, also half of them. A script says which controls were touched since its last save."""
    row = await visit_of(request)
    request.app[PACE].take(row["id"], monotonic())
    db, settings, t = request.app[DATABASE], request.app[SETTINGS], translator(request["lang"])
    pairs = list((await request.post()).items())[:MOST_PAIRS]
    today = datetime.now(UTC).astimezone(ZoneInfo(settings.clinic_zone)).date()
    sections = {str(value) for name, value in pairs if name == "section"}
    script = wants_json(request)
    touched = (
        touched_fields(str(value) for name, value in pairs if name == "touched")
        if script
        else {field.id for section in INTAKE.sections if section.id in sections for field in section.fields}
    )
    base = _int(dict(pairs).get("version"))
    before = (await beside(request, row)).answers
    document = parse_intake(pairs, before.document)
    errors = [error for error in check_intake(document, today) if error.field.split("-")[0] in touched]
    kept = without(document, before.document, errors)
    async with db.write() as tx:
        saved = await intake.save(db, tx, row["id"], base, kept, touched)
    texts, replaced = error_texts(errors, t.gettext), _words(saved.replaced, t)
    if script:
        return web.json_response(
            {
                "version": saved.version,
                "saved_at": f"{saved.at.astimezone(ZoneInfo(settings.clinic_zone)):%H:%M}",
                "errors": texts,
                "merged": saved.merged,
                "replaced": [f"{label}: {words}" for label, words in replaced],
                "values": controls(saved.document) if saved.merged else {},
            }
        )
    if not errors and not replaced:
        raise see_other(_page_of(request, "visit_questions"))
    values = {
        "address": request.match_info["address"],
        "errors": texts,
        **questions_context(controls(document), saved.version, saved.at, texts, replaced),
    }
    return page(request, "visit/questions.html", values, status=422 if errors else 200)


def _words(replaced: dict[str, Any], t: Translator) -> list[tuple[str, str]]:
    """What another window had said, in words: (label, text)."""
    return [
        (
            t(line.label),
            "; ".join(", ".join(t(v.text) if v.translate else v.text for v in entry) for entry in line.entries),
        )
        for part in readable(replaced, form=INTAKE)
        for line in part.lines
    ]


def _int(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0


# ---- nobody is left


async def times(request: web.Request) -> web.StreamResponse:
    """Free times, instead of waiting on."""
    row = await visit_of(request)
    if row["state"] != State.WAITING:
        raise see_other(_page_of(request))
    return await _times_page(request, row)


async def _times_page(request: web.Request, row: RowMapping, error: str = "", status: int = 200) -> web.Response:
    values = {
        "address": request.match_info["address"],
        "days": await free_times(request, row),
        "errors": {"slot": error} if error else {},
    }
    return page(request, "visit/times.html", values, status=status)


async def take_time(request: web.Request) -> web.StreamResponse:
    """A slot instead of the place in line. Only one that was offered; taken meanwhile: choose another."""
    row = await visit_of(request)
    t = translator(request["lang"])
    chosen = str((await request.post()).get("slot", ""))
    if row["state"] != State.WAITING:
        raise see_other(_page_of(request))  # the same press twice, or called in meanwhile: the page says
    offered = {
        f"{slot.therapist_id} {slot.starts_at.isoformat()}": slot
        for _, _, slots in await free_times(request, row)
        for slot in slots
    }
    slot = offered.get(chosen)
    if slot is None:
        return await _times_page(request, row, t(E_TAKEN) if chosen else t(E_CHOOSE), 409 if chosen else 422)
    try:
        await _rebook(request, row, slot)
    except PersonError as error:
        if error.code != "slot_taken":
            raise
        return await _times_page(request, row, t(E_TAKEN), 409)
    raise see_other(_page_of(request))


async def _rebook(request: web.Request, row: RowMapping, slot: Slot) -> None:
    """And a mail, where there is an address. Of two presses the second changes nothing and mails nothing."""
    db, settings = request.app[DATABASE], request.app[SETTINGS]
    actor = Actor("patient", row["patient_id"])
    async with db.write() as tx:
        door = await access(db, tx, actor, "change", "visit", row["id"], subject=row["patient_id"])
        found = await visits.by_id(tx.conn, row["id"], lock=True)
        if found is None or found["state"] != State.WAITING:
            return
        await booking.rebook(tx, row["id"], slot.therapist_id, slot.starts_at, actor)
        booked = await reading.of_visit(tx.conn, row["id"])
        assert booked is not None
        lang = booked["page_language"]
        letter = letters.moved(clinic_of(settings, lang), lang, slot.starts_at, booked["with_name"])
        await send(db, tx, settings, door, booked, letter, not_after=slot.ends_at)


async def call_back(request: web.Request) -> web.StreamResponse:
    """A call instead of waiting on. When somebody has come on duty meanwhile, the page says so."""
    row = await visit_of(request)
    try:
        await nobody.call_back(request.app[DATABASE], row["id"], Actor("patient", row["patient_id"]))
    except PersonError as error:
        if error.code != "not_possible_now":
            raise
    raise see_other(_page_of(request))
