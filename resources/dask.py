"""Dask: a local cluster by default, any scheduler by address.

The cluster starts when the first task is handed out, so a run whose stages are all reused starts none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

from opencoder_dag.engine import DaskEngine, Item, Result
from opencoder_dag.errors import InputError

CONNECT_SECONDS = 10


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


class DaskResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Hands the tasks of a stage to Dask workers."""

    address: str | None = None
    workers: int = 2

    _client: Any = PrivateAttr(default=None)
    _cluster: Any = PrivateAttr(default=None)

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """The `Engine` of the library: yield `function(item)` for every item, in order of completion."""
        if not items:
            return iter(())
        return DaskEngine(self.client()).map(function, items)

    def client(self) -> Any:
        """The open client; starts the local cluster (on loopback) or connects to the scheduler."""
        if self._client is None:
            if self.address:
                self._client = connect(self.address)
            else:
                self._start_local_cluster()
        return self._client

    def _start_local_cluster(self) -> None:
        import dask
        import distributed

        logging.getLogger("distributed").setLevel(logging.ERROR)
        # Shards are small and workers are our own: a paused worker would only hide a hang.
        dask.config.set({"distributed.worker.memory.pause": False, "distributed.admin.tick.limit": "1h"})
        self._cluster = distributed.LocalCluster(
            n_workers=self.workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        )
        self._client = distributed.Client(self._cluster)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the client and the cluster that this run started."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None
