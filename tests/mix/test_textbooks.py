"""Lessons: sections of pages that explain and show something that runs."""

from __future__ import annotations

from opencoder_dag.mix.textbooks import MAX_CHARACTERS, lessons, sections

PROSE = "This paragraph explains in plain words what the next lines of the session are going to show us. " * 3


def test_a_section_with_prose_and_a_session_is_a_lesson() -> None:
    session = "```python\n>>> x = [3, 1]\n>>> sorted(x)\n[1, 3]\n```"
    page = f"# Title\n\nIntroduction.\n\n## Lists\n\n{PROSE}\n\n{session}\n\nDone.\n"
    (lesson,) = lessons(page)
    assert lesson.text.startswith("## Lists") and lesson.text.endswith("Done.")
    assert lesson.program == "x = [3, 1]\nassert sorted(x) == [1, 3]\n"


def test_a_session_without_prose_or_prose_without_a_session_is_none() -> None:
    assert list(lessons("# A\n\n>>> 1 + 1\n2\n")) == []
    assert list(lessons(f"# A\n\n{PROSE}\n")) == []


def test_sections_lose_nothing_and_none_is_too_long() -> None:
    page = "Head\n====\n\n" + "\n\n".join(f"{PROSE}{number}" for number in range(60)) + "\n\n# Next\n\nEnd."
    parts = list(sections(page))
    assert all(len(part) <= MAX_CHARACTERS for part in parts)
    assert "".join("".join(parts).split()) == "".join(page.split())


def test_comments_in_fenced_code_are_no_headings() -> None:
    code = "```python\n# Not a heading\nx = 1\n\ny = 2\n---\n```"
    page = f"# One\n\nText.\n\n{code}\n\n# Two\n\nEnd."
    assert list(sections(page)) == [f"# One\n\nText.\n\n{code}", "# Two\n\nEnd."]


def test_a_lesson_stands_on_the_imports_of_its_page() -> None:
    head = "# Start\n\n```python\nfrom math import floor\n```\n\n## Use\n\n"
    page = f"{head}{PROSE}\n\n>>> floor(json.loads('2.5'))\n2\n"
    (lesson,) = lessons(page)
    assert "from math import floor" in lesson.program and "import json" in lesson.program
    assert "import" not in lesson.text
    exec(compile(lesson.program, "lesson", "exec"), {})
