"""Who runs the tasks of a stage: this process, or the workers of a Dask cluster.

Belongs here: handing (function, item) pairs out and results back. Paths go through an engine, never
documents: a task reads one shard and writes one shard.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, TypeVar

from opencoder_dag.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")

CONNECT_SECONDS = 10


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


class LocalEngine:
    """Runs tasks on a local cluster, which starts when there is first more than one task to do.

    Two workers take some three CPU seconds to start: more than a small batch takes as a whole.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._running = ExitStack()
        self._cluster: DaskEngine | None = None

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield `function(item)` for every item, in order of completion; a single item is done here."""
        if self._cluster is None and len(items) > 1:
            import distributed

            cluster = self._running.enter_context(start_cluster(self.workers))
            self._cluster = DaskEngine(self._running.enter_context(distributed.Client(cluster)))
        return (self._cluster or SerialEngine()).map(function, items)

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()


def connect(address: str) -> Any:
    """A client of a running scheduler; raises `InputError` within `CONNECT_SECONDS` when nobody answers."""
    import distributed

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        return distributed.Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"OPENCODER_DASK_ADDRESS: no scheduler answers at {address} ({reason}); "
            "start one with 'dask scheduler' or unset the variable"
        ) from None


def start_cluster(workers: int) -> Any:
    """A local cluster of single-threaded worker processes, bound to loopback."""
    import dask
    import distributed

    logging.getLogger("distributed").setLevel(logging.ERROR)
    # Shards are small and the workers are our own: a worker that pauses itself would look like a hang.
    dask.config.set({"distributed.worker.memory.pause": False, "distributed.admin.tick.limit": "1h"})
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.ERROR,
    )


@contextmanager
def open_engine(address: str | None, workers: int) -> Iterator[Engine]:
    """An engine for one command: the scheduler at `address`, else local workers, else this process."""
    if address:
        with connect(address) as client:
            yield DaskEngine(client)
    elif workers > 1:
        with LocalEngine(workers) as engine:
            yield engine
    else:
        yield SerialEngine()
