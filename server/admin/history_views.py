"""The office's history: a page with charts and tables, and the same numbers as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from server.admin import charts, store
from server.admin.history import DEFAULT_DAYS, MOST_DAYS, OUTCOMES, Figures, Past, bounds, history, weeks
from server.admin.spreadsheet import Cell, to_csv
from server.admin.words import minutes, short_date
from server.audit import Actor, access
from server.i18n import N_, translator
from server.web import DATABASE, SETTINGS, page

#: above this many days the charts go by weeks; the tables never do
MOST_BARS = 62
E_DATES = N_("Type each date as in 2026-11-23")
E_ORDER = N_("The first day is after the last one")
E_LONG = N_("Choose at most %(n)s days")
OUTCOME_NAMES = {
    "pt": N_("Physiotherapy"),
    "ot": N_("Occupational therapy"),
    "combined": N_("Combined"),
    "urgent_referral": N_("Urgent referral"),
    "in_person_assessment": N_("See in person first"),
    "none_self_care": N_("No therapy needed"),
    "not_completed": N_("Not completed"),
    "other": N_("Other"),
}


async def show(request: web.Request) -> web.StreamResponse:
    db, settings, lang = request.app[DATABASE], request.app[SETTINGS], request["lang"]
    t, zone = translator(lang), ZoneInfo(settings.clinic_zone)
    today = (await db.now()).astimezone(zone).date()
    first, last, errors = _range(request, today)
    visits = await store.past(db, *bounds(first, last, zone))
    found = history(visits, first, last, zone)
    async with db.read() as conn:
        people = await store.names(conn, [one for one, _ in found.therapists])
    by_week = len(found.days) > MOST_BARS
    values = {
        "history": found,
        "sent": {"from": request.query.get("from") or str(first), "to": request.query.get("to") or str(last)},
        "errors": {name: t(text, n=MOST_DAYS) if "%(n)s" in text else t(text) for name, text in errors.items()},
        "ranges": _ranges(today),
        "query": f"from={first}&to={last}",
        "by_week": by_week,
        "charts": _charts(weeks(visits, first, last, zone) if by_week else found.days, t, lang, settings.visit_seconds),
        "outcomes": charts.rows(
            [
                *(
                    (t(OUTCOME_NAMES[kind]), count)
                    for kind in OUTCOMES
                    if (count := found.total.outcomes.get(kind, 0)) or kind != "other"
                ),
                (t(N_("Not signed yet")), found.total.unsigned),
            ]
        ),
        "outcome_names": [(kind, t(name)) for kind, name in OUTCOME_NAMES.items()],
        "therapists": sorted(
            ((*people.get(one, ("?", None)), figures) for one, figures in found.therapists), key=lambda row: row[0]
        ),
        "minutes": lambda seconds: minutes(seconds, lang),
        "short_date": lambda day: short_date(day, lang),
    }
    return page(request, "admin/history.html", values, status=422 if errors else 200)


def _range(request: web.Request, today: date) -> tuple[date, date, dict[str, str]]:
    """The asked days, or the last ``DEFAULT_DAYS``, with what is wrong with what was asked."""
    usual = (today - timedelta(days=DEFAULT_DAYS - 1), today)
    try:
        first, last = (
            date.fromisoformat(sent) if (sent := request.query.get(name, "").strip()) else one
            for name, one in zip(("from", "to"), usual, strict=True)
        )
    except ValueError:
        return *usual, {"from": E_DATES}
    if first > last:
        return *usual, {"from": E_ORDER}
    if (last - first).days >= MOST_DAYS:
        return *usual, {"from": E_LONG}
    if not date(2000, 1, 1) <= first <= last <= date(2200, 1, 1):
        return *usual, {"from": E_DATES}
    return first, last, {}


def _ranges(today: date) -> list[tuple[str, str]]:
    """(words, query) of the ranges that are asked most."""
    return [
        (words, f"from={today - timedelta(days=days - 1)}&to={today}")
        for words, days in (
            (N_("7 days"), 7),
            (N_("30 days"), 30),
            (N_("90 days"), 90),
            (N_("One year"), 365),
        )
    ]


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 1)


def _charts(
    days: Sequence[tuple[date, Figures]], t: Callable[..., str], lang: str, visit_s: int
) -> dict[str, charts.Chart]:
    axis = charts.Axis([short_date(day, lang) for day, _ in days])

    def series(words: str, kind: str, take: Callable[[Figures], float | None], **more: Any) -> charts.Series:
        return charts.Series(t(words), kind, [take(figures) for _, figures in days], **more)

    median, p90 = N_("median"), N_("9 in 10 at most")
    planned = round(visit_s / 60, 1)
    return {
        "visits": charts.bars(
            axis,
            [
                series(N_("seen"), "a", lambda one: one.seen),
                series(N_("left while waiting"), "b", lambda one: one.left),
                series(N_("did not come"), "c", lambda one: one.no_shows),
            ],
        ),
        "waits": charts.lines(
            axis,
            [
                series(median, "a", lambda one: _minutes(one.wait_median)),
                series(p90, "b", lambda one: _minutes(one.wait_p90), shape="triangle"),
            ],
        ),
        "lengths": charts.lines(
            axis,
            [
                series(median, "a", lambda one: _minutes(one.length_median)),
                series(p90, "b", lambda one: _minutes(one.length_p90), shape="triangle"),
            ],
            (planned, t(N_("planned: %(n)s"), n=charts.number(planned))),
        ),
        "failed": charts.bars(
            axis,
            [series(N_("failed connections"), "c", lambda one: one.failed)],
        ),
        "outcomes": charts.bars(
            axis,
            [
                series(N_("Physiotherapy"), "a", lambda one: one.outcomes.get("pt", 0)),
                series(N_("Occupational therapy"), "b", lambda one: one.outcomes.get("ot", 0)),
                series(N_("Combined"), "d", lambda one: one.outcomes.get("combined", 0)),
            ],
        ),
    }


FIGURES = (
    "visits", "seen", "wait_median_min", "wait_p90_min", "length_median_min", "length_p90_min",
    *(f"outcome_{kind}" for kind in OUTCOMES), "outcome_not_signed", "no_shows", "left_while_waiting", "call_backs",
    "failed_connections", "reconnects",
)  # fmt: skip


def _cells(one: Figures) -> list[Cell]:
    return [
        one.visits,
        one.seen,
        *(None if s is None else round(s / 60, 2) for s in (one.wait_median, one.wait_p90)),
        *(None if s is None else round(s / 60, 2) for s in (one.length_median, one.length_p90)),
        *(one.outcomes.get(kind, 0) for kind in OUTCOMES),
        one.unsigned,
        one.no_shows,
        one.left,
        one.call_backs,
        one.failed,
        one.reconnects,
    ]


async def csv(request: web.Request) -> web.StreamResponse:
    """``by``: day (default), therapist, or visit: ids and instants, never whom it was with. Each is in the audit."""
    db, settings = request.app[DATABASE], request.app[SETTINGS]
    zone = ZoneInfo(settings.clinic_zone)
    first, last, errors = _range(request, (await db.now()).astimezone(zone).date())
    if errors:
        raise web.HTTPSeeOther(f"/admin/history?{request.query_string}")  # which says what is wrong
    by = request.query.get("by", "day")
    by = by if by in ("therapist", "visit") else "day"
    visits = await store.past(db, *bounds(first, last, zone))
    found = history(visits, first, last, zone)
    if by == "visit":
        head, rows = _by_visit(visits, zone)
    elif by == "therapist":
        async with db.read() as conn:
            people = await store.names(conn, [one for one, _ in found.therapists])
        head = ["therapist_id", "therapist", "profession", *FIGURES]
        rows = [[one, *people.get(one, (None, None)), *_cells(figures)] for one, figures in found.therapists]
    else:
        head = ["day", *FIGURES]
        rows = [[str(day), *_cells(figures)] for day, figures in found.days]
    async with db.write() as tx:
        await access(db, tx, Actor("staff", request["staff"].id), "export", "history", f"{by} {first} {last}")
    name = f"history-{by}-{first}-{last}.csv"
    return web.Response(
        body=to_csv(head, rows),
        headers={"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": f'attachment; filename="{name}"'},
    )


def _by_visit(visits: Sequence[Past], zone: ZoneInfo) -> tuple[list[str], list[list[Cell]]]:
    head = [
        "visit_id", "day", "state", "end_reason", "arrived_at", "first_admitted_at", "started_at", "ended_at",
        "wait_min", "length_min", "therapist_id", "outcome", "failed_connection", "reconnects",
    ]  # fmt: skip
    rows: list[list[Cell]] = [
        [
            one.visit,
            str(one.day(zone)),
            one.state,
            one.end_reason,
            *(
                at.astimezone(zone).isoformat(timespec="seconds") if at else None
                for at in (one.arrived_at, one.first_admitted_at, one.started_at, one.ended_at)
            ),
            *(None if s is None else round(s / 60, 2) for s in (one.wait_s, one.length_s)),
            one.therapist,
            one.outcome,
            int(one.failed),
            one.reconnects,
        ]
        for one in visits
    ]
    return head, rows
