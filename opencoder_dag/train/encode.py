"""Text into token ids: a document with its end, a document for filling in the middle, a ChatML item.

Belongs here: what the model reads of one sample and which of it carries loss. Does not belong here: which
samples are read, and in what order.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from opencoder_dag.errors import InputError
from opencoder_dag.model.special import FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX


@dataclass(frozen=True)
class Encoded:
    """Token ids of one sample; `prompt` of them, at the start, carry no loss."""

    ids: list[int]
    prompt: int = 0


class Encoder:
    """The tokenizer of a job, as the training process uses it."""

    def __init__(self, folder: str) -> None:
        from transformers import AutoTokenizer

        if not Path(folder).is_dir():
            raise InputError(f"tokenizer: {folder} is not a folder")
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        except (OSError, ValueError) as error:
            raise InputError(f"tokenizer: {folder}: {' '.join(str(error).split())[:200]}") from None
        self.size: int = len(self.tokenizer)
        self.end: int = self.tokenizer.eos_token_id
        self.padding: int | None = self.tokenizer.pad_token_id
        self._specials = re.compile("|".join(map(re.escape, self.tokenizer.all_special_tokens)) or "(?!)")

    def special(self, token: str) -> int:
        """Id of a special token; raises `InputError` when the tokenizer has no such token."""
        found = self.tokenizer.get_vocab().get(token)
        if found is None:
            raise InputError(f"tokenizer: no token {token}, which fill-in-the-middle needs")
        return int(found)

    def texts(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of plain texts, without any special token."""
        if not texts:
            return []
        backend = self.tokenizer.backend_tokenizer
        backend.encode_special_tokens = True  # what looks like a special token in a text must not act as one
        try:
            return [
                encoding.ids for encoding in backend.encode_batch_fast(list(texts), add_special_tokens=False)
            ]
        finally:
            backend.encode_special_tokens = False

    def documents(self, texts: Sequence[str]) -> list[Encoded]:
        """Documents, each followed by the end of text, which belongs to the document that it ends."""
        return [Encoded([*ids, self.end]) for ids in self.texts(texts)]

    def middle(self, text: str, mode: Literal["psm", "spm"], key: str) -> Encoded:
        """A document rearranged for filling in the middle: split at two characters that `key` decides.

        PSM is prefix, suffix, middle; SPM is its variant 2, suffix first and prefix joined with the middle
        (methods page, section 8). The loss covers all three parts.
        """
        cuts = sorted(_random(key).randint(0, len(text)) for _ in range(2))
        prefix, middle, suffix = self.texts([text[: cuts[0]], text[cuts[0] : cuts[1]], text[cuts[1] :]])
        before, between, after = (self.special(token) for token in (FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX))
        if mode == "psm":
            ids = [before, *prefix, after, *suffix, between, *middle]
        else:
            ids = [before, after, *suffix, between, *prefix, *middle]
        return Encoded([*ids, self.end])

    def chats(self, items: Sequence[tuple[str, str]]) -> list[Encoded]:
        """(instruction, answer) pairs in the tokenizer's chat format; loss is on the answer and its end."""
        prompts, answers = [], []
        for instruction, answer in items:
            messages = [
                {"role": "user", "content": self._plain(instruction)},
                {"role": "assistant", "content": self._plain(answer)},
            ]
            prompt = self.tokenizer.apply_chat_template(
                messages[:1], tokenize=False, add_generation_prompt=True
            )
            whole = self.tokenizer.apply_chat_template(messages, tokenize=False)
            if not whole.startswith(prompt):
                raise InputError("tokenizer: its chat template does not continue the prompt with the answer")
            prompts.append(prompt)
            answers.append(whole[len(prompt) :].rstrip("\n"))
        backend = self.tokenizer.backend_tokenizer
        # Prompt and answer apart, so that no token spans the border that a generating model starts from.
        encoded = [
            backend.encode_batch_fast(texts, add_special_tokens=False) if texts else []
            for texts in (prompts, answers)
        ]
        return [
            Encoded([*prompt.ids, *answer.ids], len(prompt.ids))
            for prompt, answer in zip(*encoded, strict=True)
        ]

    def _plain(self, text: str) -> str:
        """A message without anything that would read as a special token inside the template."""
        return self._specials.sub("", text)


def fim_mode(rate: float, mode: Literal["psm", "spm", "both"], key: str) -> Literal["psm", "spm"] | None:
    """Whether and how the sample `key` is rearranged; a fraction `rate` of samples is."""
    random_ = _random("mode:" + key)
    if random_.random() >= rate:
        return None
    if mode == "both":
        return random_.choice(("psm", "spm"))
    return mode


def _random(key: str) -> random.Random:
    return random.Random(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))
