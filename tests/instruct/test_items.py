"""What may be asked of a documented function, and how."""

from __future__ import annotations

import pytest

from opencoder_dag.instruct.broad import (
    broad_items,
    explain_item,
    explanation_of,
    is_worthwhile,
    locate_item,
    module_of,
    shorten,
    summary_of,
    write_item,
)
from opencoder_dag.instruct.items import subject_of
from opencoder_dag.instruct.practical import analysis_of, educational_item
from opencoder_dag.mix.functions import Function, documented_functions, parse
from opencoder_dag.mix.mining import checked_functions

SOURCE = '''
from math import floor


def half(number):
    return number / 2


def middle(values, default=None):
    """Return the middle one of :class:`sorted` values, or ``default`` when there is none.

    With an even number of values the lower one of the two in the middle is returned, as a fair
    choice is not possible without a further rule.

    Args:
        values: numbers.

    Examples:
        >>> middle([3, 1, 2])
        2
        >>> middle([], default=7)
        7
    """
    if not isinstance(values, list):
        raise TypeError("a list is needed")
    ordered = sorted(values)
    for position, value in enumerate(ordered):
        if position == floor(half(len(ordered) - 1)):
            return value
    return default
'''


@pytest.fixture(scope="module")
def middle() -> Function:
    tree = parse(SOURCE)
    assert tree is not None
    (function,) = documented_functions(SOURCE, tree)
    return function


def test_text_of_a_docstring(middle: Function) -> None:
    assert summary_of(middle.docstring).startswith(
        "Return the middle one of `sorted` values, or `default` when"
    )
    assert explanation_of(middle.docstring).endswith("without a further rule.")
    assert ">>>" not in explanation_of(middle.docstring)


@pytest.mark.parametrize("wording", range(4))
def test_a_request_names_the_signature_and_the_answer_has_no_docstring(
    middle: Function, wording: int
) -> None:
    item = write_item(middle, "repo", "a.py", wording)
    assert "def middle(values, default=None)" in item["instruction"]
    assert ">>>" not in item["instruction"] and "ordered = sorted" not in item["instruction"]
    assert item["output"].startswith("```python\ndef middle") and '"""' not in item["output"]
    assert item["stage"] == 1


def test_an_explanation_is_what_the_docstring_says(middle: Function) -> None:
    item = explain_item(middle, "repo", "a.py")
    assert '"""' not in item["instruction"] and "ordered = sorted(values)" in item["instruction"]
    assert item["output"] == explanation_of(middle.docstring)


def test_a_module_is_told_where_it_can_be_imported_from(middle: Function) -> None:
    item = locate_item(middle, "statistics.ranks", "repo", "statistics/ranks.py")
    assert "`statistics`" in item["instruction"]
    assert "from statistics.ranks import middle" in item["output"]


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("networkx/algorithms/dag.py", "networkx.algorithms.dag"),
        ("src/attr/__init__.py", "attr"),
        ("pkg/_private.py", None),
        ("pkg/tests/test_a.py", None),
        ("pkg/my-script.py", None),
        ("", None),
    ],
)
def test_module_of(path: str, module: str | None) -> None:
    assert module_of(path) == module


def test_what_is_not_worth_asking_about(middle: Function) -> None:
    from dataclasses import replace

    assert is_worthwhile(middle)
    assert not is_worthwhile(replace(middle, name="_middle"))
    assert not is_worthwhile(replace(middle, docstring="Too short."))
    assert not is_worthwhile(replace(middle, docstring="返回 有序 列表 中间 的 元素 或者 默认 值"))
    assert not is_worthwhile(
        replace(middle, bare_code="def middle(a):\n    x = 1\n    raise NotImplementedError()")
    )


def test_one_item_a_function_the_same_every_time(middle: Function) -> None:
    first = list(broad_items([middle], "repo", "pkg/a.py", seed=0))
    assert first == list(broad_items([middle], "repo", "pkg/a.py", seed=0))
    kinds = {item["kind"] for seed in range(60) for item in broad_items([middle], "repo", "pkg/a.py", seed)}
    assert kinds == {"write", "explain", "locate"}


def test_the_educational_form() -> None:
    tree = parse(SOURCE)
    assert tree is not None
    (tested,) = checked_functions(SOURCE, tree)
    item = educational_item(tested, "repo", "a.py")
    assert "assert middle([3, 1, 2]) == 2" in item["instruction"]
    analysis, solution = item["output"].split("```python", 1)
    assert "`floor` of `math`" in analysis and "the helper `half`" in analysis
    assert "`TypeError`" in analysis and "1 may be left out" in analysis
    assert "def half" in solution and "Tests:" in solution and '"""' not in solution
    assert item["stage"] == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    return f(n - 1) if n else 0", "calls itself"),
        ("    while n > 3:\n        n -= 1\n    return n", "while `n > 3` holds"),
        ("    for i in range(n):\n        yield i", "one by one"),
        ("    x = [i for i in range(n)]\n    return x", "expression over `range(n)`"),
        ("    if n:\n        return 1\n    return 2", "tells the cases apart"),
        ("    m = n + 1\n    return m", "follows directly"),
    ],
)
def test_the_analysis_says_how_the_code_goes(body: str, said: str) -> None:
    source = f'def f(n):\n    """Document.\n\n    >>> f(0)\n    0\n    """\n{body}\n'
    tree = parse(source)
    assert tree is not None
    (tested,) = checked_functions(source, tree)
    assert said in analysis_of(tested)


def test_whole_paragraphs_are_kept() -> None:
    assert shorten("one\n\ntwo\n\nthree", 9) == "one\n\ntwo"
    assert shorten("a very long first paragraph", 5) == "a very long first paragraph"


def test_the_subject_does_not_see_white_space() -> None:
    assert subject_of("def f(a):\n    return a") == subject_of("def f( a ):\n\n\treturn a  # same")
    assert subject_of("def f(a):\n    return a") != subject_of("def f(a):\n    return -a")
