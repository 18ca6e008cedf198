"""Time the rules on hostile texts: each pattern repeated to `--megabytes`, in every language with own code.

Prints, by language, the CPU seconds of the slowest patterns. With `--lines` every text is cut into lines of
80 characters, so that nothing depends on there being a single line.

    python benchmarks/rules_hostile.py --megabytes 7.9
"""

from __future__ import annotations

import argparse
import time

from opencoder_dag.rules import SourceFile, judge_file

PATTERNS = {
    "words": "ab cd ",
    "different words": "",  # filled with numbers
    "open brackets": "(",
    "open lists": "[",
    "open braces": "{",
    "brackets in turn": "({[",
    "quotes": "'\"",
    "triple quotes": "'''\"\"\"'",
    "back quotes": "`${",
    "open comments": "/* ",
    "open markup comments": "<!-- ",
    "NUL and marks": "\x00\u202e\ufeff",
    "lone surrogates": "\ud800x = 1;\n",
    "unclosed tags": "<a ",
    "open scripts": "<script>",
    "calls without end": "f(",
    "arrow parameters": "(a,",
    "regular expressions": "/a",
    "type parameters": "A<",
    "open heads": "class a : main (",
    "words without end": "q{ s/ m( <<A\n",
    "documentation": "\n=pod\n",
    "heredocs": "<<A ",
    "raw strings": 'R"x(',
    "hexadecimal": "0x1f,",
    "escapes": "\\u0041",
    "base64": "QUJD",
    "link starts": "(http://",
    "signs": "-",
    "stars": "a *",
    "newlines": "\n",
    "carriage returns": "\r",
    "blanks after a type": "int                  ",
    "block scalars": "a: |\n ",
    "prompts": ">>> ",
    "equals": "a=",
}
LANGUAGES = (
    "python",
    "javascript",
    "c",
    "cpp",
    "csharp",
    "go",
    "html",
    "java",
    "typescript",
    "perl",
    "cython",
)
LANGUAGES += ("shell", "sql", "rust", "yaml", "json", "markdown", "starlark", "cobol")


def text_of(pattern: str, characters: int, lines: bool) -> str:
    if not pattern:
        text = " ".join(map(str, range(characters // 7)))[:characters]
    else:
        text = (pattern * (characters // len(pattern) + 1))[:characters]
    return "\n".join(text[at : at + 80] for at in range(0, characters, 80)) if lines else text


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=float, default=7.9)
    parser.add_argument("--languages", nargs="*", default=LANGUAGES)
    parser.add_argument("--lines", action="store_true")
    arguments = parser.parse_args()
    print("| language | slowest patterns (CPU s) | median |")
    print("|---|---|---|")
    for language in arguments.languages:
        kind = "text" if language == "markdown" else "code"
        judge_file(SourceFile("a = 1\n", "a", language, kind), 0, "d")
        found = []
        for name, pattern in PATTERNS.items():
            text = text_of(pattern, int(arguments.megabytes * 1e6), arguments.lines)
            started = time.process_time()
            verdict = judge_file(SourceFile(text, "a", language, kind), 0, "d")
            seconds = time.process_time() - started
            found.append((seconds, name, "removed" if verdict.hits else "quarantined or kept"))
        found.sort(reverse=True)
        slowest = ", ".join(f"{name} {seconds:.2f}" for seconds, name, _ in found[:4])
        kept = [name for _, name, fate in found if fate != "removed"]
        shown = slowest + (f"; not removed: {', '.join(kept)}" if kept else "")
        print(f"| {language} | {shown} | {found[len(found) // 2][0]:.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
