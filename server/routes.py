"""Every URL on one page: method, path, handler, name, who may. Who is not named here may not."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from server import health, mailbox
from server.admin import history_views as history
from server.admin import timeline_views as timeline
from server.admin import views as admin
from server.booking import booked
from server.booking import views as booking
from server.desk import act_views as acts
from server.desk import views as desk
from server.guest import views as guest
from server.notes import views as notes
from server.patient import check_views as check
from server.patient import views as patient
from server.patient import waiting_views as waiting
from server.people import views as people
from server.visit import views as visit
from server.waitingroom import views as room
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
    Route("POST", "/v/{address}/details", booked.details, "visit_details", VISIT),
    Route("GET", "/v/{address}/visit.ics", booked.calendar, "visit_calendar", VISIT),
    Route("GET", "/v/{address}/cancel", booked.ask_cancel, "visit_ask_cancel", VISIT),
    Route("POST", "/v/{address}/cancel", booked.cancel, "visit_cancel", VISIT),
    Route("GET", "/v/{address}/live", patient.live, "visit_live", VISIT),
    Route("GET", "/v/{address}/messages", waiting.write, "visit_messages", VISIT),
    Route("POST", "/v/{address}/messages", waiting.say, "visit_say", VISIT),
    Route("GET", "/v/{address}/questions", waiting.questions, "visit_questions", VISIT),
    Route("POST", "/v/{address}/questions", waiting.answer, "visit_answer", VISIT),
    Route("GET", "/v/{address}/times", waiting.times, "visit_times", VISIT),
    Route("POST", "/v/{address}/times", waiting.take_time, "visit_take_time", VISIT),
    Route("POST", "/v/{address}/call-back", waiting.call_back, "visit_call_back", VISIT),
    Route("GET", "/v/{address}/check", check.check, "visit_check", VISIT),
    Route("GET", "/desk/sign-in", people.sign_in, "desk_sign_in", ANYONE),
    Route("POST", "/desk/sign-in", people.send_sign_in, "desk_send_sign_in", ANYONE),
    Route("POST", "/desk/sign-out", people.sign_out, "desk_sign_out", ANYONE),
    Route("GET", "/desk", desk.desk, "desk", THERAPIST),
    Route("GET", "/desk/live", desk.live, "desk_live", THERAPIST),
    Route("POST", "/desk/duty", desk.duty, "desk_duty", THERAPIST),
    Route("GET", "/desk/visits/{visit}", desk.desk, "desk_visit", THERAPIST),
    Route("POST", "/desk/admission", desk.admission_next, "desk_admission_next", THERAPIST),
    Route("GET", "/desk/visits/{visit}/acts", acts.acts, "desk_acts", THERAPIST),
    Route("GET", "/desk/visits/{visit}/earlier", acts.earlier, "desk_earlier", THERAPIST),
    Route("POST", "/desk/visits/{visit}/earlier/search", acts.search, "desk_earlier_search", THERAPIST),
    Route("POST", "/desk/visits/{visit}/earlier/link", acts.link, "desk_earlier_link", THERAPIST),
    Route("POST", "/desk/visits/{visit}/earlier/unlink", acts.unlink, "desk_earlier_unlink", THERAPIST),
    Route("GET", "/desk/visits/{visit}/earlier/{other}/note", acts.earlier_note, "desk_earlier_note", THERAPIST),
    Route("POST", "/desk/visits/{visit}/admission", desk.admission, "desk_admission", THERAPIST),
    Route("POST", "/desk/visits/{visit}/return", desk.send_back, "desk_return", THERAPIST),
    Route("POST", "/desk/visits/{visit}/end", desk.end, "desk_end", THERAPIST),
    Route("POST", "/desk/visits/{visit}/give-back", desk.give_back, "desk_give_back", THERAPIST),
    Route("POST", "/desk/visits/{visit}/first", room.first, "desk_first", THERAPIST),
    Route("POST", "/desk/visits/{visit}/not-first", room.not_first, "desk_not_first", THERAPIST),
    Route("POST", "/desk/visits/{visit}/assign", room.assign, "desk_assign", THERAPIST),
    Route("POST", "/desk/visits/{visit}/no-show", room.no_show, "desk_no_show", THERAPIST),
    Route("POST", "/desk/visits/{visit}/close", room.close, "desk_close", THERAPIST),
    Route("POST", "/desk/visits/{visit}/stay", room.stay, "desk_stay", THERAPIST),
    Route("POST", "/desk/visits/{visit}/seen", room.seen, "desk_seen", THERAPIST),
    Route("POST", "/desk/visits/{visit}/message", room.message, "desk_message", THERAPIST),
    Route("POST", "/desk/visits/{visit}/transfer", room.transfer, "desk_transfer", THERAPIST),
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
    Route("GET", "/admin/history", history.show, "admin_history", OFFICE),
    Route("GET", "/admin/history.csv", history.csv, "admin_history_csv", OFFICE),
    Route("GET", "/admin/visits/{visit}", timeline.show, "admin_visit", OFFICE),
    Route("GET", "/admin/visits/{visit}/events", timeline.events, "admin_visit_events", OFFICE),
    Route("POST", "/admin/visits/{visit}/end", admin.end, "admin_end", OFFICE),
    Route("POST", "/admin/visits/{visit}/called", admin.called, "admin_called", OFFICE),
    Route("POST", "/admin/visits/{visit}/first", room.first, "admin_first", OFFICE),
    Route("POST", "/admin/visits/{visit}/not-first", room.not_first, "admin_not_first", OFFICE),
    Route("POST", "/admin/visits/{visit}/assign", room.assign, "admin_assign", OFFICE),
    Route("POST", "/admin/visits/{visit}/no-show", room.no_show, "admin_no_show", OFFICE),
    Route("POST", "/admin/visits/{visit}/close", room.close, "admin_close", OFFICE),
    Route("POST", "/admin/visits/{visit}/stay", room.stay, "admin_stay", OFFICE),
    Route("POST", "/admin/visits/{visit}/seen", room.seen, "admin_seen", OFFICE),
    Route("POST", "/admin/visits/{visit}/message", room.message, "admin_message", OFFICE),
    Route("POST", "/admin/visits/{visit}/unlock", admin.unlock, "admin_unlock", OFFICE),
    Route("GET", "/desk/appointments", booking.appointments, "desk_appointments", THERAPIST),
    Route("GET", "/desk/appointments/new", booking.new, "desk_appointment_new", THERAPIST),
    Route("POST", "/desk/appointments/new", booking.create, "desk_appointment_create", THERAPIST),
    Route("GET", "/desk/appointments/{visit}", booking.one, "desk_appointment", THERAPIST),
    Route("POST", "/desk/appointments/{visit}/move", booking.move, "desk_appointment_move", THERAPIST),
    Route("POST", "/desk/appointments/{visit}/cancel", booking.cancel, "desk_appointment_cancel", THERAPIST),
    Route("POST", "/desk/appointments/{visit}/no-show", booking.no_show, "desk_appointment_no_show", THERAPIST),
    Route("POST", "/desk/appointments/{visit}/link", booking.new_link, "desk_appointment_link", THERAPIST),
    Route("POST", "/desk/appointments/{visit}/mail", booking.mail_again, "desk_appointment_mail", THERAPIST),
    Route("GET", "/admin/appointments", booking.appointments, "admin_appointments", OFFICE),
    Route("GET", "/admin/appointments/new", booking.new, "admin_appointment_new", OFFICE),
    Route("POST", "/admin/appointments/new", booking.create, "admin_appointment_create", OFFICE),
    Route("GET", "/admin/appointments/{visit}", booking.one, "admin_appointment", OFFICE),
    Route("POST", "/admin/appointments/{visit}/move", booking.move, "admin_appointment_move", OFFICE),
    Route("POST", "/admin/appointments/{visit}/cancel", booking.cancel, "admin_appointment_cancel", OFFICE),
    Route("POST", "/admin/appointments/{visit}/no-show", booking.no_show, "admin_appointment_no_show", OFFICE),
    Route("POST", "/admin/appointments/{visit}/link", booking.new_link, "admin_appointment_link", OFFICE),
    Route("POST", "/admin/appointments/{visit}/mail", booking.mail_again, "admin_appointment_mail", OFFICE),
    Route("GET", "/mail", mailbox.mailbox, "mail", ANYONE, development=True),
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
