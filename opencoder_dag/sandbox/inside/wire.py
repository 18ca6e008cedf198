"""Messages between the host and the worker: a length of four bytes, then JSON."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

HEADER = struct.Struct("<I")
LONGEST = 1 << 30


def send(fd: int, message: Any) -> None:
    """Write one message; blocks until the other side has taken it."""
    body = json.dumps(message).encode("ascii")
    data = memoryview(HEADER.pack(len(body)) + body)
    while data:
        data = data[os.write(fd, data) :]


def receive(fd: int) -> Any:
    """Read one message, or None at the end of the stream (also in the middle of a message)."""
    header = _read_exactly(fd, HEADER.size)
    if header is None:
        return None
    (length,) = HEADER.unpack(header)
    if length > LONGEST:
        raise ValueError(f"message of {length} bytes")
    body = _read_exactly(fd, length)
    return None if body is None else json.loads(body)


def _read_exactly(fd: int, length: int) -> bytes | None:
    parts = []
    while length:
        part = os.read(fd, min(length, 1 << 20))
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
