"""The note beside the call: read, save as it is typed, sign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import RowMapping

from server.audit import Access, Actor, access
from server.config import Settings
from server.consultation import store as consultation
from server.db import Transaction
from server.errors import PersonError
from server.form.applicable import applicable, is_not_completed
from server.form.levels import open_emergency
from server.form.model import FieldError
from server.form.parse import parse
from server.form.prefill import offer, prefill, serve, stamp
from server.formats import iso
from server.i18n import N_, translator
from server.notes import pages, signing, store
from server.notes.rules import suggest
from server.people.passwords import verify
from server.people.store import Staff, count_try, forget_tries, staff_by_username
from server.visit import store as visits
from server.visit.states import OPEN, Event, State
from server.visit.store import Particulars
from server.visit.tables import visit
from server.waitingroom import intake
from server.web import DATABASE, SETTINGS, page, render, see_other, wants_json

E_PASSWORD = N_("Your password is not right. Type it again to sign")
E_TRIES = N_("There were too many wrong passwords. Your note is kept: wait 15 minutes, then sign it")
#: the note may be written while the visit runs and after it, until it is signed
WRITABLE = (*OPEN, State.ENDED)


async def note(request: web.Request) -> web.StreamResponse:
    row, who = await _own(request)
    return web.Response(text=str(await pages.note_html(request, row, who)), content_type="text/html")


async def _own(request: web.Request) -> tuple[RowMapping, Particulars]:
    """The visit, if it is this therapist's; audited as a reading of it."""
    db, staff = request.app[DATABASE], request["staff"]
    async with db.write() as tx:
        found = await visits.with_people(
            tx.conn, visit.c.id == request.match_info["visit"], visit.c.therapist_id == staff.id
        )
        if not found:
            raise PersonError("no_such_visit")
        row = found[0]
        door = await access(db, tx, Actor("staff", staff.id), "read", "visit", row["id"], subject=row["patient_id"])
        return row, visits.particulars(door, row)


async def save(request: web.Request) -> web.StreamResponse:
    """Keep what was typed. The page's script gets the new version and the fragments that follow from the answers."""
    row, who = await _own(request)
    sent = await request.post()
    async with request.app[DATABASE].write() as tx:
        version, document = await _save(request, tx, row, who, list(sent.items()), _int(sent.get("version")))
        saved_at = tx.now
    if not wants_json(request):
        raise see_other(f"/desk/visits/{row['id']}#note")
    settings = request.app[SETTINGS]
    context = pages.form_context(
        document, version, saved_at, row["id"], pages.context_of(settings, who), request["lang"]
    )
    return web.json_response(
        {
            "version": version,
            "saved_at": f"{saved_at.astimezone(ZoneInfo(settings.clinic_zone)):%H:%M:%S}",
            "input_hash": context["input_hash"],
            "errors": context["texts"],
            "html": render(request, "notes/live.html", context),
        }
    )


async def _save(
    request: web.Request,
    tx: Transaction,
    row: RowMapping,
    who: Particulars,
    sent: list[tuple[str, Any]],
    base_version: int,
) -> tuple[int, dict[str, Any]]:
    """One transaction: the draft, its audit entry, and the hold on the clock that an open emergency asks for."""
    db, settings, staff = request.app[DATABASE], request.app[SETTINGS], request["staff"]
    saved = await store.row_of(tx.conn, row["id"])
    if saved is not None:
        store.check_open(saved)
    if row["state"] not in WRITABLE:
        raise PersonError("not_possible_now")
    door = await access(db, tx, Actor("staff", staff.id), "change", "note", row["id"], subject=row["patient_id"])
    answers = intake.opened(door, await intake.row_of(tx.conn, row["id"]))
    if _int(dict(sent).get("intake", 0)) < answers.version:
        answers = intake.EMPTY  # answered since this page was made: offered when the note is opened the next time
    facts = pages.visit_facts(settings, row, who, staff, answers)
    base = offer(store.opened(door, saved).document, facts) if saved else prefill(facts)
    document = stamp(serve(parse(sent, base), facts), base, by=staff.id, at=iso(tx.now) or "")
    snapshot = suggest(applicable(document)).snapshot()
    if (base.get("N3") or {}).get("input_hash") != snapshot["input_hash"]:
        document["N3"] = {**snapshot, "shown_at": iso(tx.now)}
    version = await store.save(tx, door, row["id"], staff.id, document, base_version)
    await consultation.hold(tx, settings, row["id"], open_emergency(document))
    return version, document


async def sign(request: web.Request) -> web.StreamResponse:
    """Two steps. The form: save, check, show what will be signed. The review (``confirm``): the password, and lock."""
    row, who = await _own(request)
    sent = await request.post()
    if sent.get("confirm") == "yes":
        return await _confirm(request, row, who, sent)
    settings = request.app[SETTINGS]
    async with request.app[DATABASE].write() as tx:
        version, document = await _save(request, tx, row, who, list(sent.items()), _int(sent.get("version")))
        saved_at = tx.now
    errors = _check(settings, row, who, request["staff"], document, str(sent.get("input_hash", "")))
    if errors:
        context = pages.form_context(
            document, version, saved_at, row["id"], pages.context_of(settings, who), request["lang"], errors
        )
        return _answer(request, row, "notes/form.html", context, 422)
    return _answer(request, row, "notes/review.html", pages.review_context(document, version, row["id"]), 200)


def _answer(request: web.Request, row: RowMapping, template: str, values: dict[str, Any], status: int) -> web.Response:
    """The fragment for a script, or a page of its own around it."""
    if wants_json(request):
        return web.json_response(
            {"html": render(request, template, values), "errors": values.get("texts", {})}, status=status
        )
    whole = {
        "fragment": pages.fragment(request, template, values),
        "visit": row["id"],
        "errors": values.get("texts", {}),
    }
    return page(request, "notes/page.html", whole, status=status)


async def _confirm(
    request: web.Request, row: RowMapping, who: Particulars, sent: Mapping[str, Any]
) -> web.StreamResponse:
    """Lock what was reviewed: the same version, the same hash, by the author with their password."""
    db, settings, staff = request.app[DATABASE], request.app[SETTINGS], request["staff"]
    # the account's, wherever it comes from: who is here has the session already
    tried = db.cipher.blind_index(f"{staff.id} signs", "sign_in_try")
    async with db.write() as tx:
        allowed = await count_try(tx, tried)
    async with db.read() as conn:
        account = await staff_by_username(conn, staff.username)
    right = allowed and account and await verify(str(sent.get("password", ""))[:1024], account["password"])
    if right:
        async with db.write() as tx:
            await forget_tries(tx, tried)
    async with db.write() as tx:
        door = await access(
            db,
            tx,
            Actor("staff", staff.id),
            "sign" if right else "sign_refused",
            "note",
            row["id"],
            subject=row["patient_id"],
        )
        saved = await store.row_of(tx.conn, row["id"])
        if saved is None:
            raise PersonError("not_possible_now")
        store.check_open(saved)
        note = store.opened(door, saved)
        content = signing.content(note.document, note.document.get("N3"))
        sha256 = signing.sha256(content)
        if note.version != _int(sent.get("version")) or sha256 != sent.get("sha256"):
            raise PersonError("note_changed")
        errors = _check(settings, row, who, staff, note.document, str(sent.get("input_hash", "")))
        if right and not errors:
            await _lock(tx, door, saved, content, sha256, staff)
            current = await visits.by_id(tx.conn, row["id"])
            if current is not None and current["state"] == State.ENDED and is_not_completed(content):
                await visits.change(tx, row["id"], Event.CLOSE_INCOMPLETE, Actor("staff", staff.id))
            else:
                await visits.update_row(tx, row["id"], "note_signed", Actor("staff", staff.id))
    t = translator(request["lang"])
    if errors:
        context = pages.form_context(
            note.document,
            note.version,
            note.saved_at,
            row["id"],
            pages.context_of(settings, who),
            request["lang"],
            errors,
        )
        return _answer(request, row, "notes/form.html", context, 422)
    if not right:
        return _answer(
            request,
            row,
            "notes/review.html",
            pages.review_context(note.document, note.version, row["id"], t(E_PASSWORD if allowed else E_TRIES)),
            403 if allowed else 429,
        )
    if wants_json(request):
        return web.json_response({"signed": True, "html": str(await pages.note_html(request, row, who))})
    raise see_other(f"/desk/visits/{row['id']}")


def _check(
    settings: Settings, row: RowMapping, who: Particulars, staff: Staff, document: Mapping[str, Any], seen: str
) -> list[FieldError]:
    """``seen``: the input hash of the suggestion that the therapist had before them."""
    snapshot = document.get("N3") if (document.get("N3") or {}).get("input_hash") == seen else None
    context = signing.SigningContext(
        author_id=staff.id,
        clinician_id=row["therapist_id"],
        visit_state=row["state"],
        today=pages.context_of(settings, who).today,
        dob=who.dob,
    )
    return signing.check(document, snapshot, context)


async def _lock(
    tx: Transaction, door: Access, saved: RowMapping, content: dict[str, Any], sha256: str, staff: Staff
) -> None:
    signature = {
        "clinician": staff.id,
        "name": staff.name,
        "profession": staff.profession,
        "registration": staff.registration,
        "statement": "I saw this patient and wrote this note.",
        "at": iso(tx.now),
    }
    await store.lock(tx, door, saved, content, sha256, signature)


def _int(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return -1
