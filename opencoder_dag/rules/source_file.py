"""One file as the rules see it: its text, and each quantity that several signals share, computed once.

Belongs here: what is shared. What a single signal needs is in that signal's own module.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from opencoder_dag.rules import heads, lines
from opencoder_dag.rules.characters import Codes, codes_of, text_of
from opencoder_dag.rules.comments import Split, python_comment_characters, split_comments
from opencoder_dag.rules.javascript_outline import Script, script_of
from opencoder_dag.rules.python_outline import Outline, outline_of
from opencoder_dag.rules.scanners_markup import visible_mask
from opencoder_dag.rules.survey import CodeSurvey, TextSurvey, survey_code, survey_text

T = TypeVar("T")

# No syntax tree is built of a larger text (in characters): the size rule drops it from every code profile,
# and the tree of 8 MB takes a gigabyte.
LARGEST_TREE = 3_000_000


class TooLargeError(Exception):
    """A text of which no syntax tree is built."""


class shared(Generic[T]):  # noqa: N801 - used as a decorator, like `property`
    """A property computed at its first use and kept.

    `functools.cached_property` without its lock, which before Python 3.12 costs as much as judging a small
    file does; a file is judged by one thread.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        value = instance.__dict__[self.name] = self.compute(instance)
        return value


def lowered(text: str) -> str:
    """A text with its ASCII letters in lower case: faster by far than that of all letters."""
    if text.isascii():
        return text.lower()
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


class SourceFile:
    """A file to judge; `size` is in bytes as stored. Line ends are read as text mode reads them.

    `natural_language` is the label that selects the text profile (`zh`, or anything else for `en`);
    `released` asks for the released filter's own treatment where the right one differs (docs/rules.md).
    """

    def __init__(
        self,
        text: str,
        path: str,
        language: str,
        doc_type: str,
        size: int | None = None,
        natural_language: str = "en",
        released: bool = False,
    ) -> None:
        self.text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
        self.name = path.rstrip("/").rpartition("/")[2]
        self.language = language
        self.doc_type = doc_type
        if size is None:
            size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        self.size = size
        self.natural_language = natural_language
        self.released = released
        self._method_heads: int | None = None

    @property
    def extension(self) -> str:
        """What follows the last dot of the name, case kept."""
        return self.name.rpartition(".")[2] if "." in self.name else ""

    @shared
    def codes(self) -> Codes:
        """[C] code points of the text."""
        return codes_of(self.text)

    @property
    def characters(self) -> int:
        """Number of characters."""
        return len(self.text)

    @shared
    def survey(self) -> TextSurvey:
        """Characters by class, lines, words and repeated word sequences of the text."""
        return survey_text(self.codes)

    @property
    def visible(self) -> int:
        """Characters that are not whitespace."""
        return self.characters - self.survey.space

    @shared
    def trimmed_lines(self) -> lines.VisibleLines:
        """Visible lines of the text, compared after trimming."""
        return lines.trimmed_lines(self.codes)

    @shared
    def split(self) -> Split:
        """The text without comments, and the comments."""
        return split_comments(self.text, self.language, self.released)

    @shared
    def python(self) -> Outline | None:
        """Outline of a Python file; None when it does not parse."""
        return outline_of(self._text_for_tree())

    @shared
    def javascript(self) -> Script | None:
        """Outline of a JavaScript file; None when it does not parse."""
        return script_of(self._text_for_tree(), self.released)

    def _text_for_tree(self) -> str:
        if self.characters > LARGEST_TREE:
            raise TooLargeError(f"no syntax tree of more than {LARGEST_TREE} characters ({self.characters})")
        return self.text

    @shared
    def visible_text(self) -> str:
        """Text of an HTML file outside tags, comments, scripts and styles, references resolved."""
        text = text_of(self.codes[visible_mask(self.codes) != 0])
        return html.unescape(text) if "&" in text else text

    @property
    def comment_characters(self) -> int:
        """Characters of comments; in Python also of docstrings, and 0 when the file does not parse."""
        if self.language != "python":
            return len(self.split.comments)
        return python_comment_characters(self.split, self.python.docstrings) if self.python else 0

    @property
    def code(self) -> str:
        """The text without comments."""
        return self.split.code

    @property
    def code_codes(self) -> Codes:
        """Code points of the text without comments."""
        return self.split.code_codes

    @shared
    def lower_code(self) -> str:
        """The text without comments, its ASCII letters in lower case."""
        return lowered(self.code)

    @shared
    def code_survey(self) -> CodeSurvey:
        """Lines and strings of the text without comments."""
        return survey_code(self.code_codes)

    @shared
    def function_heads(self) -> int:
        """Function heads of C and C++, told by their shape."""
        return heads.function_heads(self.code_codes)

    def method_heads(self, modifiers: heads.Keys, excluded: heads.Keys, generics: bool) -> int:
        """Method heads as `heads.method_heads` tells them; a file's language gives always the same words."""
        if self._method_heads is None:
            self._method_heads = heads.method_heads(self.code_codes, modifiers, excluded, generics)
        return self._method_heads

    def per_code_line(self, count: float) -> float | None:
        """A count divided by the number of code lines; None when there is no code line."""
        return count / self.code_survey.lines if self.code_survey.lines else None

    def share_of_code(self, count: float) -> float | None:
        """A count of characters divided by those of the text without comments; None when it is blank."""
        return count / len(self.code) if self.code_survey.lines else None
