"""A model on this machine: loading it, completing prompts in batches, the bits it needs for text."""

from __future__ import annotations

import contextlib
import hashlib
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec

from opencoder_dag.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

BATCH_TOKENS = 8192  # prompt and new tokens of a batch together
LOSS_BATCH_TOKENS = 4096
WINDOW = 512  # tokens of a document that are looked at together
WINDOWS_PER_DOCUMENT = 2
STOP_EVERY = 8  # steps between looks for stop strings
PROBE = "    return"  # a typical continuation of a prompt


@dataclass(frozen=True)
class Bits:
    """What a text cost: bits over all predicted tokens, and the bytes these stand for."""

    bits: float
    bytes: int


@contextlib.contextmanager
def local_folder(path: str) -> Iterator[Path]:
    """A folder of the lake as a local one; downloaded for the time of the block where it is remote."""
    fs, target = fsspec.core.url_to_fs(path)
    if "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)):
        yield Path(target)
        return
    with tempfile.TemporaryDirectory() as temporary:
        fs.get(f"{target.rstrip('/')}/", f"{temporary}/", recursive=True)
        yield Path(temporary)


class LocalModel:
    """A causal language model and its tokenizer, for evaluation only."""

    def __init__(self, model_folder: Path, tokenizer_folder: Path, device: str | None = None) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        if not (model_folder / "config.json").exists() and (model_folder / "model" / "config.json").exists():
            model_folder = model_folder / "model"
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer_folder)
            network: Any = AutoModelForCausalLM.from_pretrained(str(model_folder))
        except (OSError, ValueError) as error:
            message = " ".join(str(error).split())[:200]
            raise InputError(f"{model_folder}: cannot be loaded as a model ({message})") from None
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.model = network.to(self.device).eval()
        self.end = self.tokenizer.eos_token_id
        self.pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.end
        if self.end is None:
            raise InputError(f"{tokenizer_folder}: tokenizer without an end-of-text token")

    # --- prompts ---

    def text_prompt(self, text: str) -> tuple[list[int], str]:
        """Tokens of a prompt for a base model (a document's beginning), and the rest that they leave out.

        Where a prompt ends, its continuation shares a token with it: a line break and the indentation after
        it are one token, and a model never saw the line break alone. So the tokens are those that a typical
        continuation leaves whole, and the model begins with the rest, nearly always a line break.
        """
        tokens, ends = self._encode(text + PROBE)
        kept = sum(end <= len(text) for end in ends)
        return [self.end, *tokens[:kept]], text[ends[kept - 1] if kept else 0 :]

    def _encode(self, text: str) -> tuple[list[int], list[int]]:
        """Tokens of a text, and the character at which each ends."""
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return encoded["input_ids"], [end for _, end in encoded["offset_mapping"]]

    def chat_prompt(self, message: str) -> list[int]:
        """Tokens of one user message by the tokenizer's chat template, up to where the answer begins."""
        messages = [{"role": "user", "content": message}]
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def ends(self) -> list[int]:
        """Tokens that end a completion: end of text, and end of message where the template has one."""
        found = {self.end}
        message_end = self.tokenizer.convert_tokens_to_ids("<|im_end|>")
        if isinstance(message_end, int) and message_end != self.tokenizer.unk_token_id:
            found.add(message_end)
        return sorted(found)

    # --- generation ---

    def complete(
        self,
        prompts: Sequence[list[int]],
        *,
        max_new_tokens: int,
        temperature: float,
        seed: int,
        stops: Sequence[str] = (),
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[str]:
        """Completions of token prompts, in their order; greedy at temperature 0, else sampled by seed.

        Batches hold prompts of similar length, padded on the left. A prompt longer than the model's positions
        allow keeps its end.
        """
        positions = int(getattr(self.model.config, "max_position_embeddings", 1 << 30))
        room = max(1, positions - max_new_tokens)
        cut = [prompt[-room:] for prompt in prompts]
        texts = [""] * len(prompts)
        done = 0
        for number, batch in enumerate(
            _batches([len(prompt) + max_new_tokens for prompt in cut], BATCH_TOKENS)
        ):
            new = self._complete_batch(
                [cut[index] for index in batch], max_new_tokens, temperature, _seed(seed, number), stops
            )
            for index, text in zip(batch, new, strict=True):
                texts[index] = text
            done += len(batch)
            on_progress(done, len(prompts))
        return texts

    def _complete_batch(
        self,
        prompts: list[list[int]],
        max_new_tokens: int,
        temperature: float,
        seed: int,
        stops: Sequence[str],
    ) -> list[str]:
        import torch
        from transformers import StoppingCriteria, StoppingCriteriaList

        width = max(map(len, prompts))
        ids = torch.full((len(prompts), width), self.pad, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt)
            mask[row, width - len(prompt) :] = 1
        decode = self._decode

        class AtStops(StoppingCriteria):
            """Ends a row once a stop string stands in what is new; looks every few steps."""

            def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
                done = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
                if stops and (input_ids.shape[1] - width) % STOP_EVERY == 0:
                    for row, text in enumerate(decode(input_ids[:, width:])):
                        done[row] = any(stop in text for stop in stops)
                return done

        sampling: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if temperature > 0:
            sampling = {"do_sample": True, "temperature": temperature, "top_p": 1.0, "top_k": 0}
        with torch.inference_mode(), torch.random.fork_rng(devices=[] if self.device == "cpu" else None):
            torch.manual_seed(seed)
            out = self.model.generate(
                input_ids=ids.to(self.device),
                attention_mask=mask.to(self.device),
                max_new_tokens=max_new_tokens,
                eos_token_id=self.ends(),
                pad_token_id=self.pad,
                stopping_criteria=StoppingCriteriaList([AtStops()]),
                **sampling,
            )
        return decode(out[:, width:])

    def _decode(self, rows: Tensor) -> list[str]:
        texts = []
        ends = set(self.ends())
        for row in rows.tolist():
            kept = row[: next((place for place, token in enumerate(row) if token in ends), len(row))]
            texts.append(
                self.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            )
        return texts

    # --- likelihood ---

    def document_bits(self, texts: Sequence[str]) -> list[Bits]:
        """Bits of each text as a document by itself, in windows that do not see one another.

        A text longer than `WINDOWS_PER_DOCUMENT` windows is measured on its beginning.
        """
        window = min(WINDOW, int(getattr(self.model.config, "max_position_embeddings", WINDOW)))
        pieces: list[tuple[list[int], int]] = []
        owners: list[int] = []
        measured = []
        for owner, text in enumerate(texts):
            all_tokens, ends = self._encode(text)
            tokens = all_tokens[: (window - 1) * WINDOWS_PER_DOCUMENT]
            end = len(text) if len(tokens) == len(all_tokens) else ends[len(tokens) - 1]
            measured.append(len(text[:end].encode("utf-8", "surrogatepass")))
            for start in range(0, len(tokens), window - 1):
                pieces.append(([self.end, *tokens[start : start + window - 1]], 1))
                owners.append(owner)
        totals = [0.0] * len(texts)
        for owner, bits in zip(owners, self._bits(pieces), strict=True):
            totals[owner] += bits
        return [Bits(total, size) for total, size in zip(totals, measured, strict=True)]

    def continuation_bits(self, pairs: Sequence[tuple[str, str]]) -> list[Bits]:
        """Bits of each second text as the continuation of the first, as a base model sees them.

        A token that spans the border belongs to the continuation, with its bytes.
        """
        pieces = []
        sizes = []
        for context, target in pairs:
            tokens, ends = self._encode(context + target)
            kept = sum(end <= len(context) for end in ends)
            pieces.append(([self.end, *tokens], kept + 1))
            rest = (context + target)[ends[kept - 1] if kept else 0 :]
            sizes.append(len(rest.encode("utf-8", "surrogatepass")))
        return [Bits(bits, size) for bits, size in zip(self._bits(pieces), sizes, strict=True)]

    def _bits(self, pieces: Sequence[tuple[list[int], int]]) -> list[float]:
        """Bits of the tokens of each piece from a position on, given all tokens of the piece before them."""
        import torch

        bits = [0.0] * len(pieces)
        with torch.inference_mode():
            for batch in _batches([len(tokens) for tokens, _ in pieces], LOSS_BATCH_TOKENS):
                width = max(len(pieces[index][0]) for index in batch)
                # Padding on the right: causal attention never looks at it, so no mask is needed.
                ids = torch.full((len(batch), width), self.pad, dtype=torch.long)
                counted = torch.zeros((len(batch), width - 1))
                for row, index in enumerate(batch):
                    tokens, start = pieces[index]
                    ids[row, : len(tokens)] = torch.tensor(tokens)
                    counted[row, start - 1 : len(tokens) - 1] = 1
                ids, counted = ids.to(self.device), counted.to(self.device)
                logits = self.model(input_ids=ids, use_cache=False).logits[:, :-1].float()
                losses = torch.nn.functional.cross_entropy(
                    logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
                ).view_as(counted)
                for index, total in zip(batch, (losses * counted).sum(1).tolist(), strict=True):
                    bits[index] = total / math.log(2)
        return bits


def _batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices in batches of similar length whose padded size stays within a budget of tokens."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _seed(*parts: int | str) -> int:
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big")
