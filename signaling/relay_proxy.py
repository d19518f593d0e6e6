"""Who comes through a proxy: the header of the PROXY protocol, version 2 (haproxy.org, proxy-protocol.txt §2.2). Pure.

A proxy that shares port 443 between HTTPS and the relay puts it before the first byte, so that the bounds of each
address hold for people and not for the proxy.
"""

from ipaddress import IPv4Address, IPv6Address

from signaling.relay_leg import Address

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = 16  # bytes: signature, version and command, family, length
_LONGEST = 536  # bytes after those (§2.2: what any network carries in one piece)
_LOCAL, _PROXY = 0x20, 0x21  # version 2 and the command
_TCP4, _TCP6 = 0x11, 0x21


class NotProxied(ValueError):
    """The bytes are no such header, or not one of TCP."""


def proxied(data: bytes | bytearray) -> tuple[int, Address | None] | None:
    """(bytes of the header, who is behind the proxy), or None while bytes are missing. The address is None when the
    proxy speaks for itself, as in a health check. Raises `NotProxied`.
    """
    if data[:12] != _SIGNATURE[: len(data)]:
        raise NotProxied("signature")
    if len(data) < _FIXED:
        return None
    command, family, length = data[12], data[13], int.from_bytes(data[14:16], "big")
    if length > _LONGEST or command not in (_LOCAL, _PROXY):
        raise NotProxied("command")
    end = _FIXED + length
    if len(data) < end:
        return None
    if command == _LOCAL:
        return end, None
    if family == _TCP4 and length >= 12:
        return end, (str(IPv4Address(bytes(data[16:20]))), int.from_bytes(data[24:26], "big"))
    if family == _TCP6 and length >= 36:
        return end, (str(IPv6Address(bytes(data[16:32]))), int.from_bytes(data[48:50], "big"))
    raise NotProxied("family")
