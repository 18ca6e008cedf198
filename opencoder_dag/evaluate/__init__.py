"""Evaluation: what a model can do, with intervals, so that two models can be compared.

Belongs here: suites as data, drawing completions, judging them in the sandbox, likelihood of held-out text,
and the statistics of all that. Does not belong here: running programs (`sandbox/`), comparing recipes
(`report/`).
"""

from opencoder_dag.evaluate.stage import evaluate_endpoint, evaluate_model

__all__ = ["evaluate_endpoint", "evaluate_model"]
