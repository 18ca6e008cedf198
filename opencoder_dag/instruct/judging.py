"""The verdict on every candidate item, step by step.

Belongs here: the steps that need all candidates at once. Each step sees only what the steps before it left
and gives its reason and its evidence. Which steps are taken, in which order, is said in `stage.py`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opencoder_dag.instruct.contamination import Contamination
from opencoder_dag.instruct.package import PACKAGE, package_of
from opencoder_dag.instruct.semi import Recording, finished, tests_of, with_cases
from opencoder_dag.instruct.sets import USER_SET
from opencoder_dag.instruct.similar import duplicates, encode
from opencoder_dag.instruct.synthesis import (
    REAL_USER,
    counting_program,
    read_count,
    read_rewriting,
    rewriting_chats,
)

if TYPE_CHECKING:
    from opencoder_dag.instruct.llm import ChatModel
    from opencoder_dag.sandbox import SandboxOptions

Verdict = tuple[str, dict[str, Any]]
MAX_PACKAGE_RUNS = 80
PRELOADED = 4
UNREADABLE = "unreadable"  # not a reason to remove: such rows are quarantined


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _verdict_of_source(row: Mapping[str, Any]) -> Verdict | None:
    if row["error"] is not None:
        return UNREADABLE, {"error": row["error"]}
    if row["refused"] is not None:
        reason, evidence = json.loads(row["refused"])
        return reason, evidence
    return None


class Judging:
    """Candidates (rows of `items.CANDIDATE_SCHEMA`) and the verdict on each: None keeps it.

    Candidates are looked at in the order of their hash, stage 2 first, so that a function with passing
    tests is not asked for once more in stage 1.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = [dict(row) for row in rows]
        self.verdicts = [_verdict_of_source(row) for row in self.rows]
        self.rewritings: dict[str, int] = {}
        self.outcomes: dict[str, int] = {}  # verdicts of the sandbox
        self._order = sorted(range(len(rows)), key=self._rank)

    def _rank(self, at: int) -> tuple[int, int, str]:
        row = self.rows[at]
        return -row["stage"], row["order"], row["doc_id"]

    def recorded(self, start: int, end: int) -> dict[str, dict[str, Any]]:
        """Texts made by `record`, by position counted from `start`."""
        texts = ("instruction", "output", "sha256", "size")
        return {
            str(at - start): {name: self.rows[at][name] for name in texts}
            for at in range(start, end)
            if self.rows[at]["recording"] is not None and self.rows[at]["program"] is not None
        }

    def left(self) -> list[int]:
        """Positions that no step has removed."""
        return [at for at in self._order if self.verdicts[at] is None]

    def drop_held_out(self, subjects: frozenset[str]) -> None:
        """Remove items about functions that held-out documents define."""
        for at in self.left():
            if (subject := self.rows[at]["subject"]) in subjects:
                self.verdicts[at] = ("held_out", {"subject": subject})

    def drop_rewritten(self) -> None:
        """Remove what real users asked where a language model has answered it anew."""
        answered = {(row["repo"], row["path"]) for row in self.rows if row["kind"] == REAL_USER}
        for at in self.left():
            row = self.rows[at]
            if row["kind"] == USER_SET and (row["repo"], row["path"]) in answered:
                self.verdicts[at] = ("rewritten", {"by": REAL_USER})

    def rewrite(self, model: ChatModel, sandbox: SandboxOptions, limit: int) -> None:
        """Replace tidied code by the best of a language model's rewritings, if that passes every case.

        Rewritings compete by the number of cases that they pass (Semi-Instruct ranks by it).
        """
        from opencoder_dag.sandbox import run_programs

        waiting = [at for at in self.left() if self.rows[at]["recording"] is not None][:limit]
        recordings = [Recording.from_json(self.rows[at]["recording"]) for at in waiting]
        chats = [rewriting_chats(recording) for recording in recordings]
        answers = iter(model.answer([chat for competing in chats for chat in competing]))
        entries: list[tuple[int, str, str]] = []
        for position, competing in enumerate(chats):
            for _ in competing:
                if (rewriting := read_rewriting(next(answers))) is not None:
                    entries.append((position, *rewriting))
        tests = [tests_of(self.rows[at]) for at in waiting]
        programs = [counting_program(code, tests[position]) for position, _, code in entries]
        outcomes = run_programs(programs, sandbox) if programs else []
        best: dict[int, tuple[int, str, str]] = {}
        for (position, instruction, code), outcome in zip(entries, outcomes, strict=True):
            passed = read_count(outcome.detail)
            if passed > best.get(position, (0, "", ""))[0]:
                best[position] = (passed, instruction, code)
        self.rewritings = {"asked": len(waiting), "parsed": len(entries), "all_passed": 0, "some_failed": 0}
        for position, (passed, instruction, code) in best.items():
            whole = passed == len(tests[position])
            self.rewritings["all_passed" if whole else "some_failed"] += 1
            if whole:
                recording = replace(recordings[position], setup="", request=instruction)
                self.rows[waiting[position]] = finished(
                    self.rows[waiting[position]], recording, code, tests[position]
                )

    def drop_long(self, limit: int) -> None:
        """Remove items of more than `limit` bytes, which training would cut."""
        for at in self.left():
            if (size := self.rows[at]["size"]) > limit:
                self.verdicts[at] = ("too_long", {"bytes": size, "limit": limit})

    def limit(self, limits: Mapping[int, int], reason: str) -> None:
        """Keep the first so many items of each stage."""
        seen = dict.fromkeys(limits, 0)
        for at in self.left():
            stage = self.rows[at]["stage"]
            seen[stage] += 1
            if seen[stage] > limits[stage]:
                self.verdicts[at] = (reason, {"limit": limits[stage]})

    def record(self, sandbox: SandboxOptions) -> None:
        """Run originals to see what they return, and make items of those that gave enough cases.

        The rows of such items get their text here.
        """
        from opencoder_dag.sandbox import run_programs

        waiting = [at for at in self.left() if self.rows[at]["recording"] is not None]
        programs = [Recording.from_json(self.rows[at]["recording"]).program() for at in waiting]
        outcomes = run_programs(programs, sandbox) if programs else []
        for at, outcome in zip(waiting, outcomes, strict=True):
            self.rows[at], reason = with_cases(self.rows[at], outcome.detail)
            if reason is not None:
                self.verdicts[at] = ("not_verifiable", {"why": reason})

    def run_tests(self, sandbox: SandboxOptions) -> None:
        """Run the programs in the sandbox; only items whose program passed stay.

        Of items about packages `MAX_PACKAGE_RUNS` are run and the others removed, as each has to import its
        package; the packages that most of them need are imported once a worker.
        """
        waiting = [at for at in self.left() if self.rows[at]["program"] is not None]
        about = [at for at in waiting if self.rows[at]["kind"] == PACKAGE]
        for at in about[MAX_PACKAGE_RUNS:]:
            self.verdicts[at] = ("over_pool", {"limit": MAX_PACKAGE_RUNS})
        about = about[:MAX_PACKAGE_RUNS]
        packages = Counter(package_of(self.rows[at]["path"]) for at in about)
        warm = tuple(sorted(name for name, _ in sorted(packages.items(), key=_most_first)[:PRELOADED]))
        self._run(about, replace(sandbox, preload=(*sandbox.preload, *warm)))
        self._run([at for at in waiting if self.rows[at]["kind"] != PACKAGE], sandbox)

    def _run(self, waiting: list[int], sandbox: SandboxOptions) -> None:
        from opencoder_dag.sandbox import run_programs

        outcomes = run_programs([self.rows[at]["program"] for at in waiting], sandbox) if waiting else []
        for at, outcome in zip(waiting, outcomes, strict=True):
            self.outcomes[outcome.verdict] = self.outcomes.get(outcome.verdict, 0) + 1
            if outcome.verdict != "passed":
                # The detail may hold addresses or times; what is written must be the same in every run.
                self.verdicts[at] = ("test_failed", {"verdict": outcome.verdict})

    def drop_copies(self) -> None:
        """Of items with the same text, or about the same code, the first stays."""
        first: dict[str, str] = {}
        for at in self.left():
            row = self.rows[at]
            keys = (row["sha256"], row["subject"])
            same = next((first[key] for key in keys if key in first), None)
            if same is not None:
                self.verdicts[at] = ("duplicate", {"of": same})
                continue
            first.update(dict.fromkeys(keys, row["doc_id"]))

    def drop_contaminated(self, contamination: Contamination) -> None:
        """Remove items that give away a problem of an evaluation suite."""
        for at in self.left():
            row = self.rows[at]
            if (found := contamination.find(f"{row['instruction']}\n{row['output']}")) is not None:
                self.verdicts[at] = ("contaminated", found)

    def drop_similar(self, similarity: float, seed: int, encoder: str | None = None) -> None:
        """SemDeDup over what is left, with the sentence encoder at a path if there is one."""
        left = self.left()
        texts = [f"{self.rows[at]['instruction']}\n{self.rows[at]['output']}" for at in left]
        ids = [self.rows[at]["doc_id"] for at in left]
        vectors = encode(texts, encoder) if encoder is not None and texts else None
        for position, (other, cosine) in duplicates(texts, ids, similarity, seed, vectors).items():
            self.verdicts[left[position]] = ("similar", {"to": ids[other], "cosine": cosine})
