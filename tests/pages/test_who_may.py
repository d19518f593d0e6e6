"""Every route as everybody: only who stands in routes.py gets in, and nobody gets at another's visit."""

from __future__ import annotations

import re

from server.app import make_app
from server.ids import new_id
from server.routes import ROUTES, VISIT, Route
from tests.pages.test_csrf import path_of
from tests.pages.visitors import Answer, Member, Site, Visitor

ROLES = {"therapist": "desk", "front_desk": "admin", "admin": "admin"}
STAFF_ROUTES = [route for route in ROUTES if not route.who & {"anyone", "visit"}]


async def knock(who: Visitor, route: Route, visit: str, address: str) -> Answer:
    path = path_of(route.path, visit, address)
    if route.method == "POST":
        return await who.post(path)
    return await who.get(path, {"Origin": who.origin})


def kept_out(answer: Answer, realm: str) -> bool:
    """Refused, or sent to sign in; in no case anything of the page."""
    if answer.status == 303:
        return answer.location == f"/{realm}/sign-in"
    return answer.status == 403 and "You cannot open this page" in answer.words


async def test_only_who_stands_in_the_table_gets_in(site: Site, li: Member, priya: Member) -> None:
    dana = await site.member("dana", "front_desk")
    ana = site.visitor()
    path, visit = await site.waits(ana)
    address = path.rsplit("/", 1)[-1]
    everybody: dict[str, Visitor] = {
        "nobody": site.visitor(), "patient": ana, "therapist": li, "admin": priya, "front_desk": dana,
    }  # fmt: skip
    wrong = []
    for route in STAFF_ROUTES:
        realm = route.path.split("/")[1]
        for role, who in everybody.items():
            if route.name in ("desk_sign_out", "admin_sign_out"):
                continue
            answer = await knock(who, route, visit, address)
            if (role not in route.who) != kept_out(answer, realm):
                wrong.append((route.method, route.path, role, answer.status))
    assert wrong == []


async def test_a_session_carried_to_another_realm_opens_nothing(site: Site, li: Member, priya: Member) -> None:
    """The token of one realm under the cookie's name of the other, and both at once."""
    thief = site.visitor()
    thief.set_cookie("__Host-admin", li.cookie("__Host-desk") or "")
    thief.set_cookie("__Host-desk", priya.cookie("__Host-admin") or "")
    for route in STAFF_ROUTES:
        assert kept_out(await knock(thief, route, new_id(), new_id()), route.path.split("/")[1]), route.path


async def test_a_visit_is_for_who_has_proved_it(site: Site, li: Member, priya: Member) -> None:
    """Staff have pages of their own; the patient's is not theirs."""
    path, visit = await site.waits(site.visitor())
    for who in (site.visitor(), li, priya):
        for route in ROUTES:
            if route.who == VISIT:
                answer = await knock(who, route, visit, path.rsplit("/", 1)[-1])
                assert "waiting room" not in answer.words.casefold(), route.path
                assert answer.status in (200, 404)
                if answer.status == 200:
                    assert "Is this your visit?" in answer.words
    assert (await site.by_id(visit))["state"] == "waiting"


async def test_another_therapists_visit_does_not_exist(site: Site, li: Member, okafor: Member) -> None:
    _, visit = await site.waits(site.visitor())
    assert (await li.post(f"/desk/visits/{visit}/admission")).status == 303
    assert (await li.post(f"/desk/visits/{visit}/note", {"B1": "private words", "version": "0"})).status == 303
    before = await site.by_id(visit)
    routes = [route for route in ROUTES if route.path.startswith("/desk/visits/") and route.name != "desk_admission"]
    assert len(routes) >= 7
    for route in routes:
        answers = [await knock(okafor, route, which, "") for which in (visit, new_id())]
        shown = [(answer.status, re.sub(r"[\w-]{22}", "ID", answer.words)) for answer in answers]
        assert shown[0] == shown[1], f"{route.path} tells a foreign visit from none"
        assert answers[0].status == 404
        assert "private words" not in answers[0].text
        assert "Ana Pereira" not in answers[0].text
    answer = await okafor.post(f"/desk/visits/{visit}/admission")
    assert answer.status == 409
    assert await site.by_id(visit) == before
    assert "Ana Pereira" not in (await okafor.get("/desk")).words


async def test_a_patient_cannot_act_on_the_visit_of_another(site: Site, li: Member) -> None:
    ana, ben = site.visitor(), site.visitor()
    anas, visit = await site.waits(ana)
    await site.waits(ben, name="Benoît Roy")
    for action in ("ready", "leave"):
        assert (await ben.post(f"{anas}/{action}")).status == 404
    for path in (
        f"/desk/visits/{visit}/end",
        f"/desk/visits/{visit}/note/signature",
        f"/desk/visits/{visit}/admission",
    ):
        assert (await ben.post(path)).status == 403
    assert (await site.by_id(visit))["state"] == "waiting"


async def test_therapists_read_the_names_of_who_waits_and_patients_read_none(site: Site, li: Member) -> None:
    await site.waits(site.visitor(), name="Zebediah Quill")
    ana = site.visitor()
    path, _ = await site.waits(ana)
    assert "Zebediah" in (await li.get("/desk")).words
    page = await ana.get(path)
    assert "Zebediah" not in page.text
    assert "You are number 2 in line" in page.words


async def test_every_url_of_the_service_is_in_the_table(site: Site) -> None:
    app = make_app(site.settings)
    paths = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource}
    known = {(route.method, route.path) for route in ROUTES}
    more = {path for method, path in paths - known if method != "HEAD"}
    assert more == {"/static/css", "/static/js"}


async def test_static_files_are_only_css_and_scripts(site: Site) -> None:
    visitor = site.visitor()
    for path in (
        "/static/css/../../server/config.py", "/static/css/..%2f..%2fserver/config.py", "/static/js/%2e%2e/%2e%2e/pyproject.toml",
        "/static/css/", "/static/js", "/static/css//etc/passwd", "/static/templates/base.html",
    ):  # fmt: skip
        answer = await visitor.get(path)
        assert answer.status in (403, 404), path
        assert "import" not in answer.text
