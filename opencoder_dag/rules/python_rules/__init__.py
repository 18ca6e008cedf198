"""Zhusuan's rules for Python files (methods page, sections 1.2, 1.3 and 4.1).

Belongs here: syntax and outdated syntax, data-dense literals, repetition, undefined names, repair of white
space. Texts are judged in batches: one linter process a call, one pass over the bytes of each text.
"""

from __future__ import annotations

from opencoder_dag.rules.python_rules.judge import PythonVerdict, judge_python

__all__ = ["PythonVerdict", "judge_python"]
