"""Many datagrams a system call: recvmmsg(2) and sendmmsg(2), which Python's socket module does not have.

What has come stays in its slot of one buffer and is sent on from there, so media is never copied in Python.
An address is looked up by its key, as the kernel writes it: an int for IPv4, bytes for IPv6. Linux alone, with
pointers of 64 bits; `usable` says whether it is there.
"""

import ctypes
import errno
import socket
import sys
from array import array
from struct import Struct

from signaling.relay_leg import Address

SLOTS = 64  # datagrams a system call
LONGEST = 2049  # bytes; one more than the relay takes, so that a longer datagram is seen to be too long
_SLOT = 2112  # bytes from one datagram to the next

_INET = Struct("=H2s4s")  # struct sockaddr_in, ip(7), without the zeroes at its end
_INET6 = Struct("=H2s4s16sI")  # struct sockaddr_in6, ipv6(7)
_MESSAGE, _PART = 64, 16  # bytes of struct mmsghdr and struct iovec

Key = int | bytes


def _libc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    libc = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock: neither call blocks
    if not hasattr(libc, "recvmmsg") or not hasattr(libc, "sendmmsg"):
        return None
    libc.sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    libc.recvmmsg.argtypes = (*libc.sendmmsg.argtypes, ctypes.c_void_p)
    return libc


_LIBC = _libc()
usable = _LIBC is not None


class Burst:
    """The slots of one socket. `receive` fills them; the others read them until the next `receive`."""

    def __init__(self, bound: socket.socket) -> None:
        self._fd = bound.fileno()
        self._six = bound.family == socket.AF_INET6
        name_size = _INET6.size if self._six else 16
        self._data, self._data_at = _memory(SLOTS * _SLOT)
        self._names, names_at = _memory(SLOTS * 32)
        received, self._received_at = _memory(SLOTS * _MESSAGE)
        self._into, into_at = _memory(SLOTS * _PART)  # the kernel reads it for as long as this lives
        sending, self._sending_at = _memory(SLOTS * _MESSAGE)
        parts, parts_at = _memory(SLOTS * _PART)
        self._bases = [self._data_at + slot * _SLOT for slot in range(SLOTS)]
        for slot in range(SLOTS):
            # msg_name, msg_namelen, msg_iov, msg_iovlen; the rest is zero: no control data, no flags
            received.cast("Q")[slot * 8 : slot * 8 + 4] = array(
                "Q", (names_at + slot * 32, name_size, into_at + slot * _PART, 1)
            )
            sending.cast("Q")[slot * 8 : slot * 8 + 4] = array("Q", (0, name_size, parts_at + slot * _PART, 1))
            self._into.cast("Q")[slot * 2 : slot * 2 + 2] = array("Q", (self._bases[slot], LONGEST))
        self._keys = self._names.cast("Q")
        self._lengths = received.cast("I")[14::16]  # msg_len
        self._to, self._from = sending.cast("Q")[0::8], parts.cast("Q")[0::2]  # msg_name, iov_base
        self._sizes = parts.cast("Q")[1::2]  # iov_len

    def receive(self) -> int:
        """How many have come, 0 when there is none. Raises OSError."""
        assert _LIBC is not None
        count: int = _LIBC.recvmmsg(self._fd, self._received_at, SLOTS, socket.MSG_DONTWAIT, None)
        if count >= 0:
            return count
        error = ctypes.get_errno()
        if error in (errno.EAGAIN, errno.EINTR):
            return 0
        raise OSError(error, "recvmmsg")

    def heads(self, count: int) -> "zip[tuple[Key, int, int]]":
        """Key of the source, size and first byte of each (of an empty one the byte means nothing)."""
        if self._six:
            keys: list[int] | list[bytes] = [bytes(self._names[at : at + 28]) for at in range(0, count * 32, 32)]
        else:
            keys = self._keys[: count * 4 : 4].tolist()
        return zip(keys, self._lengths[:count].tolist(), self._data[: count * _SLOT : _SLOT].tolist(), strict=True)

    def datagram(self, slot: int, size: int) -> bytes:
        return bytes(self._data[slot * _SLOT : slot * _SLOT + size])

    def address(self, slot: int) -> Address:
        """The source, as the socket module would give it."""
        if self._six:
            _, port, flow, ip, scope = _INET6.unpack_from(self._names, slot * 32)
            return (
                socket.inet_ntop(socket.AF_INET6, ip),
                int.from_bytes(port, "big"),
                int.from_bytes(flow, "big"),
                scope,
            )
        _, port, ip = _INET.unpack_from(self._names, slot * 32)
        return (socket.inet_ntoa(ip), int.from_bytes(port, "big"))

    def send(self, slots: list[int], sizes: list[int], names: list[int]) -> list[int]:
        """Send slots on, each to the address that `Name.at` tells. Returns the errors (errno), one a lost one."""
        assert _LIBC is not None
        count, done = len(slots), 0
        bases = self._bases
        self._from[:count] = array("Q", [bases[slot] for slot in slots])
        self._sizes[:count] = array("Q", sizes)
        self._to[:count] = array("Q", names)
        errors = []
        while done < count:
            sent = _LIBC.sendmmsg(self._fd, self._sending_at + done * _MESSAGE, count - done, socket.MSG_DONTWAIT)
            if sent <= 0:  # the first one's error
                errors.append(ctypes.get_errno())
                sent = 1
            done += sent
        return errors


class Name:
    """An address in the kernel's form. `at`: where it lies, while this lives."""

    __slots__ = ("_memory", "at", "key")

    def __init__(self, address: Address) -> None:
        port = int(address[1]).to_bytes(2, "big")
        if len(address) == 4:
            flow = int(address[2]).to_bytes(4, "big")
            ip = socket.inet_pton(socket.AF_INET6, address[0])
            packed = _INET6.pack(socket.AF_INET6, port, flow, ip, int(address[3]))
            self.key: Key = packed
        else:
            packed = _INET.pack(socket.AF_INET, port, socket.inet_aton(address[0]))
            self.key = int.from_bytes(packed, sys.byteorder)
        self._memory, self.at = _memory(32)
        self._memory[: len(packed)] = packed


def _memory(size: int) -> tuple[memoryview, int]:
    """Zeroed memory that stays where it is, and where that is."""
    made = bytearray(size)
    return memoryview(made), ctypes.addressof(ctypes.c_char.from_buffer(made))
