"""What DeepSpeed imports and nobody uses here, kept out or made light: a process starts in half the time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch


@contextmanager
def without_mlflow() -> Iterator[None]:
    """Inside it `import mlflow` fails, which DeepSpeed's autotuner expects; once imported it stays."""
    absent = "mlflow" not in sys.modules
    if absent:
        sys.modules["mlflow"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            del sys.modules["mlflow"]


def import_muon_uncompiled() -> None:
    """Import the optimizer Muon, which DeepSpeed's other optimizers do to ask whether they are it.

    Its decorators would import PyTorch's compiler: one CPU second more for each process.
    """
    from deepspeed.runtime import compiler

    def as_it_is(*_: Any, **__: Any) -> Callable[[Any], Any]:
        return lambda function: function

    with patch.object(compiler, "compile", as_it_is):
        import deepspeed.runtime.zero.muon.muon_optimizer  # noqa: F401
