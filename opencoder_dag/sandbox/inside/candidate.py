"""The process of a solution whose test runs elsewhere: it runs the solution, then answers calls.

Whatever the solution does to this process, it can only answer; the verdict is the examiner's.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
from types import ModuleType
from typing import Any, NoReturn

from inside import border, guest


def run_candidate(source: str, seconds: int, channel: border.Channel) -> NoReturn:
    """Run a solution as the main module of this process and serve its names over the channel."""
    try:
        module = guest.enter(seconds)
        server = _Server(channel, module)
        try:
            exec(compile(source, "<solution>", "exec", dont_inherit=True), module.__dict__)
        except BaseException as error:
            border.send(channel, server.failure(error))
            os._exit(0)
        border.send(channel, server.success(None))
        server.serve()
    finally:
        os._exit(0)


class _Server:
    """Answers requests (operation, target, arguments); objects that cannot cross are kept and numbered."""

    def __init__(self, channel: border.Channel, module: ModuleType) -> None:
        self.channel = channel
        self.objects: list[Any] = [module]

    def hold(self, value: Any) -> int:
        self.objects.append(value)
        return len(self.objects) - 1

    def success(self, value: Any) -> bytes:
        try:
            return border.pack((True, value), self.hold)
        except Exception as error:
            return self.failure(error)

    def failure(self, error: BaseException) -> bytes:
        try:
            words = str(error)[: guest.LONGEST_DETAIL]
        except BaseException:
            words = "(no readable message)"
        return border.pack((False, (type(error).__name__, str(words))), self.hold)

    def serve(self) -> None:
        while (data := border.receive(self.channel)) is not None:
            try:
                operation, target, arguments = _Arguments(data, self.objects).load()
                reply = self.success(self.answer(operation, self.objects[target], arguments))
            except BaseException as error:
                reply = self.failure(error)
            border.send(self.channel, reply)

    def answer(self, operation: str, target: Any, arguments: Any) -> Any:
        if operation == "call":
            positional, named = arguments
            return target(*positional, **named)
        if operation == "get":
            return getattr(target, arguments)
        if operation == "set":
            return setattr(target, *arguments)
        raise ValueError(operation)


class _Arguments(pickle.Unpickler):
    """Arguments come from the examiner, which is trusted; handles lead back to our objects."""

    def __init__(self, data: bytes, objects: list[Any]) -> None:
        super().__init__(io.BytesIO(data))
        self.objects = objects

    def persistent_load(self, pid: Any) -> Any:
        kind, value = pid
        if kind == "handle":
            return self.objects[value]
        if kind == "iterator":
            return iter(value)
        return value

    def find_class(self, module: str, name: str) -> Any:
        if module == "__main__":
            return getattr(sys.modules["__main__"], name)
        return super().find_class(module, name)
