"""Who runs the tasks of a stage: this process, or the workers of a Dask cluster.

Belongs here: handing (function, item) pairs out and results back. Paths go through an engine, never
documents: a task reads one shard and writes one shard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Engine(Protocol):
    """Runs a function over items. Results come in order of completion, so they must name their item."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield `function(item)` for every item, in order of completion; a failed task raises."""
        ...


class SerialEngine:
    """Runs every task in this process, in order."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield `function(item)` for every item, in order."""
        return map(function, items)


class DaskEngine:
    """Runs every task on a Dask cluster through an open `distributed.Client`.

    Tasks are idempotent (they write under a temporary name and rename), so Dask runs a task that was lost
    with its worker again. A task that raises is not retried: it would raise again.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield `function(item)` for every item, in order of completion."""
        from distributed import as_completed

        futures = [self.client.submit(function, item, pure=False) for item in items]
        try:
            for future in as_completed(futures):
                yield future.result()
                future.release()
        finally:
            self.client.cancel([future for future in futures if not future.done()])
