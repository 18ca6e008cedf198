"""The process of tests: it asks a solution over a channel and compares plain values.

No code of the solution runs here and nothing here can be reached from it, so a test that runs to its last
line has really been answered. One process examines one solution after another as long as nothing can be left
of a test (`closed.py`) or of an answer (small, and of builtin types); anything else is examined by a process
forked for it alone.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import lru_cache
from types import CodeType, ModuleType
from typing import Any, NoReturn

from inside import border, closed, control, guest, wire

LARGE_ANSWER = 1 << 20
MOST_GROWTH_KIB = 64 << 10


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

    def __init__(self, channel: border.Channel, stand_apart: Callable[[], None]) -> None:
        self.channel = channel
        self.stand_apart = stand_apart

    def ask(self, operation: str, handle: int, arguments: Any) -> Any:
        """Have the solution's process do something; an exception there is raised here, as a builtin one."""
        border.send(self.channel, border.pack((operation, handle, arguments), self._handle_of, own=True))
        return self.answer()

    def answer(self) -> Any:
        """The next answer."""
        data = border.receive(self.channel)
        if data is None:
            raise CandidateGoneError("the solution's process ended")
        if len(data) > LARGE_ANSWER:
            self.stand_apart()
        good, value = border.unpack(data, lambda handle: Remote(self, int(handle)), self.stand_apart)
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


class Elsewhere(BaseException):
    """The test at hand goes on in another process."""


class Examiner:
    """Examines one solution after another."""

    def __init__(self, requests: int, host: control.Control, forked: Callable[[], int]) -> None:
        self.requests, self.host, self.fork = requests, host, forked
        self.apart = False
        self.seconds = 0
        self.handlers: dict[int, Any] = {}

    def serve(self) -> NoReturn:
        """Take a test from the host and the channel to its solution from the worker, again and again."""
        try:
            os.setpgid(0, 0)
            self.ignore_signals()
            gc.enable()
            largest = _largest_kib() + MOST_GROWTH_KIB
            while self.host.is_asked():
                message = wire.receive(self.requests)
                self.host.have_test()
                channel = self.host.receive_channel()
                if channel is None:
                    break
                with contextlib.suppress(Elsewhere):
                    verdict, detail = self.examine(message, channel)
                    self.host.report(verdict, detail, _largest_kib() > largest)
                if self.apart:
                    os._exit(0)
                channel.close()
        finally:
            os._exit(1)

    def examine(self, message: dict[str, Any], channel: border.Channel) -> tuple[str, str]:
        """Verdict and detail of one test."""
        try:
            self.seconds = message["seconds"]
            module = sys.modules["__main__"] = ModuleType("__main__")
            link = Link(channel, self.stand_apart)
            names = Names(module.__dict__)
            names.link = link
            prelude, prelude_closed = _compiled(message["prelude"], "<prelude>")
            test, test_closed = _compiled(message["test"], "<test>")
            if not (prelude_closed and test_closed):
                self.stand_apart()
            link.answer()
            exec(prelude, names)
            module.__dict__.update(names)  # classes of the prelude, so that instances can be sent
            for name in message["entry_points"]:
                names[name] = link.ask("get", 0, name)
            exec(test, names)
        except Elsewhere:
            raise
        except BaseException as error:
            return ("memory" if isinstance(error, MemoryError) else "failed"), guest.described(error)
        return "passed", ""

    def stand_apart(self) -> None:
        """Go on in a process forked for the test at hand; the one that stays raises `Elsewhere`."""
        if self.apart:
            return
        if pid := self.fork():
            _, status = os.waitpid(pid, 0)
            if status:
                os._exit(1)
            raise Elsewhere
        self.apart = True
        guest.enter(self.seconds, sys.modules["__main__"])
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def ignore_signals(self) -> None:
        """A solution may be of the same user, and its signals must not reach the tests of others."""
        for number in signal.valid_signals() - {signal.SIGCHLD, signal.SIGKILL, signal.SIGSTOP}:
            self.handlers[number] = signal.signal(number, signal.SIG_IGN)


@lru_cache(maxsize=8)  # the samples of a problem come one after the other
def _compiled(source: str, name: str) -> tuple[CodeType, bool]:
    """Code, and whether it is closed."""
    code = compile(source, name, "exec", dont_inherit=True)
    return code, closed.is_closed(code)


def _largest_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
