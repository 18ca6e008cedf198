"""Suites in many languages: MultiPL-E, McEval and MdEval.

Fields: methods page, section 10.2. A test stands behind the solution in the same file and fails by its exit
status, in Python it runs in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opencoder_dag.evaluate.suites import Problem, Row, Spec

# McEval's and MdEval's names of languages whose tests need nothing but the language itself. Not here: Go and
# Rust (tests use packages), C#, F# and Visual Basic (projects), Erlang, Fortran, Racket and Scheme (a failed
# test ends with status 0), and AWK, HTML, JSON and Markdown (no tests).
LANGUAGES = {
    **{"C": "c", "CPP": "cpp", "Clisp": "common_lisp", "CoffeeScript": "coffee", "Dart": "dart"},
    **{"Common Lisp": "common_lisp", "Elixir": "elixir", "Emacs Lisp": "emacs_lisp", "Groovy": "groovy"},
    **{"Haskell": "haskell", "Java": "java", "JavaScript": "js", "Julia": "julia", "Kotlin": "kotlin"},
    **{"Lua": "lua", "PHP": "php", "Pascal": "pascal", "Perl": "perl", "PowerShell": "powershell"},
    **{"Python": "python", "R": "r", "Ruby": "rb", "Scala": "scala", "Shell": "sh", "Swift": "swift"},
    **{"Tcl": "tcl", "TypeScript": "ts", "VimScript": "vim"},
}
BASE_STOPS = {
    **dict.fromkeys(("c", "cpp", "dart", "js", "php", "sh", "ts"), ("\n}",)),
    **dict.fromkeys(("java", "scala"), ("\n    }\n", "\n}")),
}
ASSERTED = {"c": "#include <assert.h>\n", "cpp": "#include <cassert>\n"}  # what a test of MdEval needs
UNITTEST = "assert unittest.main(exit=False).result.wasSuccessful()"  # the end of the test is to be reached
STUB = "    pass\n"  # makes a Python prompt that ends in a docstring a module


def multipl_e(rows: Sequence[Row], shown: Sequence[Row], spec: Spec) -> Iterator[Problem]:
    """MultiPL-E: prompt, tests and stop_tokens in another language; there is no reference solution."""
    for row in rows:
        yield Problem(
            task_id=row["name"],
            prompt=row["prompt"],
            test=row["tests"],
            language=spec.options["language"],
            stops=tuple(row["stop_tokens"]),
        )


def mceval(rows: Sequence[Row], shown: Sequence[Row], spec: Spec) -> Iterator[Problem]:
    """McEval, generation: a prompt to be continued, and an instruction that a chat model is asked.

    `options.one_process` names Python tasks whose test looks at arguments that the solution changed.
    """
    together = spec.options.get("one_process", [])
    for row, name, language in _in_known_languages(rows, "task_id", spec):
        prompt = row["prompt"] if row["prompt"].endswith("\n") else row["prompt"] + "\n"
        yield Problem(
            task_id=row["task_id"],
            prompt=prompt,
            request=f"{row['instruction'].strip()}\nAnswer with the code in one fenced block, without tests.",
            reference=row["canonical_solution"].rstrip("\n") + "\n",
            entry_point=row["entry_point"] if language == "python" else "",
            test=row["test"].replace("unittest.main()", UNITTEST) if language == "python" else row["test"],
            prelude=prompt + STUB if language == "python" else "",
            group=name,
            language="python_together" if row["task_id"] in together else language,
            stops=BASE_STOPS.get(language, ()),
        )


def mdeval(rows: Sequence[Row], shown: Sequence[Row], spec: Spec) -> Iterator[Problem]:
    """MdEval, repair: the instruction shows code with a bug; the answer is the whole code without it."""
    for row, name, language in _in_known_languages(rows, "question_id", spec):
        fence = row["question_id"].partition("/")[0].lower()
        yield Problem(
            task_id=row["question_id"],
            prompt=f"{row['instruction'].strip()}\n```{fence}\n",
            request=row["instruction"].strip(),
            reference=row["canonical_solution"].rstrip("\n") + "\n",
            stem="",
            test=ASSERTED.get(language, "") + row["test"],
            group=name,
            language=language,
        )


def _in_known_languages(rows: Sequence[Row], key: str, spec: Spec) -> Iterator[tuple[Row, str, str]]:
    """Rows with a test in a language that is run here, the language's name for scores, and its tool chain;
    `options.languages` asks for some of the languages only, by these names."""
    wanted = spec.options.get("languages")
    for row in rows:
        title = row[key].rpartition("/")[0]
        name = title.lower().replace(" ", "_")
        if title in LANGUAGES and row.get("test") and (wanted is None or name in wanted):
            yield row, name, LANGUAGES[title]
