"""The examiner of contest problems: run before the test, in the test's process, which alone has the cases.

Only the standard library is imported.
"""

import decimal as _decimal
import json as _json


def examine_cases(answer_to, cases, by_value):  # type: ignore[no-untyped-def]
    """Ask for the answer to every case; raises AssertionError at the first one that is wrong.

    `by_value`: answers are the JSON of a function's value, else lines of text.
    """
    agree = _same_value if by_value else _same_lines
    for number, (given, wanted) in enumerate(_json.loads(cases), 1):
        said = answer_to(given)
        if not agree(said, wanted):
            raise AssertionError(f"case {number}: {said.strip()[-80:]!r} instead of {wanted.strip()[:80]!r}")


def _same_value(said, wanted):  # type: ignore[no-untyped-def]
    lines = said.rstrip("\n").rsplit("\n", 1)
    return _json.loads(lines[-1]) == _json.loads(wanted)


def _same_lines(said, wanted):  # type: ignore[no-untyped-def]
    """Equal line by line, without blanks at the ends; lines of numbers by their values."""
    ours, theirs = ([line.strip() for line in text.strip().split("\n")] for text in (said, wanted))
    return len(ours) == len(theirs) and all(map(_same_line, ours, theirs))


def _same_line(said, wanted):  # type: ignore[no-untyped-def]
    if said == wanted:
        return True
    try:
        ours, theirs = ([_decimal.Decimal(word) for word in line.split()] for line in (said, wanted))
        return ours == theirs
    except _decimal.InvalidOperation:
        return False
