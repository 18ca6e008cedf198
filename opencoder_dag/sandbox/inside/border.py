"""What may cross between the process of a solution and the process of its examiner: plain values.

The examiner must not run code of the solution, not even a method `__eq__`. So values are rebuilt on its side
from plain types of the standard library (and numpy arrays); any other object stays where it is and is seen
through a handle, which is equal only to itself.
"""

from __future__ import annotations

import builtins
import io
import itertools
import marshal
import os
import pickle
import struct
from collections.abc import Callable
from types import GeneratorType
from typing import Any, cast

HEADER = struct.Struct("<Q")
LONGEST = 1 << 30
READ_AHEAD = 4096
MOST_ITEMS = 1_000_000  # of an iterator

PLAIN_TYPES: frozenset[type] = frozenset(
    {
        bool,
        bytearray,
        bytes,
        complex,
        dict,
        float,
        frozenset,
        int,
        list,
        range,
        set,
        slice,
        str,
        tuple,
        type(None),
    }
)
BUILTINS = frozenset(
    {
        "bytearray",
        "complex",
        "dict",
        "float",
        "frozenset",
        "int",
        "list",
        "range",
        "set",
        "slice",
        "str",
        "tuple",
    }
)
KNOWN = {
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
}
IMMUTABLE = {("numpy", "dtype"), ("numpy", "ndarray")}
_ITERABLES: tuple[Any, ...] = ([], (), "", {}, set(), range(0), range(1 << 80), b"", {}.values(), {}.items())
_LAZY: list[Any] = [map, filter, zip, enumerate, reversed, itertools.chain, GeneratorType]
LAZY_TYPES: tuple[Any, ...] = tuple([*_LAZY, *(type(iter(value)) for value in _ITERABLES)])
VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}
SUBCLASSED: tuple[Any, ...] = (bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset)


class Packer(pickle.Pickler):
    """Writes plain values; everything else becomes a handle that `hold` gives out.

    `own` lets instances of classes of the main module through, for a side that the other one trusts.
    """

    def __init__(self, buffer: io.BytesIO, hold: Callable[[Any], Any], own: bool) -> None:
        super().__init__(buffer, protocol=4)
        self.hold, self.own = hold, own

    def persistent_id(self, value: Any) -> Any:
        """None for what pickle writes by itself, else the words that `Unpacker` understands."""
        kind = type(value)
        if kind in PLAIN_TYPES:
            return None
        if kind in VIEWS:
            return VIEWS[kind], list(value)
        if self.own and "__main__" in (kind.__module__, isinstance(value, type) and value.__module__):
            return None
        if isinstance(value, LAZY_TYPES):
            return "iterator", list(itertools.islice(cast(Any, value), MOST_ITEMS))
        if kind.__module__ in KNOWN and kind.__name__ in KNOWN[kind.__module__]:
            return None
        if kind.__module__.partition(".")[0] == "numpy" or (
            isinstance(value, type) and value.__module__ == "builtins"
        ):
            return None
        for plain in SUBCLASSED:
            if isinstance(value, plain):
                return "plain", plain(value)
        if callable(value) and getattr(value, "__module__", "") in KNOWN:
            return None
        return "handle", self.hold(value)


class Unpacker(pickle.Unpickler):
    """Rebuilds plain values; refuses every other class, so that nothing of the other side runs here.

    `before_names` is called before the first class is looked up: without one, nothing is called or changed.
    """

    def __init__(
        self, buffer: io.BytesIO, open_handle: Callable[[Any], Any], before_names: Callable[[], None]
    ) -> None:
        super().__init__(buffer)
        self.open_handle, self.before_names = open_handle, before_names

    def find_class(self, module: str, name: str) -> Any:
        """Only the plain types; raises `UnpicklingError` for any other name."""
        self.before_names()
        if module == "builtins" and name in BUILTINS:
            return getattr(builtins, name)
        if name in KNOWN.get(module, ()):
            known = super().find_class(module, name)
            # Not the class itself: a pickle may set attributes of what it names, and a class that compares as
            # the solution likes would be a forged verdict. The two classes of numpy cannot be changed.
            return known if (module, name) in IMMUTABLE else _caller(known)
        raise pickle.UnpicklingError(f"a value of type {module}.{name} cannot cross")

    def persistent_load(self, pid: Any) -> Any:
        """Values that pickle has no words for."""
        kind, value = pid
        if kind == "handle":
            return self.open_handle(value)
        if kind == "plain" and type(value) in PLAIN_TYPES:
            return value
        if kind == "iterator":
            return iter(list(value))
        if kind == "keys":
            return dict.fromkeys(value).keys()
        if kind == "values":
            return dict(enumerate(value)).values()
        if kind == "items":
            return dict(value).items()
        raise pickle.UnpicklingError("not a word of the border")


def _caller(known: Any) -> Any:
    """The bare ability to call something, as an object without attributes to set."""
    return type(known).__call__.__get__(known)


def pack(value: Any, hold: Callable[[Any], Any], own: bool = False) -> bytes:
    """A value as bytes; objects that are not plain go through `hold`."""
    try:
        marshal.dumps(value)  # a quick test, in C: whether all of it is of the very types that need no words
        return pickle.dumps(value, protocol=4)
    except (ValueError, TypeError, pickle.PicklingError):
        pass
    buffer = io.BytesIO()
    Packer(buffer, hold, own).dump(value)
    return buffer.getvalue()


def unpack(
    data: bytes, open_handle: Callable[[Any], Any], before_names: Callable[[], None] = lambda: None
) -> Any:
    """The value of bytes; raises `UnpicklingError` for anything that is not plain."""
    return Unpacker(io.BytesIO(data), open_handle, before_names).load()


class Channel:
    """Two pipes: what this side reads from and writes to."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing = reading, writing
        self.read_ahead = b""

    def close(self) -> None:
        """Close this side."""
        os.close(self.reading)
        os.close(self.writing)


def channels() -> tuple[Channel, Channel]:
    """Both sides of a new channel."""
    (left_in, right_out), (right_in, left_out) = os.pipe(), os.pipe()
    return Channel(left_in, left_out), Channel(right_in, right_out)


def send(channel: Channel, data: bytes) -> None:
    """One message to the other side; raises `BrokenPipeError` when it has gone."""
    rest = memoryview(HEADER.pack(len(data)) + data)
    while rest:
        rest = rest[os.write(channel.writing, rest) :]


def receive(channel: Channel) -> bytes | None:
    """One message from the other side, or None when it has gone or sends too much."""
    data = channel.read_ahead
    while len(data) < HEADER.size:
        part = os.read(channel.reading, READ_AHEAD)
        if not part:
            return None
        data += part
    end = HEADER.size + HEADER.unpack_from(data)[0]
    if end > LONGEST:
        return None
    if len(data) < end:
        parts = [data]
        missing = end - len(data)
        while missing:
            part = os.read(channel.reading, min(missing, 1 << 20))
            if not part:
                return None
            parts.append(part)
            missing -= len(part)
        data = b"".join(parts)
    channel.read_ahead = data[end:]
    return data[HEADER.size : end]
