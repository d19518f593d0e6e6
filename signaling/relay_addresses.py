"""Where a relay is reached: what browsers are told, and what is bound for it."""

import ipaddress
import socket
from dataclasses import dataclass

import ifaddr

from signaling.relay_sockets import bind

PORT_TRIES = 50

Bound = tuple[socket.socket, socket.socket | None]


@dataclass(frozen=True, slots=True)
class Published:
    """`ip` and `port` are what browsers are told, the other two what is bound."""

    ip: str
    port: int
    bind_ip: str
    bind_port: int


def own_addresses() -> list[str]:
    """The machine's addresses that a browser can reach: IPv4 with 127.0.0.1, and global IPv6."""
    found = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            ip = ipaddress.ip_address(text.partition("%")[0])
            if (ip.version == 4 and not ip.is_link_local) or (ip.version == 6 and ip.is_global):
                found.append(str(ip))
    # IPv6 first, loopback last: where both work, browsers should take the address without a NAT.
    return sorted(set(found), key=lambda ip: (ip.startswith("127."), ":" not in ip, ip))


def parse_published(text: str, port: int) -> Published:
    """One entry of `RelaySettings.publish`. Raises ValueError."""
    outer, _, inner = text.strip().partition("=")
    ip, own_port = _endpoint(outer, port)
    if inner:
        bind_ip, bind_port = _endpoint(inner, own_port)
    elif ip in own_addresses() or ipaddress.ip_address(ip).is_loopback:
        bind_ip, bind_port = ip, own_port
    else:  # not ours: a NAT in front of us has it
        bind_ip, bind_port = ("::" if ":" in ip else "0.0.0.0"), own_port  # noqa: S104 - a NAT's inside
    return Published(ip, own_port, bind_ip, bind_port)


def _endpoint(text: str, port: int) -> tuple[str, int]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        rest = rest.removeprefix(":")
    elif text.count(":") > 1:
        host, rest = text, ""
    else:
        host, _, rest = text.partition(":")
    number = int(rest) if rest else port
    if not 0 <= number < 65536:
        raise ValueError(f"no port: {text}")
    return str(ipaddress.ip_address(host)), number


def bind_all(places: list[Published], tcp: bool) -> tuple[list[Published], list[Bound]]:
    """Bind every place; where a port is 0, find one number that is free at all of them, UDP and TCP."""
    for attempt in range(PORT_TRIES):
        bound: list[Bound] = []
        done: list[Published] = []
        free = 0
        try:
            for place in places:
                wanted = place.bind_port or free
                udp = bind(socket.SOCK_DGRAM, place.bind_ip, wanted)
                port = udp.getsockname()[1]
                free = free or port
                bound.append((udp, None))
                if tcp:
                    bound[-1] = (udp, bind(socket.SOCK_STREAM, place.bind_ip, port))
                done.append(Published(place.ip, place.port or port, place.bind_ip, port))
        except OSError:
            for pair in bound:
                for each in pair:
                    if each is not None:
                        each.close()
            if all(place.bind_port for place in places) or attempt == PORT_TRIES - 1:
                raise
        else:
            return done, bound
    raise AssertionError("unreachable")
