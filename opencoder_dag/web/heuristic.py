"""A transparent score for text about code: the share of code blocks, and of lines that look like code."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

SAMPLE_CHARACTERS = 20_000
LINE_CHARACTERS = 300  # of a line are looked at
BLOCK_STEPS = (1e-9, 0.02, 0.05, 0.15, 0.4)
LINE_STEPS = (0.01, 0.03, 0.06, 0.1, 0.15, 0.3)
FEATURES = len(BLOCK_STEPS) + 1 + len(LINE_STEPS) + 1

BLOCK = re.compile(r"^(`{3,}|~{3,})[^\n]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
CODE_LINE = re.compile(
    r"""^[ \t]*(?:
        (?:>>>|\.\.\.|\$|%|In\ \[\d+\]:)[ ]\S                                  # prompts
      | (?:from\ [\w.]+\ )?import\ [\w.*{]+ | \#\s*include\s*[<"]              # what a program needs
      | (?:async\ )?def\ \w+\( | (?:class|struct|interface|enum)\ \w+\s*[:({]  # what it defines
      | (?:pub\ |static\ |export\ )*(?:fn|func|function)\ \w+\s*[(<]
      | (?:return|elif|else:|try:|except|raise|yield|await|const|let|var)\b.*[()=;:\[\]{}]
      | (?:for|if|while|switch)\s*\(.*[;{)]\s*$ | (?:for|if|while|with)\ .*:\s*$
      | [@]\w+(?:\.\w+)*(?:\(.*\))?\s*$
      | [\w.\[\]"']+\s*(?:[-+*/|&]|:)?=\s*[^=\s].*[\w)\]}"';,]\s*$               # assignments
      | [\w.:>-]+\([^()]*(?:\([^()]*\)[^()]*)*\)\s*(?:->\s*\S+)?[;:{]?\s*$      # calls and signatures
      | :(?:param|type|return|returns|rtype|raises)\b | \.\.\ code | [{}\]);]+[;,]?\s*$
      | </?\w+(?:\ [\w:-]+=.*)?/?>\s*$
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class CodeShare:
    """What the heuristic saw: shares from 0 to 1."""

    blocks: float  # of characters, in fenced blocks
    lines: float  # of the lines with text, that look like code; blocks excluded

    def features(self) -> tuple[int, int]:
        """Both shares in steps, as numbers below `FEATURES` that do not overlap: what a classifier of tokens
        can learn of the structure of a page, on any site."""
        lines = len(BLOCK_STEPS) + 1 + bisect_right(LINE_STEPS, self.lines)
        return bisect_right(BLOCK_STEPS, self.blocks), lines

    def score(self, block_share: float, code_line_share: float) -> float:
        """1 where either share reaches its threshold, and proportionally less below."""
        return min(1.0, max(self.blocks / block_share, self.lines / code_line_share))


def code_share(text: str) -> CodeShare:
    """Measure the first 20,000 characters of a Markdown or plain text."""
    sample = text[:SAMPLE_CHARACTERS]
    in_blocks, prose = _without_blocks(sample) if "```" in sample or "~~~" in sample else (0, sample)
    lines = [line[:LINE_CHARACTERS] for line in prose.split("\n") if line and not line.isspace()]
    return CodeShare(in_blocks / max(len(sample), 1), sum(map(looks_like_code, lines)) / max(len(lines), 1))


def _without_blocks(text: str) -> tuple[int, str]:
    """Characters in code blocks, and the text between the blocks."""
    in_blocks, end = 0, 0
    between = []
    for match in BLOCK.finditer(text):
        in_blocks += len(match[2])
        between.append(text[end : match.start()])
        end = match.end()
    return in_blocks, "".join([*between, text[end:]])


def looks_like_code(line: str) -> bool:
    """Whether a line is a statement or opens a block by its end, or matches `CODE_LINE`.

    The ends are no part of the pattern, which would search every line of prose for them.
    """
    text = line.rstrip()
    if text.endswith(";") and len(text) > 1 and text[-2] != ";" and not text[-2].isspace():
        return True
    if text.endswith("{") and text[:-1].rstrip().endswith(")"):
        return True
    return CODE_LINE.match(line) is not None
