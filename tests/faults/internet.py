"""Two people's homes and a clinic's server on a small internet of network namespaces. Needs root and iptables.

    ana's computer (10.81.1.2) -- her router (198.51.100.11) --+
                                                               +-- bridge -- this machine, the server (198.51.100.1)
    li's computer (10.81.2.2) --- li's router (198.51.100.12) -+

A home that is "open" has no router: its computer is at the public address itself.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from tests.faults.network import alone, run

#: open: no router. keeping: its NAT keeps the port, whoever is called. symmetric: another random port for each.
Nat = Literal["open", "keeping", "symmetric"]

SERVER, NETWORK = "198.51.100.1", "198.51.100"
BRIDGE, LINK = "tmpwan", "tmpsrv"
NAMES = ("ana", "li")
# A STUN message's magic cookie, behind the IPv4 and the UDP header.
STUN = ("-m", "u32", "--u32", "0>>22&0x3C@12=0x2112A442")


def inside(space: str, *words: str) -> str:
    return run("ip", "netns", "exec", space, *words)


@dataclass
class Home:
    """Where one person is. Namespaces: their computer, and their router if they have one."""

    number: int
    nat: Nat
    folder: Path

    @property
    def computer(self) -> str:
        return f"tmph{self.number}"

    @property
    def router(self) -> str:
        return f"tmpr{self.number}"

    @property
    def public(self) -> str:
        return f"{NETWORK}.{10 + self.number}"

    @property
    def own(self) -> str:
        """The address that the computer has itself."""
        return self.public if self.nat == "open" else f"10.81.{self.number}.2"

    @property
    def addresses(self) -> tuple[str, ...]:
        """What the other side must not learn under the policy "relay"."""
        return tuple(dict.fromkeys((self.own, self.public)))

    def program(self, browser: str) -> str:
        """A program that runs ``browser`` there."""
        path = self.folder / f"{Path(browser).name}-{self.number}"
        path.write_text(f'#!/bin/sh\nexec ip netns exec {self.computer} {browser} "$@"\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    def allow_only(self, *rules: str) -> None:
        """The network lets out only what one of these iptables matches describes, as "-p tcp"; all else is dropped."""
        space, chain = (self.computer, "OUTPUT") if self.nat == "open" else (self.router, "FORWARD")
        here = ("-o", "eth0") if self.nat == "open" else ("-i", "lan0")
        for rule in rules:
            inside(space, "iptables", "-A", chain, *here, *rule.split(), "-j", "ACCEPT")
        inside(space, "iptables", "-A", chain, *here, "-j", "DROP")

    def count(self, *ports: int) -> None:
        """From now on :meth:`sent` tells what the computer sends to these UDP ports of the server."""
        # In this table nothing is ever let through or held back: the packets go on to the rules of `allow_only`.
        chain = ("iptables", "-t", "mangle", "-A", "OUTPUT", "-p", "udp", "-d", SERVER)
        for port in ports:
            for what in (STUN, ()):
                inside(self.computer, *chain, "--dport", str(port), *what, "-j", "ACCEPT")

    def sent(self, index: int = 0) -> tuple[int, int]:
        """(STUN, all else) since :meth:`count`, in packets, to the port with this index there."""
        table = inside(self.computer, "iptables", "-t", "mangle", "-vxnL", "OUTPUT").splitlines()[2:]
        checks, media = (int(line.split()[0]) for line in table[2 * index : 2 * index + 2])
        return checks, media

    def count_to(self, other: Home) -> None:
        """From now on :meth:`sent_to` tells how many packets the computer sends to the other home."""
        for address in other.addresses:
            inside(self.computer, "iptables", "-t", "raw", "-A", "OUTPUT", "-d", address)

    def sent_to(self) -> int:
        table = inside(self.computer, "iptables", "-t", "raw", "-vxnL", "OUTPUT").splitlines()[2:]
        return sum(int(line.split()[0]) for line in table)

    def build(self) -> None:
        for space in (self.computer,) if self.nat == "open" else (self.computer, self.router):
            run("ip", "netns", "add", space)
            run("ip", "-n", space, "link", "set", "lo", "up")
        port = f"port{self.number}"
        outside, device = (self.computer, "eth0") if self.nat == "open" else (self.router, "wan0")
        run("ip", "-n", BRIDGE, "link", "add", port, "type", "veth", "peer", "name", device, "netns", outside)
        run("ip", "-n", BRIDGE, "link", "set", port, "master", "br0", "up")
        run("ip", "-n", outside, "addr", "add", f"{self.public}/24", "dev", device)
        run("ip", "-n", outside, "link", "set", device, "up")
        run("ip", "-n", outside, "route", "add", "default", "via", SERVER)
        if self.nat != "open":
            self._build_router()

    def _build_router(self) -> None:
        subnet = f"10.81.{self.number}"
        run(
            "ip",
            "-n",
            self.router,
            "link",
            "add",
            "lan0",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            self.computer,
        )
        run("ip", "-n", self.router, "addr", "add", f"{subnet}.1/24", "dev", "lan0")
        run("ip", "-n", self.router, "link", "set", "lan0", "up")
        run("ip", "-n", self.computer, "addr", "add", f"{subnet}.2/24", "dev", "eth0")
        run("ip", "-n", self.computer, "link", "set", "eth0", "up")
        run("ip", "-n", self.computer, "route", "add", "default", "via", f"{subnet}.1")
        inside(self.router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        ports = ("--random-fully",) if self.nat == "symmetric" else ()
        inside(self.router, "iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wan0", "-j", "MASQUERADE", *ports)
        # As at home: nothing comes in that was not asked for, neither to the router nor through it.
        for chain in ("INPUT", "FORWARD"):
            answers = ("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT")
            inside(self.router, "iptables", "-A", chain, "-i", "wan0", *answers)
            inside(self.router, "iptables", "-A", chain, "-i", "wan0", "-j", "DROP")


@contextmanager
def internet(folder: Path, ana: Nat, li: Nat) -> Iterator[tuple[Home, Home]]:
    """Skips the test where namespaces cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("only root may make network namespaces: run as root, or in a container, to include this")
    if missing := [tool for tool in ("ip", "iptables") if shutil.which(tool) is None]:
        pytest.fail(f"the networks need {', '.join(missing)}: run `make test`, which installs them", pytrace=False)
    homes = Home(1, ana, folder), Home(2, li, folder)
    with alone():
        _remove()
        try:
            _build_bridge()
            for home in homes:
                home.build()
            yield homes
        finally:
            _remove()


def _build_bridge() -> None:
    if (made := subprocess.run(["ip", "netns", "add", BRIDGE], capture_output=True, text=True)).returncode:
        pytest.skip(f"this root may make no network namespaces (CAP_SYS_ADMIN, CAP_NET_ADMIN): {made.stderr.strip()}")
    run("ip", "-n", BRIDGE, "link", "add", "br0", "type", "bridge")
    run("ip", "-n", BRIDGE, "link", "set", "br0", "up")
    run("ip", "link", "add", LINK, "type", "veth", "peer", "name", "port0", "netns", BRIDGE)
    run("ip", "-n", BRIDGE, "link", "set", "port0", "master", "br0", "up")
    run("ip", "addr", "add", f"{SERVER}/24", "dev", LINK)
    run("ip", "link", "set", LINK, "up")


def _remove() -> None:
    for number, _ in enumerate(NAMES, 1):
        for space in (f"tmph{number}", f"tmpr{number}"):
            subprocess.run(["ip", "netns", "del", space], capture_output=True)
    subprocess.run(["ip", "netns", "del", BRIDGE], capture_output=True)
    subprocess.run(["ip", "link", "del", LINK], capture_output=True)
