"""The stage `filtered_corpus`: star filter, transformation, RefineCode rules, Python rules, in this order.

Transformation comes before the rules so that a file that can be repaired is not dropped (OpenCoder, section
2.2). The judge works shard by shard and depends on nothing but the shard, the recipe section and the seed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pyarrow as pa

from opencoder_dag.document import Judged, judge_rows
from opencoder_dag.engine import Engine
from opencoder_dag.lake import Dataset, Lake, Stage
from opencoder_dag.recipe import Filter
from opencoder_dag.rules.judge import check_rule_names, judge_file
from opencoder_dag.rules.natural_language import natural_language
from opencoder_dag.rules.profiles import NAMES
from opencoder_dag.rules.source_file import SourceFile
from opencoder_dag.rules.text_choice import TextChoice
from opencoder_dag.shards import map_shards

VERSION = "4"

Verdict = tuple[str, Mapping[str, Any]] | Exception | None


def filter_corpus(
    lake: Lake,
    inputs: Sequence[Dataset],
    config: Filter,
    seed: int,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Filter documents; returns the stage `filtered_corpus`.

    Kept documents carry the transformed text (with its own sha256 and size, under their old doc_id). Facts:
    `rules` (hits and sole hits by rule), `languages` (documents and bytes in and kept), `cleaned` (by kind).
    Raises `InputError` for a rule in `disabled_rules` that does not exist, and for a `quality.sample` that no
    scorer can be trained on.
    """
    check_rule_names(config.disabled_rules, "filter.disabled_rules")
    choice = TextChoice.of(config)
    stage = Stage(
        name="filtered_corpus",
        version=VERSION,
        config={"filter": config.config(), "seed": seed, "profiles": profiles_digest(), **choice.identity},
        inputs={f"{index}.{given.manifest.stage}": given.digest for index, given in enumerate(inputs)},
    )
    return map_shards(lake, stage, inputs, FilterJudge(config, seed, choice), engine, on_progress)


def profiles_digest() -> str:
    """16 hex digits over the threshold files, so that an edited threshold rebuilds the stage."""
    folder = resources.files("opencoder_dag.rules") / "profiles"
    texts = (f"{name}\0{(folder / f'{name}.yaml').read_text(encoding='utf-8')}" for name in sorted(NAMES))
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


@dataclass
class _Tally:
    """The facts of a shard as they are counted."""

    hits: Counter[str]
    sole: Counter[str]
    spared: Counter[str]
    cleaned: Counter[str]
    cleaned_documents: int = 0


@dataclass(frozen=True)
class FilterJudge:
    """Judges one shard; picklable and deterministic."""

    config: Filter
    seed: int
    choice: TextChoice

    def __call__(self, table: pa.Table) -> Judged:
        """Verdict on every document of a shard; kept documents carry their transformed text."""
        tally = _Tally(Counter(), Counter(), Counter(), Counter())
        texts: list[str] = table["content"].to_pylist()
        columns = {
            name: table[name].to_pylist() for name in ("path", "language", "doc_type", "stars", "sha256")
        }
        verdicts: list[Verdict] = [None] * table.num_rows
        for row, text in enumerate(texts):
            about = {name: values[row] for name, values in columns.items()}
            try:
                verdicts[row], texts[row] = self._judge(text, about, tally)
            except Exception as error:
                verdicts[row] = error
        self._judge_python(texts, columns["language"], verdicts, tally)
        changed = _with_texts(table, texts)
        return judge_rows(changed, verdicts, _facts(table, changed, verdicts, tally))

    def _judge(self, text: str, about: Mapping[str, Any], tally: _Tally) -> tuple[Verdict, str]:
        """Stars, transformation and RefineCode rules of one document."""
        minimum = self.config.min_stars
        if minimum is not None and (about["stars"] or 0) < minimum:
            return ("stars_below_minimum", {"stars": about["stars"], "minimum": minimum}), text
        if self.config.copyright or self.config.personal_data:
            text = self._clean(text, about["language"], tally)
        if (unwanted := self.choice.verdict(text, about["path"], about["doc_type"])) is not None:
            return unwanted, text
        if not self.config.rules:
            return None, text
        kind = natural_language(text) if about["doc_type"] == "text" else "en"
        file = SourceFile(
            text,
            about["path"],
            about["language"],
            about["doc_type"],
            natural_language=kind,
            released=self.config.released,
        )
        verdict = judge_file(file, self.seed, about["sha256"], self.config.disabled_rules)
        tally.hits.update(verdict.hits.keys())
        tally.spared.update(verdict.spared.keys())
        if len(verdict.hits) == 1:
            tally.sole.update(verdict.hits.keys())
        return verdict.outcome, text

    def _clean(self, text: str, language: str, tally: _Tally) -> str:
        from opencoder_dag.clean import clean_text

        cleaned, counts = clean_text(
            text, language, copyright=self.config.copyright, personal_data=self.config.personal_data
        )
        tally.cleaned.update({kind: count for kind, count in counts.items() if count})
        tally.cleaned_documents += cleaned != text
        return cleaned

    def _judge_python(
        self, texts: list[str], languages: Sequence[str], verdicts: list[Verdict], tally: _Tally
    ) -> None:
        """Python rules over what is left of the shard, in one batch."""
        rules = self.config.python
        if not any(rules.config().values()):
            return
        rows = [
            row for row, language in enumerate(languages) if language == "python" and verdicts[row] is None
        ]
        if not rows:
            return
        from opencoder_dag.rules.python_rules import judge_python

        for row, judged in zip(rows, judge_python([texts[row] for row in rows], rules), strict=True):
            verdicts[row] = judged.verdict
            texts[row] = judged.text
            if isinstance(judged.verdict, tuple):
                tally.hits[judged.verdict[0]] += 1
                tally.sole[judged.verdict[0]] += 1


def _with_texts(table: pa.Table, texts: Sequence[str]) -> pa.Table:
    """The shard with the texts as they are now; sha256 and size follow the text, doc_id stays."""
    sha256, size = table["sha256"].to_pylist(), table["size"].to_pylist()
    old = table["content"].to_pylist()
    for row, text in enumerate(texts):
        if text != old[row]:
            encoded = text.encode("utf-8")
            sha256[row] = hashlib.sha256(encoded).hexdigest()
            size[row] = len(encoded)
    for name, values in (("content", texts), ("sha256", sha256), ("size", size)):
        index = table.column_names.index(name)
        field = table.schema.field(index)
        table = table.set_column(index, field, pa.array(values, field.type))
    return table


def _facts(before: pa.Table, after: pa.Table, verdicts: Sequence[Verdict], tally: _Tally) -> dict[str, Any]:
    languages: dict[str, Counter[str]] = {}
    sizes = zip(before["size"].to_pylist(), after["size"].to_pylist(), strict=True)
    for verdict, language, (bytes_in, bytes_out) in zip(
        verdicts, before["language"].to_pylist(), sizes, strict=True
    ):
        counts = languages.setdefault(
            language, Counter(kept=0, removed=0, quarantined=0, bytes_in=0, bytes_kept=0)
        )
        counts["kept" if verdict is None else "removed" if isinstance(verdict, tuple) else "quarantined"] += 1
        counts["bytes_in"] += bytes_in
        counts["bytes_kept"] += bytes_out if verdict is None else 0
    return {
        "rules": {
            rule: {"hits": hits, "sole": tally.sole[rule]} for rule, hits in sorted(tally.hits.items())
        },
        "spared": dict(sorted(tally.spared.items())),
        "languages": {language: dict(counts) for language, counts in sorted(languages.items())},
        "cleaned": dict(sorted(tally.cleaned.items())),
        "cleaned_documents": tally.cleaned_documents,
    }
