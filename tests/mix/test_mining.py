"""Functions are cut out of their files with all they need, and nothing that cannot be had."""

from __future__ import annotations

import textwrap

from opencoder_dag.mix.doctests import docstring_tests
from opencoder_dag.mix.functions import documented_functions, parse, with_docstring, without_examples
from opencoder_dag.mix.mining import CheckedFunction, checked_functions
from opencoder_dag.sandbox import SandboxOptions, run_programs

OPTIONS = SandboxOptions(kind="process", workers=1)


def mined(source: str) -> list[CheckedFunction]:
    text = textwrap.dedent(source)
    tree = parse(text)
    assert tree is not None
    return list(checked_functions(text, tree))


SELF_CONTAINED = '''
import math
import os
from collections import deque as queue
from thirdparty import thing

LIMIT = 3


def helper(number):
    return math.floor(number) + LIMIT


def unused():
    return os.getcwd()


@staticmethod
def area(radius, start=LIMIT):
    """Return a number that grows with the radius.

    Examples
    --------
    >>> area(1)
    7
    >>> print(area(2))
    8
    """
    # The queue is only there to be imported.
    waiting = queue([helper(radius)])
    return waiting.pop() + start


def needs_thirdparty(value):
    """Wrap.

    >>> needs_thirdparty(1)
    1
    """
    value = thing(value)
    return value


def reads_a_file(name):
    """Read.

    >>> reads_a_file('x')
    1
    """
    text = os.read(name)
    return text
'''


def test_a_function_comes_with_its_imports_and_helpers_alone() -> None:
    (found,) = mined(SELF_CONTAINED)
    assert found.function.name == "area"
    assert found.setup.splitlines()[:2] == ["from collections import deque as queue", "import math"]
    assert "LIMIT = 3" in found.setup and "def helper" in found.setup
    assert "unused" not in found.setup and "thirdparty" not in found.setup
    assert found.tests == ("assert area(1) == 7", "assert str(area(2)) == '8'")


def test_the_program_runs_and_a_wrong_one_does_not() -> None:
    program = mined(SELF_CONTAINED)[0].program()
    assert "Examples" not in program and "# The queue" in program
    verdicts = [run.verdict for run in run_programs([program, program.replace("== 7", "== 6")], OPTIONS)]
    assert verdicts == ["passed", "failed"]


def test_a_name_that_is_bound_twice_is_not_taken() -> None:
    source = '''
    try:
        import fast as engine
    except ImportError:
        import math as engine

    def root(x):
        """Root.

        >>> root(4)
        2.0
        """
        result = engine.sqrt(x)
        return result
    '''
    assert mined(source) == []


def test_asserts_elsewhere_in_the_file_are_its_tests() -> None:
    source = '''
    def double(x):
        """Twice."""
        result = x + x
        return result


    def test_double():
        assert double(2) == 4
        assert double("a") == "aa"
        assert double(unknown) == 4
    '''
    (found,) = mined(source)
    assert found.tests == ("assert double(2) == 4", "assert double('a') == 'aa'")


def test_examples_become_asserts() -> None:
    docstring = """
    >>> from mypackage import gcd
    >>> gcd(12, 8)
    4
    >>> x = gcd(7, 3)
    >>> x == 1
    True
    >>> gcd(4, "a")
    Traceback (most recent call last):
    TypeError: no
    >>> {'a': gcd(2, 2)}
    {'a': 2}
    >>> gcd
    <function gcd at 0x7f>
    >>> gcd(3, 3)
    3
    """
    assert docstring_tests(docstring, frozenset({"gcd"})) == (
        "assert gcd(12, 8) == 4",
        "x = gcd(7, 3)",
        "assert (x == 1) is True",
        "assert ({'a': gcd(2, 2)}) == {'a': 2}",
    )


def test_examples_that_need_other_packages_end_the_tests() -> None:
    assert docstring_tests(">>> import numpy as np\n>>> np.ones(1)\narray([1.])\n", frozenset()) == ()


def test_a_docstring_is_cut_before_its_examples() -> None:
    text = "Sum.\n\nMore.\n\nExamples\n--------\n>>> total([1])\n1\n"
    assert without_examples(text) == "Sum.\n\nMore."


def test_the_docstring_is_put_back_without_examples() -> None:
    head, text, rest = (
        "def f(a,\n      b):\n",
        "Sum.\n\n    Of two.\n",
        "# first\n    c = a + b\n    return c",
    )
    source = f'{head}    """{text}\n    >>> f(1, 2)\n    3\n    """\n    {rest}\n'
    tree = parse(source)
    assert tree is not None
    (function,) = documented_functions(source, tree)
    assert with_docstring(function) == f'{head}    """{text}    """\n    {rest}'
    assert function.signature == "def f(a, b)"


def test_form_feeds_do_not_shift_lines() -> None:
    source = 'x = 1\n\x0c\ndef f():\n    """Documented."""\n    return 1\n'
    tree = parse(source)
    assert tree is not None
    (function,) = documented_functions(source, tree)
    assert function.code.startswith("def f()") and function.code.endswith("return 1")


def test_what_is_not_python_gives_nothing() -> None:
    assert parse("def f(:\n") is None
    assert parse("x" * 500_000) is None
    assert parse("(" * 5000 + ")" * 5000) is None
    assert parse("x = '\x00'") is None
