"""One pass over the bytes of a Python text: depth, literals and the shapes of its statements.

Belongs here: the scanner, compiled, and the figures that it takes. It needs no parser, so that no nesting can
break it and no interpreter version changes what it finds; what the figures mean is in `data_dense.py` and
`repetition.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

MAX_BRACKETS = 4096  # deeper brackets are counted but not followed
_FNV_OFFSET = 14695981039346656037
_FNV_PRIME = 1099511628211
_MASK = (1 << 64) - 1

# Token codes mixed into a statement's shape where a token's own text is not.
_NUMBER, _STRING, _NAME = 1, 2, 3

WRAPPED = 40  # a line of a literal this long without a blank goes on in the next line

# Slots of the kernel's counts, in the order of the fields of `Scan`.
_DEPTH, _BRACKETS, _INDENTS, _CODE, _LITERAL, _BLANKS, _DENSE, _LONGEST_DENSE, _NUMBER_RUN = range(9)
_SLOTS = 9


@dataclass(frozen=True)
class Scan:
    """Figures of one text; sizes in bytes of UTF-8.

    `shapes` has one hash a statement: its tokens with every literal taken out; two statements that differ
    only in literals have the same one. `outlines` are the same with names taken out as well; the lowest bit
    of an outline is 1 if the statement is a branch (`if` or `elif`).
    """

    depth: int  # upper bound of the depth of any expression
    brackets: int  # deepest nesting of brackets
    indents: int  # deepest indentation, in levels
    code: int  # without blanks and comments
    literal: int  # of strings and numbers; documentation strings do not count
    blanks: int  # between the words of these strings
    dense: int  # in unbroken runs of 64 bytes or more inside of strings, joined where continued or added
    longest_dense: int  # the longest of these runs
    number_run: int  # most numeric literals in a row, with nothing but punctuation between
    shapes: NDArray[np.uint64]
    outlines: NDArray[np.uint64]


def scan(text: str) -> Scan:
    """Scan one text; linear in its length."""
    content = np.frombuffer(text.encode("utf-8", "surrogatepass") + b"\n", dtype=np.uint8)
    counts, shapes, outlines = _scan(content, _KEYWORDS)
    figures: list[int] = counts.tolist()
    return Scan(*figures, shapes=shapes, outlines=outlines)  # type: ignore[arg-type, misc]


def _fnv(word: bytes) -> int:
    value = _FNV_OFFSET
    for byte in word:
        value = ((value ^ byte) * _FNV_PRIME) & _MASK
    return value


# The keywords of every Python 3; spelled out so that a newer interpreter changes nothing.
_KEYWORD_LIST = (
    "False None True and as assert async await break class continue def del elif else except finally for "
    "from global if import in is lambda nonlocal not or pass raise return try while with yield"
)
_IF, _ELIF = np.uint64(_fnv(b"if")), np.uint64(_fnv(b"elif"))
_KEYWORDS = np.sort(np.array([_fnv(word.encode()) for word in _KEYWORD_LIST.split()], dtype=np.uint64))


@nb.njit(cache=True, nogil=True)
def _is_word(byte: int) -> bool:
    return (
        (97 <= byte <= 122) or (65 <= byte <= 90) or (48 <= byte <= 57) or byte == 95 or byte >= 128
    )  # fmt: skip


@nb.njit(cache=True, nogil=True)
def _string_end(content, start, quote):  # type: ignore[no-untyped-def]
    """End of the body and of the token of a string whose quote stands at `start`, and the body's start."""
    size = content.size
    triple = start + 2 < size and content[start + 1] == quote and content[start + 2] == quote
    body = start + 3 if triple else start + 1
    position = body
    while position < size:
        byte = content[position]
        if byte == 92:
            position += 2
            continue
        if byte == quote:
            if not triple:
                return body, position, position + 1
            if position + 2 < size and content[position + 1] == quote and content[position + 2] == quote:
                return body, position, position + 3
        if byte == 10 and not triple:
            return body, position, position  # not closed: a syntax error, for others to report
        position += 1
    return body, size, size


@nb.njit(cache=True, nogil=True)
def _scan(content, keywords):  # type: ignore[no-untyped-def]
    size = content.size
    counts = np.zeros(_SLOTS, dtype=np.int64)
    capacity = 64
    shapes = np.empty(capacity, dtype=np.uint64)
    outlines = np.empty(capacity, dtype=np.uint64)
    statements = 0
    prime = np.uint64(_FNV_PRIME)
    offset = np.uint64(_FNV_OFFSET)
    levels = np.zeros(MAX_BRACKETS, dtype=np.int64)  # operators of the open part of each bracket
    indents = np.zeros(MAX_BRACKETS, dtype=np.int64)
    indent_count = 0
    brackets = 0
    depth = 0
    shape = offset
    outline = offset
    tokens = 0
    only_strings = True
    line_literal = 0
    line_dense = 0
    line_blanks = 0
    branch = np.uint64(0)
    line_longest_dense = 0
    run = 0
    number_run = 0
    fresh = True  # at the start of a logical line
    position = 0
    while position < size:
        byte = content[position]
        if fresh:
            width = 0
            while position < size and (
                content[position] == 32 or content[position] == 9 or content[position] == 12
            ):
                width = width + 1 if content[position] == 32 else (width // 8 + 1) * 8
                position += 1
            if position >= size:
                break
            byte = content[position]
            fresh = False
            if byte != 10 and byte != 13 and byte != 35:
                while indent_count > 0 and indents[indent_count - 1] > width:
                    indent_count -= 1
                if (
                    width > 0
                    and (indent_count == 0 or indents[indent_count - 1] < width)
                    and indent_count < MAX_BRACKETS
                ):
                    indents[indent_count] = width
                    indent_count += 1
                    counts[_INDENTS] = max(counts[_INDENTS], indent_count)
        if byte == 32 or byte == 9 or byte == 12 or byte == 13:
            position += 1
            continue
        if byte == 35:
            while position < size and content[position] != 10:
                position += 1
            continue
        if (
            byte == 92
            and position + 1 < size
            and (content[position + 1] == 10 or content[position + 1] == 13)
        ):
            position += 2
            continue
        if byte == 10:
            position += 1
            if brackets > 0:
                continue
            fresh = True
            if tokens > 0:
                if statements == capacity:
                    capacity *= 2
                    grown = np.empty(capacity, dtype=np.uint64)
                    grown[:statements] = shapes
                    shapes = grown
                    grown_outlines = np.empty(capacity, dtype=np.uint64)
                    grown_outlines[:statements] = outlines
                    outlines = grown_outlines
                shapes[statements] = shape
                outlines[statements] = (outline >> np.uint64(1) << np.uint64(1)) | branch
                statements += 1
                if not only_strings:
                    counts[_LITERAL] += line_literal
                    counts[_DENSE] += line_dense
                    counts[_BLANKS] += line_blanks
                    counts[_LONGEST_DENSE] = max(counts[_LONGEST_DENSE], line_longest_dense)
            shape = offset
            outline = offset
            tokens = 0
            only_strings = True
            line_literal = line_dense = line_blanks = line_longest_dense = 0
            branch = np.uint64(0)
            run = number_run = 0
            depth = 0
            levels[0] = 0
            continue
        tokens += 1
        start = position
        is_string = byte == 34 or byte == 39
        word = offset
        if not is_string and _is_word(byte) and not (48 <= byte <= 57):
            while position < size and _is_word(content[position]):
                word = (word ^ np.uint64(content[position])) * prime
                position += 1
            following = content[position] if position < size else 0
            is_string = position - start <= 2 and (following == 34 or following == 39)
            if not is_string:
                counts[_CODE] += position - start
                only_strings = False
                run = number_run = 0
                found = np.searchsorted(keywords, word)
                is_keyword = found < keywords.size and keywords[found] == word
                shape = (shape ^ word) * prime
                outline = (outline ^ (word if is_keyword else np.uint64(_NAME))) * prime
                if tokens == 1 and word in (_IF, _ELIF):
                    branch = np.uint64(1)
                if is_keyword:
                    levels[min(brackets, MAX_BRACKETS - 1)] += 1
                    depth += 1
                    counts[_DEPTH] = max(counts[_DEPTH], depth)
                continue
        if is_string:
            body, end, position = _string_end(content, position, content[position])
            shape = (shape ^ np.uint64(_STRING)) * prime
            outline = (outline ^ np.uint64(_STRING)) * prime
            number_run = 0
            counts[_CODE] += position - start
            line_literal += position - start
            line_start = body
            index = body
            while index <= end:
                last = index == end
                inside = content[index] if not last else 0
                if not last and inside == 92 and index + 1 < end and content[index + 1] == 10:
                    index += 2
                    line_start = index
                    continue
                blank = inside == 32 or inside == 9
                wrapped = inside == 10 and index - line_start >= WRAPPED
                if not last and not blank and inside != 10 and inside != 13:
                    run += 1
                    if run == 64:
                        line_dense += 64
                    elif run > 64:
                        line_dense += 1
                    line_longest_dense = max(line_longest_dense, run)
                elif not last:
                    line_blanks += 1
                    if inside == 10:
                        if not wrapped:
                            run = 0
                        line_start = index + 1
                    elif blank and index > line_start:
                        run = 0
                    elif blank:
                        line_start = index + 1  # indentation of a wrapped line
                index += 1
            continue
        is_number = 48 <= byte <= 57 or (
            byte == 46 and position + 1 < size and 48 <= content[position + 1] <= 57
        )
        if is_number:
            while position < size and (
                _is_word(content[position])
                or content[position] == 46
                or (
                    (content[position] == 43 or content[position] == 45)
                    and (content[position - 1] == 101 or content[position - 1] == 69)
                    and not (
                        content[start] == 48 and position - start > 1 and (content[start + 1] | 32) == 120
                    )
                )
            ):
                position += 1
            shape = (shape ^ np.uint64(_NUMBER)) * prime
            outline = (outline ^ np.uint64(_NUMBER)) * prime
            only_strings = False
            run = 0
            counts[_CODE] += position - start
            line_literal += position - start
            number_run += 1
            counts[_NUMBER_RUN] = max(counts[_NUMBER_RUN], number_run)
            continue
        # An operator or a bracket, one byte at a time.
        position += 1
        only_strings = False
        counts[_CODE] += 1
        if byte != 43:
            run = 0
        shape = (shape ^ np.uint64(byte)) * prime
        outline = (outline ^ np.uint64(byte)) * prime
        level = min(brackets, MAX_BRACKETS - 1)
        if byte == 40 or byte == 91 or byte == 123:
            brackets += 1
            depth += 1
            counts[_BRACKETS] = max(counts[_BRACKETS], brackets)
            if brackets < MAX_BRACKETS:
                levels[brackets] = 0
        elif byte == 41 or byte == 93 or byte == 125:
            if brackets > 0:
                if brackets < MAX_BRACKETS:
                    depth -= levels[brackets]
                brackets -= 1
                levels[min(brackets, MAX_BRACKETS - 1)] += (
                    1  # a call or an index; its bracket's 1 stays in depth
                )
        elif byte == 44 or byte == 59:
            depth -= levels[level]
            levels[level] = 0
        else:
            levels[level] += 1
            depth += 1
            if byte != 43 and byte != 45:
                number_run = 0
        counts[_DEPTH] = max(counts[_DEPTH], depth)
    return counts, shapes[:statements].copy(), outlines[:statements].copy()
