"""Which way a call takes in which networks: two homes in namespaces, real browsers, a real HAProxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from server.lan import lan_certificate
from tests.faults.conftest import MakeInternet, RunService
from tests.faults.internet import SERVER, Nat
from tests.faults.paths import call, goes, paths, relayed, serve
from tests.faults.service import Service
from tests.rig.browsers import Crew
from tests.rig.processes import ROOT, Program
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("faults", 3)]

RunProxy = Callable[[Service], Awaitable[Program]]


@pytest_asyncio.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[RunProxy]:
    """``await proxy(service)``: HAProxy with the very file of deploy/, on port 443 of the server's address."""
    cert, key = lan_certificate(tmp_path, [SERVER])
    chain = tmp_path / "chain.pem"
    chain.write_bytes(cert.read_bytes() + key.read_bytes())
    async with AsyncExitStack() as stack:

        async def start(service: Service) -> Program:
            places = {
                "PUBLIC_HTTP": f"{SERVER}:80",
                "PUBLIC_HTTPS": f"{SERVER}:443",
                "CERTIFICATE": chain,
                "WEB1": f"127.0.0.1:{service.port}",
                "WEB2": f"127.0.0.1:{service.port}",
                "RELAY": f"{SERVER}:{service.relay_port}",
            }
            argv = ["/usr/sbin/haproxy", "-db", "-f", str(ROOT / "deploy" / "haproxy.cfg")]
            made = Program(argv, {name: str(place) for name, place in places.items()}, tmp_path / "haproxy.log")
            stack.push_async_callback(made.stop)
            made.start()
            service.url = f"https://{SERVER}"
            await made.wait_for_http(f"{service.url}/healthz")
            return made

        yield start


@pytest.mark.long
@pytest.mark.parametrize(("ana", "li"), [("open", "open"), ("keeping", "keeping")])
async def test_where_a_direct_way_exists_the_call_takes_it(
    homes: MakeInternet, run_service: RunService, people: Crew, tmp_path: Path, ana: Nat, li: Nat
) -> None:
    both = homes(ana, li)
    service = await serve(run_service, tmp_path)
    visit = await call(people, service, *both)
    await goes(visit, "direct")
    counted = await relayed(*both)
    print(
        f"PATH {ana}/{li}: direct; to the relay in 2 s (STUN, media): {counted}; since the start {[h.sent() for h in both]}"
    )
    assert [media for _, media in counted] == [0, 0], "the relay still forwards media"
    await visit.both_hear()


@pytest.mark.long
async def test_two_symmetric_nats_need_the_relay(
    homes: MakeInternet, run_service: RunService, people: Crew, tmp_path: Path
) -> None:
    both = homes("symmetric", "symmetric")
    service = await serve(run_service, tmp_path)
    visit = await call(people, service, *both)
    await goes(visit, "relay")
    counted = await relayed(*both)
    print(f"PATH symmetric/symmetric: relay; to the relay in 2 s (STUN, media): {counted}")
    assert all(media > 100 for _, media in counted)
    await goes(visit, "relay")
    await visit.both_hear()


@pytest.mark.long
async def test_without_udp_the_call_goes_over_tcp(
    homes: MakeInternet, run_service: RunService, people: Crew, tmp_path: Path
) -> None:
    """The patient's network lets no UDP out; the therapist's lets everything."""
    ana, li = homes("keeping", "keeping")
    ana.allow_only("-p tcp")
    service = await serve(run_service, tmp_path)
    visit = await call(people, service, ana, li)

    async def over_tcp() -> bool:
        return (await paths(visit))[0] == "relay-tcp"

    await until(over_tcp, seconds=20, what="the patient's call goes over TCP")
    counted = await relayed(ana, li)
    print(f"PATH no UDP at ana's: {await paths(visit)}; to the relay over UDP in 2 s (STUN, media): {counted}")
    assert (await paths(visit))[1] == "relay", "the therapist's leg needs no TCP"
    await visit.both_hear()


async def test_tcp_443_alone_carries_pages_and_call(
    homes: MakeInternet, proxy: RunProxy, run_service: RunService, people: Crew, tmp_path: Path
) -> None:
    """Both networks let out nothing but TCP to port 443, where HAProxy tells HTTPS from the relay by the first bytes."""
    both = homes("keeping", "keeping")
    for home in both:
        home.allow_only(f"-p tcp -d {SERVER} --dport 443")
    service = await serve(
        run_service, tmp_path, address="", tls_cert="", tls_key="", behind_proxy=1, public_url=f"https://{SERVER}",
        relay_tcp_port=443, relay_proxies=SERVER,
    )  # fmt: skip
    await proxy(service)
    visit = await call(people, service, *both)
    await goes(visit, "relay-tcp")
    await visit.both_hear()
