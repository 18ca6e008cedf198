"""Dask: a local cluster by default, any scheduler by address.

The cluster starts when the first task is handed out, so a run whose stages are all reused starts none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

from opencoder_dag.engine import DaskEngine, Item, Result, connect, start_cluster


class DaskResource(dg.ConfigurableResource):
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
                import distributed

                self._cluster = start_cluster(self.workers)
                self._client = distributed.Client(self._cluster)
        return self._client

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the client and the cluster that this run started."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None
