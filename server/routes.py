"""Every URL on one page: method, path, handler, name, who may. Who is not named here may not."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from server import health
from server.admin import views as admin
from server.desk import views as desk
from server.guest import views as guest
from server.notes import views as notes
from server.patient import views as patient
from server.people import views as people
from server.visit import views as visit
from server.web import SETTINGS, WEBCLIENT, Handler, guarded

ANYONE = frozenset({"anyone"})
VISIT = frozenset({"visit"})  # whoever holds the visit's address and has proved to be the patient
THERAPIST = frozenset({"therapist"})
OFFICE = frozenset({"admin", "front_desk"})
ADMIN = frozenset({"admin"})


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Handler
    name: str
    who: frozenset[str]
    development: bool = False


ROUTES = (
    Route("GET", "/", visit.home, "home", ANYONE),
    Route("POST", "/language", people.choose_language, "language", ANYONE),
    Route("GET", "/join", visit.join, "join", ANYONE),
    Route("POST", "/join", visit.send_join, "send_join", ANYONE),
    Route("GET", "/v/{address}", patient.visit_page, "visit", VISIT),
    Route("POST", "/v/{address}/proof", visit.proof, "visit_proof", ANYONE),
    Route("POST", "/v/{address}/ready", visit.ready, "visit_ready", VISIT),
    Route("POST", "/v/{address}/leave", visit.leave, "visit_leave", VISIT),
    Route("GET", "/v/{address}/live", patient.live, "visit_live", VISIT),
    Route("GET", "/desk/sign-in", people.sign_in, "desk_sign_in", ANYONE),
    Route("POST", "/desk/sign-in", people.send_sign_in, "desk_send_sign_in", ANYONE),
    Route("POST", "/desk/sign-out", people.sign_out, "desk_sign_out", ANYONE),
    Route("GET", "/desk", desk.desk, "desk", THERAPIST),
    Route("GET", "/desk/live", desk.live, "desk_live", THERAPIST),
    Route("POST", "/desk/duty", desk.duty, "desk_duty", THERAPIST),
    Route("GET", "/desk/visits/{visit}", desk.desk, "desk_visit", THERAPIST),
    Route("POST", "/desk/visits/{visit}/admission", desk.admission, "desk_admission", THERAPIST),
    Route("POST", "/desk/visits/{visit}/return", desk.send_back, "desk_return", THERAPIST),
    Route("POST", "/desk/visits/{visit}/end", desk.end, "desk_end", THERAPIST),
    Route("POST", "/desk/visits/{visit}/give-back", desk.give_back, "desk_give_back", THERAPIST),
    Route("GET", "/desk/visits/{visit}/guests", guest.invitations, "desk_guests", THERAPIST),
    Route("POST", "/desk/visits/{visit}/guests", guest.invite, "desk_invite", THERAPIST),
    Route("POST", "/desk/visits/{visit}/guests/{guest}/end", guest.end, "desk_end_guest", THERAPIST),
    Route("GET", "/g/{address}", guest.guest_page, "guest", ANYONE),
    Route("GET", "/g/{address}/live", guest.live, "guest_live", ANYONE),
    Route("GET", "/desk/visits/{visit}/note", notes.note, "note", THERAPIST),
    Route("POST", "/desk/visits/{visit}/note", notes.save, "save_note", THERAPIST),
    Route("POST", "/desk/visits/{visit}/note/signature", notes.sign, "sign_note", THERAPIST),
    Route("GET", "/admin/sign-in", people.sign_in, "admin_sign_in", ANYONE),
    Route("POST", "/admin/sign-in", people.send_sign_in, "admin_send_sign_in", ANYONE),
    Route("POST", "/admin/sign-out", people.sign_out, "admin_sign_out", ANYONE),
    Route("GET", "/admin", admin.wall, "admin", OFFICE),
    Route("GET", "/admin/live", admin.live, "admin_live", OFFICE),
    Route("POST", "/admin/visits/{visit}/unlock", admin.unlock, "admin_unlock", OFFICE),
    Route("GET", "/design", admin.design, "design", ANYONE, development=True),
    Route("GET", "/healthz", health.healthz, "healthz", ANYONE),
)


def setup_routes(app: web.Application) -> None:
    for route in ROUTES:
        if route.development and not app[SETTINGS].development:
            continue
        app.router.add_route(route.method, route.path, guarded(route.handler, route.who), name=route.name)
    for folder in ("css", "js"):
        app.router.add_static(
            f"/static/{folder}", WEBCLIENT / folder, name="static" if folder == "css" else "static_js"
        )
