"""The Python rules: what each removes and what it leaves alone."""

from __future__ import annotations

import ast
from pathlib import Path

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


def test_the_environment_does_not_change_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "RUFF_OUTPUT_FORMAT": "json"}.items():
        monkeypatch.setenv(name, value)
    assert reasons(["print(undefined)\n", "print 'x'\n", GOOD]) == [
        "python_undefined_names",
        "python_syntax",
        None,
    ]


def test_nothing_in_nothing_out() -> None:
    assert judge_python([], PythonRules()) == []


DNA = "".join("ACGT"[(i * i // 7 + i) % 4] for i in range(3000))
BASE64 = "".join(chr(65 + (i * i // 3 + 7 * i) % 26) for i in range(2400))


def wrapped(text: str, width: int, joint: str) -> str:
    return joint.join(text[start : start + width] for start in range(0, len(text), width))


DENSE = {
    "continued by backslashes": f"dna = '{wrapped(DNA, 30, chr(92) + chr(10))}'\n",
    "one line": f"dna = '{DNA}'\n",
    "adjacent strings": f"dna = (\n    '{wrapped(DNA, 50, chr(39) + chr(10) + '    ' + chr(39))}'\n)\n",
    "added strings": f"dna = '{wrapped(DNA, 50, chr(39) + ' + ' + chr(39))}'\n",
    "wrapped base64": f'data = """\n{wrapped(BASE64, 76, chr(10))}\n"""\n',
    "hex bytes": "data = bytes([" + ", ".join(f"0x{i % 256:02x}" for i in range(900)) + "])\n",
    "floats": "table = [\n" + "".join(f"    [{i / 7:.6f}, -{i / 9:.6e}],\n" for i in range(400)) + "]\n",
    "word list": "words = [\n" + "".join(f"    'quite_a_word_{i}',\n" for i in range(400)) + "]\n",
}
NOT_DENSE = {
    "prose": 'TEXT = """\n'
    + "The quick brown fox jumps over the lazy dog, again and again.\n" * 60
    + '"""\n',
    "documentation": '"""' + DNA + '"""\n' + GOOD,
    "code with numbers": "".join(f"def f{i}(x, y):\n    return x * {i} + y\n\n\n" for i in range(60)),
    "one short blob": f"icon = '{BASE64[:400]}'\n"
    + "".join(GOOD.replace("greet", f"hail_{i}") for i in range(20)),
    "names": "from os import (\n" + "".join(f"    name_{i},\n" for i in range(300)) + ")\n",
}


@pytest.mark.parametrize("name", DENSE)
def test_data_dense(name: str) -> None:
    assert reasons([DENSE[name]]) == ["python_data_dense"]
    assert reasons([DENSE[name]], data_dense=False) == [None]


@pytest.mark.parametrize("name", NOT_DENSE)
def test_not_data_dense(name: str) -> None:
    assert reasons([NOT_DENSE[name]], undefined_names=False, repetition=False) == [None]


REPEATING = {
    "if branches": "def f(x):\n" + "".join(f"    if x == {i}:\n        return 'v{i}'\n" for i in range(200)),
    "elif branches with names": "def f(x):\n    if x:\n        pass\n"
    + "".join(f"    elif x == 'c{i}':\n        return name_{i}\n" for i in range(200)),
    "calls": "import os\n\n" + "".join(f"os.mkdir('folder/{i}')\n" for i in range(200)),
}
NOT_REPEATING = {
    "constants": "".join(f"NAME_{i} = {i}\n" for i in range(300)),
    "a few branches": "def f(x):\n"
    + "".join(f"    if x == {i}:\n        return 'v{i}'\n" for i in range(20)),
    "functions": "".join(
        f"def f{i}(x{i}):\n    y{i} = x{i} + {i}\n    return y{i}\n\n\n" for i in range(100)
    ),
}


@pytest.mark.parametrize("name", REPEATING)
def test_repetition(name: str) -> None:
    assert reasons([REPEATING[name]], undefined_names=False) == ["python_repetition"]
    assert reasons([REPEATING[name]], undefined_names=False, repetition=False) == [None]


@pytest.mark.parametrize("name", NOT_REPEATING)
def test_not_repetition(name: str) -> None:
    assert reasons([NOT_REPEATING[name]]) == [None]


NAMES = [
    ("from math import *\nprint(sqrt(pi))\n", None),
    ("from math import *\nprint(square_root(pi))\n", "python_undefined_names"),
    ("from ctypes import *\nuser32 = windll.user32\n", None),
    ("from somewhere import *\nprint(anything)\n", None),
    ("from math import *\nfrom somewhere import *\nprint(anything)\n", None),
    ("import sys\nif sys.version_info[0] < 3:\n    text = unicode\nelse:\n    text = str\n", None),
    ("text = unicode('x')\n", "python_undefined_names"),
    ("for i in xrange(3):\n    print(i)\n", "python_undefined_names"),
    ("globals().update(a=1)\nprint(a)\n", None),
    ("def f(x: 'Later') -> 'list[Later]':\n    return [x]\n", None),
    ("def f(x):\n    return f'{y} {x}'\n", "python_undefined_names"),
    ("print(injected)  # noqa: F821\n", None),
    ("print(injected)  # noqa\n", "python_undefined_names"),
    ("# ruff: noqa\nprint(injected)\n", "python_undefined_names"),
    ("get_ipython().run_line_magic('x', '')\ndisplay(1)\n", None),
]


def test_which_names_count() -> None:
    assert reasons([text for text, _ in NAMES]) == [expected for _, expected in NAMES]


HOSTILE = {
    "brackets": "(" * 300 + ")" * 300 + "\n",
    "many brackets": "[" * 100_000,
    "indentation": "".join(" " * i + "if 1:\n" for i in range(150)) + " " * 150 + "pass\n",
    "minus": "-" * 100_000 + "1\n",
    "not": "not " * 20_000 + "1\n",
    "sum": "x = 1" + " + 1" * 20_000 + "\n",
    "attributes": "x" + ".a" * 20_000 + "\n",
    "conditions": "x = " + "1 if x else " * 10_000 + "2\n",
    "quotes": "'\"" * 100_000,
    "open string": '"""' + "x\n" * 100_000,
    "NULs": "\0" * 10_000,
    "backslashes": "\\" * 100_000,
}


def test_hostile_texts_get_a_verdict_and_leave_others_alone() -> None:
    judged = judge_python([GOOD, *HOSTILE.values(), GOOD], PythonRules())
    assert judged[0].verdict is None and judged[-1].verdict is None
    for name, one in zip(HOSTILE, judged[1:-1], strict=True):
        assert isinstance(one.verdict, tuple), name
        assert one.verdict[0] == "python_syntax", (name, one.verdict)


def test_too_deep_for_the_linter_is_not_passed_over_in_silence() -> None:
    judged = judge_python([HOSTILE["sum"]], PythonRules(syntax=False))[0]
    assert isinstance(judged.verdict, Exception) and "nested too deeply" in str(judged.verdict)


def test_long_line_and_right_to_left_marks() -> None:
    assert reasons(["x = '" + "word " * 1_580_000 + "'\n", "x = '\u202e'\n", "\ufeffx = 1\n"]) == [
        None,
        None,
        None,
    ]


def test_autofix_on_the_standard_library_keeps_the_program_and_is_idempotent() -> None:
    files = sorted(Path(ast.__file__).parent.glob("[a-d]*.py"))
    texts = [file.read_text(encoding="utf-8") for file in files]
    repair = PythonRules(autofix=True)
    once = judge_python(texts, repair)
    assert sum(judged.text != text for judged, text in zip(once, texts, strict=True)) > 20
    for judged, text in zip(once, texts, strict=True):
        assert ast.dump(ast.parse(judged.text)) == ast.dump(ast.parse(text))
    again = judge_python([judged.text for judged in once], repair)
    assert [judged.text for judged in again] == [judged.text for judged in once]
