"""How programs that models wrote are contained."""

from __future__ import annotations

import dagster as dg

from opencoder_dag.sandbox import SandboxOptions


class SandboxResource(dg.ConfigurableResource):
    """Options of the execution sandbox: `auto` takes bubblewrap where it works."""

    kind: str = "auto"
    workers: int = 2

    def options(self) -> SandboxOptions:
        """The options as the library takes them."""
        return SandboxOptions(kind=self.kind, workers=self.workers)  # type: ignore[arg-type]
