"""A clinic's own TURN server: credentials that expire by themselves (draft-uberti-behave-turn-rest §2.2). Pure.

The server and we share a secret, and it needs no list of users: the user name says until when it holds, the password is
made of the two. coturn calls it `use-auth-secret`.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address

from signaling.messages import IceServer

LIFE = 3600.0  # s for which credentials hold at least: the longest visit with its wrap-up, and waiting before
STEP = 1800.0  # s; within one such time a page is given the same ones, so nothing is sent again because of them

# RFC 7065 §3.1
_URL = re.compile(
    r"turns?:(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+)(?::(?P<port>[0-9]{1,5}))?(?:\?transport=(?:udp|tcp))?"
)
_DOMAIN = b"twenty-minutes turn 1\0"


@dataclass(frozen=True, slots=True)
class Turn:
    """`urls`: as browsers take them; `secret`: shared with the server(s)."""

    urls: tuple[str, ...]
    secret: bytes

    def servers(self, whose: str, now: float) -> tuple[IceServer, ...]:
        """For one page's connection. `whose`: what names the credentials' owner; the server's log only sees its hash.
        `now`: unix seconds.
        """
        if not self.urls:
            return ()
        expires = (now // STEP + 1) * STEP + LIFE
        name = hmac.new(self.secret, _DOMAIN + whose.encode(), hashlib.sha256).hexdigest()[:24]
        username, credential = credentials(self.secret, name, expires)
        return (IceServer(urls=self.urls, username=username, credential=credential),)


def credentials(secret: bytes, name: str, expires: float) -> tuple[str, str]:
    """(user name, password) that hold until `expires` (unix seconds)."""
    username = f"{int(expires)}:{name}"
    return username, base64.b64encode(hmac.digest(secret, username.encode(), hashlib.sha1)).decode()


def parse_urls(text: str) -> tuple[str, ...]:
    """URLs by commas. Raises ValueError."""
    urls = tuple(filter(None, (part.strip() for part in text.split(","))))
    for url in urls:
        found = _URL.fullmatch(url)
        if found is None or not 0 < int(found["port"] or 1) < 65536:
            raise ValueError("must be URLs by commas, as in turn:turn.example.ca:3478?transport=udp")
    return urls


def addresses_in(urls: Collection[str]) -> frozenset[str]:
    """The IP addresses among the hosts of `urls`, in the form of `candidate_gate`."""
    found = set()
    for url in urls:
        match = _URL.fullmatch(url)
        try:
            found.add(str(ip_address(match["host"].strip("[]"))) if match else "")
        except ValueError:
            continue  # a name
    return frozenset(filter(None, found))
