"""Datagrams out of a TCP stream: each after its length in two bytes (RFC 4571 §2). Pure."""

from collections.abc import Iterator

LONGEST = 2048  # bytes of a frame


class NotFrames(ValueError):
    """The stream announces a frame that no browser sends: it speaks something else."""


class Frames:
    """One stream's frames. It never keeps more than one unfinished frame and what has just come."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def waiting(self) -> int:
        """Bytes of an unfinished frame, its length included."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that `data` completes, which may be none or many. Raises `NotFrames` after those before it."""
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= 2:
            length = int.from_bytes(buffer[at : at + 2], "big")
            if length > LONGEST:
                buffer.clear()
                raise NotFrames(length)
            end = at + 2 + length
            if len(buffer) < end:
                break
            frame = bytes(buffer[at + 2 : end])
            at = end
            yield frame
        del buffer[:at]


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
