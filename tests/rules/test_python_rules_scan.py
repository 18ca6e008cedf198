"""The scanner behind the Python rules: its figures on small texts, and that no bytes break it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.rules.python_rules.scan import scan


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("x = 1\n", 1),
        ("a + b + c\n", 2),
        ("a + b, c + d\n", 1),
        ("f(g(h(x)))\n", 3),
        ("---x\n", 3),
        ("a.b().c[0]\n", 4),
    ],
)
def test_depth(text: str, depth: int) -> None:
    assert scan(text).depth == depth


def test_depth_starts_again_with_each_statement() -> None:
    assert scan("a + b\n" * 100).depth == 1


def test_shapes_ignore_literals_and_outlines_ignore_names_too() -> None:
    first, second, third, fourth = scan(
        "a = f(1, 'x')\na = f(2.5e-3, b'yz')\nb = g(3, 'x')\na = f(1)\n"
    ).shapes
    assert first == second and third != first and fourth != first
    outlines = scan("a = f(1, 'x')\na = f(2.5e-3, b'yz')\nb = g(3, 'x')\nif a:\n    pass\n").outlines
    assert outlines[0] == outlines[1] == outlines[2]
    assert [int(outline) & 1 for outline in outlines] == [0, 0, 0, 1, 0]


def test_strings_comments_and_continuations() -> None:
    figures = scan("x = 'a # no comment' # comment (((\ny = [1,\n  2]\nz = 1 + \\\n  2\n")
    assert figures.shapes.size == 3
    assert figures.brackets == 1
    assert figures.number_run == 2
    assert scan("'''a\n'b'\n\"\"\"'''\nx\n").shapes.size == 2
    assert scan("r'\\'\nx\n").shapes.size == 2


def test_documentation_is_no_literal() -> None:
    assert scan('"""Words of a module."""\n').literal == 0
    assert scan('x = """Words of a value."""\n').literal == 23


@given(st.text())
def test_any_text(text: str) -> None:
    figures = scan(text)
    size = len(text.encode("utf-8", "surrogatepass"))
    assert 0 <= figures.literal <= figures.code <= size + 1
    assert figures.dense <= figures.literal
    assert figures.shapes.size <= text.count("\n") + 1
    assert figures.depth <= size + 1


@given(st.text(alphabet="([{}])'\"\\\n #a1.+-,ifb"))
def test_any_python_like_text(text: str) -> None:
    assert scan(text).code <= len(text) + 1  # the scanner ends the last line
