"""Transformation of a document's text: copyright notices out, personal data replaced.

Belongs here: what changes the content of a document that is kept (OpenCoder, section 2.2, "Transformation").
Does not belong here: anything that decides whether a document is kept (`rules`).
"""

from __future__ import annotations

from opencoder_dag.clean.text import clean_text

__all__ = ["clean_text"]
