"""The process of a test: it asks the solution over a channel and compares plain values.

No code of the solution runs here and nothing here can be reached from it, so a test that runs to its last
line has really been answered.
"""

from __future__ import annotations

import builtins
import os
import sys
from typing import Any, NoReturn

from inside import border, guest, wire


class CandidateGoneError(Exception):
    """The process of the solution ended, or sent what cannot be read."""


class Remote:
    """An object in the process of the solution; equal only to itself."""

    __slots__ = ("_handle", "_link")

    def __init__(self, link: Link, handle: int) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_handle", handle)

    def __call__(self, *positional: Any, **named: Any) -> Any:
        """Call it there with plain arguments, or handles."""
        return self._link.ask("call", self._handle, (positional, named))

    def __getattr__(self, name: str) -> Any:
        return self._link.ask("get", self._handle, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.ask("set", self._handle, (name, value))

    def __repr__(self) -> str:
        return f"<object {self._handle} of the solution>"


class Link:
    """The channel to the solution: one question, one answer."""

    def __init__(self, channel: border.Channel) -> None:
        self.channel = channel

    def ask(self, operation: str, handle: int, arguments: Any) -> Any:
        """Have the solution's process do something; an exception there is raised here, as a builtin one."""
        border.send(self.channel, border.pack((operation, handle, arguments), self._handle_of, own=True))
        return self.answer()

    def answer(self) -> Any:
        """The next answer."""
        data = border.receive(self.channel)
        if data is None:
            raise CandidateGoneError("the solution's process ended")
        good, value = border.unpack(data, lambda handle: Remote(self, int(handle)))
        if good:
            return value
        name, words = value
        kind = getattr(builtins, str(name), None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            try:
                error = kind(str(words))
            except Exception:  # such as UnicodeDecodeError, which wants more than words
                error = RuntimeError(f"{name}: {words}")
            raise error
        raise RuntimeError(f"{name}: {words}")

    def _handle_of(self, value: Any) -> int:
        if isinstance(value, Remote):
            return int(object.__getattribute__(value, "_handle"))
        raise TypeError(f"an argument of type {type(value).__name__} cannot be sent to the solution")


class Names(dict[str, Any]):
    """Globals of a test: names that it does not define itself are the solution's."""

    link: Link

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        try:
            value = self.link.ask("get", 0, name)
        except AttributeError:
            raise KeyError(name) from None
        self[name] = value
        return value


def run_examiner(
    requests: int, seconds: int, channel: border.Channel, report_fd: int, secret: list[bytes]
) -> NoReturn:
    """Read the test from the host, put it to the solution, report as `guest.run_program` does."""
    try:
        message = wire.receive(requests)
        os.close(requests)
        module = guest.enter(seconds)
        link = Link(channel)
        names = Names(module.__dict__)
        names.link = link
        link.answer()
        exec(compile(message["prelude"], "<prelude>", "exec", dont_inherit=True), names)
        sys.modules["__main__"].__dict__.update(
            names
        )  # classes of the prelude, so that instances can be sent
        for name in message["entry_points"]:
            names[name] = link.ask("get", 0, name)
        exec(compile(message["test"], "<test>", "exec", dont_inherit=True), names)
        os.write(report_fd, secret.pop())
    except BaseException as error:
        guest.fail(report_fd, error)
    os._exit(0)
