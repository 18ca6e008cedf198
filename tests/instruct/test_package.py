"""Package items: examples of functions that need their library, run with it."""

from __future__ import annotations

from typing import Any

import pytest

from opencoder_dag.instruct.judging import MAX_PACKAGE_RUNS, Judging
from opencoder_dag.instruct.package import package_items, package_of
from opencoder_dag.mix.functions import documented_functions, parse
from opencoder_dag.sandbox import SandboxOptions

OPTIONS = SandboxOptions(kind="process", workers=1)

SOURCE = '''
from packaging._elsewhere import Machinery


def canonicalize_name(name, *, validate=False):
    """Give a project name the one spelling that all its spellings share.

    >>> canonicalize_name("My.Project")
    'my-project'
    >>> from packaging.utils import canonicalize_name as again
    >>> again("a_b")
    'a-b'
    """
    value = Machinery(name)
    return value


def changes(name):
    """Tell the time in some way that nobody can foresee.

    >>> import time
    >>> changes(time.time())
    3
    """
    value = Machinery(name)
    return value


def says_nothing(name):
    """Show an example that never calls the function.

    >>> 1 + 1
    2
    """
    value = Machinery(name)
    return value
'''


def candidates(path: str) -> list[dict[str, Any]]:
    tree = parse(SOURCE)
    assert tree is not None
    return list(package_items(list(documented_functions(SOURCE, tree)), "packaging", path))


def row(item: dict[str, Any], order: int = 0) -> dict[str, Any]:
    return {**item, "order": order, "recording": None, "error": None, "refused": None}


def test_one_candidate_for_a_function_that_shows_its_results() -> None:
    (item,) = candidates("packaging/utils.py")
    assert item["program"].startswith(
        "from packaging.utils import canonicalize_name\n\nassert canonicalize_name("
    )
    assert "`def canonicalize_name(name, *, validate=False)`" in item["output"]
    assert "`packaging`" in item["instruction"] and item["stage"] == 2
    assert package_of(item["path"]) == "packaging"


def test_private_modules_are_not_asked_about() -> None:
    assert candidates("packaging/_utils.py") == []


def test_examples_are_run_with_the_installed_package() -> None:
    (good,) = candidates("packaging/utils.py")
    (missing,) = candidates("no_such_package_here/utils.py")
    judging = Judging([row(good), row(missing, 1)])
    judging.run_tests(OPTIONS)
    assert judging.verdicts == [None, ("test_failed", {"verdict": "failed"})]
    assert judging.outcomes == {"passed": 1, "failed": 1}


def test_so_many_are_run_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    (item,) = candidates("packaging/utils.py")
    monkeypatch.setattr("opencoder_dag.instruct.judging.MAX_PACKAGE_RUNS", 2)
    judging = Judging([row({**item, "doc_id": str(number)}, number) for number in range(4)])
    judging.run_tests(OPTIONS)
    assert judging.verdicts == [None, None, ("over_pool", {"limit": 2}), ("over_pool", {"limit": 2})]
    assert MAX_PACKAGE_RUNS > 2
