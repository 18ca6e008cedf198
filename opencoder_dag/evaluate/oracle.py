"""The examiner of suites that give inputs instead of asserts: run before the test, in the test's process.

The expected answer is that of the reference solution, computed here. Only the standard library is imported.
"""

import copy as _copy
import json as _json
import math as _math


def examine(candidate, inputs, facts):  # type: ignore[no-untyped-def]
    """Ask the candidate for every input; raises AssertionError at the first answer that is wrong."""
    names: dict = {"__name__": "reference"}
    exec(facts["reference"], names)
    reference = names[facts["entry_point"]]
    for arguments in _json.loads(inputs):
        arguments = _typed(arguments, facts["kind"])
        expected = reference(*_copy.deepcopy(arguments))
        answer = candidate(*_copy.deepcopy(arguments))
        if not _accepts(answer, expected, arguments, facts):
            raise AssertionError(
                f"for {repr(arguments)[:120]}: {repr(answer)[:80]} instead of {repr(expected)[:80]}"
            )


def _accepts(answer, expected, arguments, facts):  # type: ignore[no-untyped-def]
    if facts["oracle"] == "root_of_polynomial":
        value = sum(factor * _math.pow(answer, power) for power, factor in enumerate(arguments[0]))
        return abs(value) <= (facts["tolerance"] or 1e-6)
    if facts["oracle"] == "same_set":
        return set(answer) == set(expected)
    if facts["oracle"] == "same_truth":  # a match object, which has no value of its own, or any truth
        return bool(answer) == bool(expected)
    return same(answer, expected, facts["tolerance"] or 1e-6)


def same(answer, expected, tolerance):  # type: ignore[no-untyped-def]
    """Equal, with a tolerance for floats at any depth of lists and tuples."""
    if answer is expected or bool(answer == expected):
        return True
    if isinstance(answer, float) or isinstance(expected, float):
        if not isinstance(answer, int | float) or not isinstance(expected, int | float):
            return False
        if _math.isnan(expected):
            return _math.isnan(answer)
        return answer == expected or abs(answer - expected) <= tolerance + 1e-7 * abs(expected)
    if isinstance(expected, list | tuple) and isinstance(answer, list | tuple):
        pairs = zip(answer, expected, strict=False)
        return len(answer) == len(expected) and all(same(one, other, tolerance) for one, other in pairs)
    return bool(answer == expected)


def _deep(value):  # type: ignore[no-untyped-def]
    return tuple(map(_deep, value)) if isinstance(value, list) else value


def _typed(arguments, kind):  # type: ignore[no-untyped-def]
    """Arguments as the task means them: JSON has lists only."""
    if kind is None:
        return arguments
    first, rest = arguments[0], arguments[1:]
    if kind == "tuples":
        return [tuple(value) for value in arguments]
    if kind == "lists_of_tuples":
        return [[tuple(item) for item in value] for value in arguments]
    if kind == "first_list_of_tuples":
        return [[tuple(item) for item in first], *rest]
    if kind == "first_tuple":
        return [tuple(first), *rest]
    if kind == "second_tuple":
        return [first, tuple(rest[0]), *rest[1:]]
    if kind == "tuples_of_tuples":
        return [tuple(tuple(item) for item in value) for value in arguments]
    if kind == "tuple_with_tuples":
        return [tuple(tuple(item) if isinstance(item, list) else item for item in first), *rest]
    if kind == "tuples_all_the_way":
        return [_deep(value) for value in arguments]
    if kind == "values_to_tuples":
        return [{key: tuple(value) for key, value in first.items()}, *rest]
    if kind == "sets":
        return [[set(item) if isinstance(item, list) and item else {} for item in first], *rest]
    if kind == "float_and_complex":
        return [float(first), complex(rest[0])]
    if kind == "complex":
        return [complex(first)]
    raise ValueError(kind)
