"""A patient at home behind a NAT, in network namespaces; the clinic's server is this machine. Needs root and iptables.

patient (10.79.0.2) -- lan0 router wan0 (203.0.113.2) -- this machine (203.0.113.1)
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.rig.browsers import chromium

SERVER, PUBLIC = "203.0.113.1", "203.0.113.2"
INSIDE = "10.79.0"
PATIENT, ROUTER, LINK = "tmfpat", "tmfnat", "tmfwan"


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Home:
    """The patient's network. ``program`` runs Chromium there."""

    def __init__(self, program: Path) -> None:
        self.program = str(program)
        self._host = 2

    def map_ports(self, first: int, last: int) -> None:
        """The NAT forgets every mapping, and gives new ones out of these ports: as after the router's restart."""
        nat = ("ip", "netns", "exec", ROUTER, "iptables", "-t", "nat")
        run(*nat, "-F", "POSTROUTING")
        for protocol in ("udp", "tcp"):
            ports = ("--to-ports", f"{first}-{last}")
            run(*nat, "-A", "POSTROUTING", "-o", "wan0", "-p", protocol, "-j", "MASQUERADE", *ports)
        # a masquerading interface that goes down takes its mappings with it
        run("ip", "-n", ROUTER, "link", "set", "wan0", "down")
        run("ip", "-n", ROUTER, "link", "set", "wan0", "up")

    def change_address(self) -> None:
        """The patient's computer gets another address, as in another network."""
        run("ip", "-n", PATIENT, "addr", "del", f"{INSIDE}.{self._host}/24", "dev", "eth0")
        self._host += 1
        self._address()

    def lose(self, share: float) -> None:
        """This share of all packets is lost, each way; 0 ends it."""
        chain = ("ip", "netns", "exec", ROUTER, "iptables")
        run(*chain, "-F", "FORWARD")
        if share:
            chance = ("-m", "statistic", "--mode", "random", "--probability", str(share)) if share < 1 else ()
            for device in ("lan0", "wan0"):
                run(*chain, "-A", "FORWARD", "-i", device, *chance, "-j", "DROP")
                run(*chain, "-A", "FORWARD", "-i", device, "-j", "ACCEPT")

    def lost(self) -> tuple[float, float]:
        """The share of packets that the router has dropped since :meth:`lose`: (from the patient, to the patient)."""
        table = run("ip", "netns", "exec", ROUTER, "iptables", "-vxnL", "FORWARD").splitlines()[2:]
        dropped_out, passed_out, dropped_in, passed_in = (int(line.split()[0]) for line in table)
        return dropped_out / max(1, dropped_out + passed_out), dropped_in / max(1, dropped_in + passed_in)

    def _address(self) -> None:
        run("ip", "-n", PATIENT, "addr", "add", f"{INSIDE}.{self._host}/24", "dev", "eth0")
        run("ip", "-n", PATIENT, "route", "add", "default", "via", f"{INSIDE}.1")

    def build(self) -> None:
        for space in (PATIENT, ROUTER):
            run("ip", "netns", "add", space)
            run("ip", "-n", space, "link", "set", "lo", "up")
        run("ip", "link", "add", LINK, "type", "veth", "peer", "name", "wan0", "netns", ROUTER)
        run("ip", "addr", "add", f"{SERVER}/24", "dev", LINK)
        run("ip", "link", "set", LINK, "up")
        run("ip", "-n", ROUTER, "addr", "add", f"{PUBLIC}/24", "dev", "wan0")
        run("ip", "-n", ROUTER, "link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", PATIENT)
        run("ip", "-n", ROUTER, "addr", "add", f"{INSIDE}.1/24", "dev", "lan0")
        run("ip", "-n", ROUTER, "link", "set", "lan0", "up")
        run("ip", "-n", PATIENT, "link", "set", "eth0", "up")
        self._address()
        run("ip", "netns", "exec", ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.map_ports(20_000, 29_999)


@contextmanager
def alone() -> Iterator[None]:
    """The namespaces' names and addresses are one set a machine: another run that has them is waited for."""
    with (Path(tempfile.gettempdir()) / "twenty-minutes-networks.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def home(folder: Path) -> Iterator[Home]:
    """Skips the test where namespaces cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("only root may make network namespaces: run as root, or in a container, to include this")
    if missing := [tool for tool in ("ip", "iptables") if shutil.which(tool) is None]:
        pytest.fail(f"the networks need {', '.join(missing)}: run `make test`, which installs them", pytrace=False)
    program = folder / "patients-chromium"
    program.write_text(f'#!/bin/sh\nexec ip netns exec {PATIENT} {chromium()} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    made = Home(program)
    with alone():
        _remove()
        try:
            made.build()
            yield made
        finally:
            _remove()


def _remove() -> None:
    for space in (PATIENT, ROUTER):
        subprocess.run(["ip", "netns", "del", space], capture_output=True)
    subprocess.run(["ip", "link", "del", LINK], capture_output=True)
