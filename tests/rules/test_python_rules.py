"""The Python rules: what each removes and what it leaves alone."""

from __future__ import annotations

import pytest

from opencoder_dag.recipe import PythonRules
from opencoder_dag.rules.python_rules import judge_python

GOOD = '"""Greets."""\n\nimport os\n\n\ndef greet(name: str) -> str:\n    return os.sep + name\n'


def reasons(texts: list[str], **switches: bool) -> list[str | None]:
    verdicts = [judged.verdict for judged in judge_python(texts, PythonRules(**switches))]
    return [None if v is None else type(v).__name__ if isinstance(v, Exception) else v[0] for v in verdicts]


SYNTAX = [
    "print 'x'\n",
    "exec 'x'\n",
    "x = `1`\n",
    "x = 0777\n",
    "x = 1 <> 2\n",
    "x = 10L\n",
    "x = ur'a'\n",
    "raise E, 'm'\n",
    "def f((a, b)):\n    pass\n",
    "if 1:\n        a = 1\n\tb = 1\n",
    "try:\n    pass\nexcept ValueError, e:\n    pass\n",
    "x = (1\n",
    "return 1\n",
    "def f(a, a):\n    pass\n",
    "nonlocal x\n",
    "break\n",
    "yield 1\n",
    "x = 1\0\n",
    "<<<<<<< HEAD\n",
]


@pytest.mark.parametrize("switch", [True, False])
def test_syntax(switch: bool) -> None:
    found = reasons(
        [*SYNTAX, GOOD, "type X = int\n", "match 1:\n    case 1:\n        pass\n", ""],
        syntax=switch,
        undefined_names=False,
    )
    assert found == ([("python_syntax")] * len(SYNTAX) if switch else [None] * len(SYNTAX)) + [None] * 4


def test_outdated_syntax_that_still_parses() -> None:
    assert reasons(["import sys\nprint >>sys.stderr, 'x'\n", GOOD]) == ["python_outdated_syntax", None]


def test_undefined_names() -> None:
    text = "def f():\n    here = 1\n    return here\n\n\nprint(here)\n"
    assert reasons([text, GOOD, "print(_('x'))\n"]) == ["python_undefined_names", None, None]
    assert reasons([text], undefined_names=False) == [None]
    judged = judge_python([text], PythonRules())[0]
    assert judged.verdict == ("python_undefined_names", {"names": ["here"], "count": 1, "threshold": 0})


def test_autofix_repairs_white_space_and_keeps_strings() -> None:
    text = 'x = """a   \n\n\n\n  b   """   \n\n\n\n\n\ndef f():\n\n\n    return x\n\n\n\n'
    judged = judge_python([text], PythonRules(autofix=True))[0]
    assert judged.verdict is None
    assert judged.text == 'x = """a   \n\n\n\n  b   """\n\n\ndef f():\n\n    return x\n'
    again = judge_python([judged.text], PythonRules(autofix=True))[0]
    assert again.text == judged.text


def test_one_text_never_affects_another() -> None:
    deep = "-" * 300_000 + "1"
    judged = judge_python([GOOD, "x = '\ud800'\n", deep, "print 'x'\n", GOOD], PythonRules())
    assert judged[0].verdict is None and judged[4].verdict is None
    assert isinstance(judged[1].verdict, UnicodeEncodeError)
    assert judged[2].verdict is not None
    assert judged[3].verdict is not None and judged[3].verdict[0] == "python_syntax"


def test_nothing_in_nothing_out() -> None:
    assert judge_python([], PythonRules()) == []
