"""What the note's templates need: the form, the review before signing, the signed note, the patient's summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from markupsafe import Markup
from sqlalchemy import RowMapping

from server import formats
from server.audit import Actor, access
from server.config import Settings
from server.form.applicable import applicable
from server.form.cross import warnings
from server.form.model import FieldError
from server.form.page import error_texts, page_model
from server.form.prefill import FROM_PATIENT, offer, patients_own, prefill
from server.form.readable import readable
from server.form.validate import Context, validate
from server.i18n import translator
from server.notes import signing, store
from server.notes.panel import panel
from server.notes.rules import suggest
from server.notes.store import Note
from server.notes.summary import Shown, summarise
from server.notes.summary import render as render_summary
from server.people.store import Staff
from server.visit.store import Particulars
from server.waitingroom import intake
from server.web import DATABASE, SETTINGS, render


def form_context(
    document: Mapping[str, Any],
    version: int,
    saved_at: datetime | None,
    visit: str,
    context: Context,
    lang: str,
    errors: Sequence[FieldError] | None = None,
) -> dict[str, Any]:
    """Of ``notes/form.html`` and ``notes/live.html``. ``errors``: those of a refused signing; None: a draft's own."""
    shown = validate(document, context=context) if errors is None else errors
    model = page_model(document, context=context, errors=shown)
    suggestion = suggest(applicable(document))
    return {
        "model": model,
        "texts": error_texts(model.errors, translator(lang).gettext),
        "suggestion": panel(suggestion),
        "version": version,
        "input_hash": suggestion.input_hash,
        "saved_at": saved_at,
        "save_url": f"/desk/visits/{visit}/note",
        "sign_url": f"/desk/visits/{visit}/note/signature",
        "where": where(document, lang),
        "signing": errors is not None,
        "from_patient": patients_own(document),
        "intake_version": (document.get(FROM_PATIENT) or {}).get("version", 0),
    }


def where(document: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """For a 9-1-1 dispatcher, in the order in which they ask."""
    place = document.get("A6") if isinstance(document.get("A6"), Mapping) else {}
    contact = document.get("A8") if isinstance(document.get("A8"), Mapping) else {}
    assert isinstance(place, Mapping)
    assert isinstance(contact, Mapping)
    province = place.get("province", "")
    town = " ".join(
        part for part in (place.get("city", ""), province.removeprefix("CA-"), place.get("postal", "")) if part
    )
    person = ", ".join(part for part in (contact.get("name", ""), formats.phone(contact.get("phone", ""))) if part)
    phone = document.get("A7")
    return {
        "lines": [line for line in (place.get("street", ""), town) if line],
        "phone": phone if isinstance(phone, str) else "",
        "contact": person,
    }


def review_context(document: Mapping[str, Any], version: int, visit: str, error: str = "") -> dict[str, Any]:
    """Of ``notes/review.html``: exactly what will be signed."""
    content = signing.content(document, document.get("N3"))
    suggestion = suggest(applicable(document))
    return {
        "parts": readable(content),
        "suggestion": panel(suggestion),
        "differs": content.get("differs", False),
        "warnings": [warning.message for warning in warnings(document)],
        "version": version,
        "input_hash": suggestion.input_hash,
        "sha256": signing.sha256(content),
        "sign_url": f"/desk/visits/{visit}/note/signature",
        "note_url": f"/desk/visits/{visit}",
        "ask_password": True,
        "error": error,
    }


def signed_context(note: Note) -> dict[str, Any]:
    """Of ``notes/signed.html``. The aid runs again on what was signed: it is deterministic; N3 has its version."""
    signature = note.signature or {}
    return {
        "parts": readable(note.document),
        "suggestion": panel(suggest(note.document)) if "N3" in note.document else None,
        "signature": {**signature, "at": note.signed_at, "sha256": note.content_sha256},
        "differs": note.document.get("differs", False),
    }


def summary_blocks(note: Note, lang: str, settings: Settings) -> list[Shown]:
    """The patient's summary of a signed note, in one language."""
    assert note.signed_at is not None
    zone = settings.clinic_zone
    day: date = note.signed_at.astimezone(ZoneInfo(zone)).date()
    return render_summary(
        summarise(note.document, signed_at=day), translator(lang).gettext, lambda at: formats.date(at, lang, zone)
    )


async def note_html(request: web.Request, row: RowMapping, who: Particulars) -> Markup:
    """The note as a fragment: the form, or what was signed."""
    db, settings, staff = request.app[DATABASE], request.app[SETTINGS], request["staff"]
    async with db.write() as tx:
        door = await access(db, tx, Actor("staff", staff.id), "read", "note", row["id"], subject=row["patient_id"])
        saved = await store.row_of(tx.conn, row["id"])
        answers = intake.opened(door, await intake.row_of(tx.conn, row["id"]))
    note = store.opened(door, saved) if saved else None
    if note is not None and note.signed_at is not None:
        return fragment(request, "notes/signed.html", signed_context(note))
    facts = visit_facts(settings, row, who, staff, answers)
    document = offer(note.document, facts) if note else prefill(facts)
    version, saved_at = (note.version, note.saved_at) if note else (0, None)
    context = form_context(document, version, saved_at, row["id"], context_of(settings, who), request["lang"])
    return fragment(request, "notes/form.html", context)


def fragment(request: web.Request, template: str, values: dict[str, Any]) -> Markup:
    return Markup(render(request, template, values))  # noqa: S704 (a template's own output)


def context_of(settings: Settings, who: Particulars) -> Context:
    return Context(datetime.now(UTC).astimezone(ZoneInfo(settings.clinic_zone)).date(), who.dob)


def visit_facts(
    settings: Settings, row: RowMapping, who: Particulars, staff: Staff, answers: intake.Intake = intake.EMPTY
) -> dict[str, Any]:
    """The visit in the form's words (``server.form.prefill.Visit``)."""
    zone = ZoneInfo(settings.clinic_zone)

    def local(at: datetime | None) -> str | None:
        return at.astimezone(zone).isoformat(timespec="seconds") if at else None

    return {
        "location": who.location,
        "phone": who.phone,
        "emergency": who.emergency,
        "reason": who.reason,
        "language": row["language"],
        "interpreter": row["interpreter"],
        "consent": {"version": row["consent_version"], "lang": row["consent_language"], "at": local(row["consent_at"])},
        "clinician": {
            "id": staff.id,
            "name": staff.name,
            "profession": staff.profession,
            "registration": staff.registration,
        },
        "modality": "phone_fallback" if row["phone_since"] else "video",
        "started_at": local(row["started_at"] or row["admitted_at"]),
        "ended_at": local(row["ended_at"]),
        "intake": {"version": answers.version, "document": answers.document},
    }
