"""A language model behind an OpenAI-compatible endpoint: optional, for synthesis and judging."""

from __future__ import annotations

import dagster as dg

from opencoder_dag.instruct.llm import ChatModel


class LanguageModelResource(dg.ConfigurableResource):
    """The model at `url`; without one, stages take what they can get offline.

    `cache` is a folder in which answers are kept, so that a stage that runs again asks nothing twice.
    """

    url: str | None = None
    cache: str | None = None

    def open(self) -> ChatModel | None:
        """A client; raises `InputError` when the endpoint cannot be reached or lists no model."""
        return ChatModel(self.url, cache=self.cache) if self.url else None
