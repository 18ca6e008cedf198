"""Whether an instruction is about programming, for sets that are about everything.

Belongs here: the offline filter (OpenCoder filtered Infinity-Instruct with a language model, section 8.1;
this one counts signs). Does not belong here: who uses it.
"""

from __future__ import annotations

import re

THRESHOLD = 1.5

# Signs and what each is worth; a sign counts once.
_CODE = (
    (r"```[a-zA-Z+#]{1,12}\n|```\n", 2.0),
    (
        r"^\s*(def|class|import|from|#include|using|package|public|function|const|let|var|fn)\b.*[({;:<\"']",
        2.0,
    ),
    (r"\bSELECT\b[\s\S]{1,200}\bFROM\b|\b(CREATE|ALTER) TABLE\b|\bINSERT INTO\b", 2.0),
    (r"^#!/(usr/)?bin/", 2.0),
    (r"^\s*(return|if|for|while|else|elif|try|print|echo|end)\b.*[):;{]\s*$", 1.0),
    (r"(?i)<(html|div|script|table|body|span|form|input|p|a|li|ul)\b[^>]*>", 1.5),
    (r"[;{}]\s*$", 0.5),
    (r"\w+\.\w+\(|\w+\[\w+\]|=>|->|!=|==|&&|\|\|", 0.5),
    (r"^\w+ = [\w\[({'\"]", 0.5),
)
_LANGUAGES = (
    "python|java|javascript|typescript|c\\+\\+|c#|golang|rust|kotlin|swift|php|ruby|perl|scala|haskell|matlab|bash|"
    "sql|html|css|regex|numpy|pandas|django|flask|react|jquery|tensorflow|node\\.?js|docker|kubernetes|git|api|json|"
    "xml|yaml"
)
_ASKED = (
    "write|implement|create|develop|design|debug|fix|refactor|optimi[sz]e|complete|explain|convert|build|"
    "generate"
)
_THINGS = (
    "code|function|program|script|class|method|algorithm|query|application|module|website|unit tests?|"
    "data structure|compiler|loop|regex|regular expression"
)
_PLAIN_TERMS = (
    "source code|programming|compilers?|stack trace|segmentation fault|linked list|binary search|recursion|"
    "data structures?|shell script|regular expression|time complexity"
)
_OTHER_TERMS = (
    "runtime error|exception|binary tree|big o|pointer|variables?|arrays?|databases?|web server|http request|"
    "command line|software|algorithms?"
)
_REQUEST = (
    (rf"(?i)\b({_LANGUAGES})(?!\w)", 1.5),
    (rf"(?i)\b({_ASKED})\b[^.\n]{{0,60}}\b({_THINGS})\b", 1.5),
    (rf"(?i)\b({_PLAIN_TERMS})\b", 1.5),
    (rf"(?i)\b({_OTHER_TERMS})\b", 1.0),
)
_IN_EITHER = tuple((re.compile(sign, re.MULTILINE), worth) for sign, worth in _CODE)
_IN_INSTRUCTION = tuple((re.compile(sign), worth) for sign, worth in _REQUEST)


def score(instruction: str, output: str) -> float:
    """How much a pair looks like programming; `THRESHOLD` and above is."""
    both = f"{instruction}\n{output}"
    total = sum(worth for sign, worth in _IN_EITHER if sign.search(both))
    return total + sum(worth for sign, worth in _IN_INSTRUCTION if sign.search(instruction))


def is_code_related(instruction: str, output: str) -> bool:
    """Whether a pair is about programming."""
    return score(instruction, output) >= THRESHOLD
