"""What the note takes from the visit: a first draft, and the fields that only the server fills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.form.applicable import applicable

#: A visit as plain data, everything optional:
#: ``location`` {street, city, province: ISO 3166-2 or "other", postal}, ``phone`` E.164,
#: ``emergency`` {name, phone, relation} or {} (declined), ``reason``, ``language`` en|fr|other,
#: ``interpreter`` bool, ``consent`` {version, lang, at}, ``clinician`` {id, name, profession, registration},
#: ``modality`` video|phone_fallback, ``started_at`` and ``ended_at``: ISO 8601 with the clinic's own offset (C4 counts
#: against that day), ``intake`` {version, document}: what the patient has answered while waiting.
Visit = Mapping[str, Any]
#: the key under which a note keeps what the patient had answered: where a value of the note came from
FROM_PATIENT = "from_patient"


def prefill(visit: Visit) -> dict[str, Any]:
    """The document of a note that nobody has touched yet. The therapist confirms or changes all of it."""
    document: dict[str, Any] = {"A1": visit.get("modality", "video")}
    location = visit.get("location")
    if location:
        outside = location.get("province") == "other"
        places = {k: location[k] for k in ("street", "city", "postal") if location.get(k)}
        if not outside and location.get("province"):
            places["province"] = location["province"]
        document["A6"] = {**places, "country": location.get("country") or ("other" if outside else "CA")}
    if visit.get("phone"):
        document["A7"] = visit["phone"]
    if "emergency" in visit:
        contact = {k: v for k, v in (visit["emergency"] or {}).items() if k in ("name", "phone", "relation") and v}
        document["A8"] = contact or {"declined": "yes"}
    if visit.get("reason"):
        document["B1"] = visit["reason"]
    if visit.get("language"):
        document["A11"] = {"language": visit["language"]}
        if "interpreter" in visit:
            document["A11"]["interpreter"] = "yes" if visit["interpreter"] else "no"
    if visit.get("consent"):
        document["A3"] = {"answer": "yes", **visit["consent"], "captured_by": "patient"}
    return serve(offer(document, visit), visit)


def offer(document: Mapping[str, Any], visit: Visit) -> dict[str, Any]:
    """The document with the patient's own answers where it has none.

    Nothing that stands in the note is overwritten but the reason of a first draft (its newer words); what was offered
    before is not offered again: the therapist may have taken it out."""
    intake = visit.get("intake") or {}
    mark = document.get(FROM_PATIENT) or {}
    version = intake.get("version", 0)
    if version <= mark.get("version", 0):
        return dict(document)
    counts = applicable(intake["document"])
    answers = {key: counts[key] for key in intake["document"] if key in counts}
    offered = mark.get("answers", {})
    filled = dict(document)
    for key, value in answers.items():
        first_words = key == "B1" and not offered and document.get(key) == visit.get("reason")
        if first_words or (document.get(key) in (None, "not_asked") and key not in offered):
            filled[key] = value
    filled[FROM_PATIENT] = {"version": version, "answers": offered | answers}
    return filled


def patients_own(document: Mapping[str, Any]) -> frozenset[str]:
    """The fields that still stand as the patient has answered them."""
    answers = (document.get(FROM_PATIENT) or {}).get("answers", {})
    return frozenset(key for key, value in answers.items() if document.get(key) == value)


def serve(document: Mapping[str, Any], visit: Visit) -> dict[str, Any]:
    """The document with the server's own fields as they are now (A12, A13, A14). Call at each save."""
    served = {**document, "A12": "not_recorded"}
    if visit.get("clinician"):
        served["A13"] = {k: visit["clinician"][k] for k in ("id", "name", "profession", "registration")
                         if visit["clinician"].get(k)}  # fmt: skip
    times = {k: visit[k] for k in ("started_at", "ended_at") if visit.get(k)}
    if times:
        served["A14"] = times
    return served


def stamp(document: Mapping[str, Any], base: Mapping[str, Any], *, by: str, at: str) -> dict[str, Any]:
    """Write down who confirmed the identity and when, at the save that changed how (A2)."""
    now, before = document.get("A2"), base.get("A2")
    if not isinstance(now, Mapping) or not now.get("methods"):
        return dict(document)
    if isinstance(before, Mapping) and before.get("methods") == now["methods"] and before.get("at"):
        return dict(document)
    return {**document, "A2": {**now, "at": at, "by": by}}
