"""Cutting completions and finding code in answers."""

import pytest

from opencoder_dag.evaluate.extract import answered_program, complete_function, cut_at_stops, fenced_code
from opencoder_dag.evaluate.suites import STOPS

PROMPT = 'import math\n\n\ndef area(r):\n    """Area."""\n'


@pytest.mark.parametrize(
    ("completion", "body"),
    [
        ("    return r\n\ndef other():\n    pass", "    return r\n"),
        ("    return r\nprint(area(1))", "    return r\n"),
        ("    x = r\n    return (x", "    x = r\n"),
        ("    return r\n```\nText", "    return r\n"),
        ("    if r:\n        return 1\n    return 2", "    if r:\n        return 1\n    return 2\n"),
    ],
)
def test_base_completions(completion: str, body: str) -> None:
    assert complete_function(PROMPT, completion, STOPS["function"]).rstrip() == (PROMPT + body).rstrip()


def test_what_never_parses_is_kept_to_fail() -> None:
    assert complete_function("def f(:\n", "    return", ()) == "def f(:\n    return"


def test_stops() -> None:
    assert cut_at_stops("abc", ["c", "b"]) == "a"
    assert cut_at_stops("abc", []) == "abc"


@pytest.mark.parametrize(
    "answer",
    [
        "```python\ndef area(r):\n    return math.pi * r ** 2\n```",
        "Sure:\n```py\nimport math\ndef area(r):\n    return math.pi * r ** 2",
        "```\n    return math.pi * r ** 2\n```",
        "```python\nreturn math.pi * r ** 2\n```",
        "def area(r):\n    return math.pi * r ** 2",
        "    return math.pi * r ** 2",
        "```text\nnothing\n```\n```python\ndef area(r):\n    return math.pi * r * r\n```\n```python\n1\n```",
    ],
)
def test_chat_answers(answer: str) -> None:
    namespace: dict[str, object] = {}
    exec(answered_program(PROMPT, "area", answer), namespace)
    assert namespace["area"](1) == pytest.approx(3.14159, abs=1e-4)  # type: ignore[operator]


def test_fences_of_other_languages_are_no_code() -> None:
    assert fenced_code("```js\nlet a\n```") is None
