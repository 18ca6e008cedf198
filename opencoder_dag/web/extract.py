"""HTML to Markdown: the main text of a page, with its code blocks as they were written.

resiliparse finds the main content and reduces the page to minimal HTML; from that to Markdown is one pass.
The other extractor, trafilatura, runs in a process of its own (`contained.py`).
"""

from __future__ import annotations

import html
import re

import numpy as np
import numpy.typing as npt
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
DEEPEST = 2000  # nested elements; browsers stop at 512
MOST_STEPS = 100_000_000  # depth times tags
SHORT_TEXT = 200  # characters of main content below which the whole page is taken instead

PRE = re.compile(r"<pre>(.*?)</pre>", re.DOTALL)
HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.DOTALL)
LIST_ITEM = re.compile(r"^([ \t]*)<li>", re.MULTILINE)
TAG = re.compile(r"</?(?:p|ul|ol|li|br|h[1-6]|pre)\b[^>]*>")
LIST_LINE = re.compile(r"^[ \t]*</?[uo]l>[ \t]*\n?", re.MULTILINE)
NESTING = re.compile(  # not the tags that end by themselves, which stand unclosed in sound pages
    r"<(/?)(?!(?:area|base|br|col|dd|dt|embed|hr|img|input|li|link|meta|option|p|param|source|t[dhr]|track|wbr)\b)[a-z]",
    re.IGNORECASE,
)
LINE_NUMBERS = re.compile(r"\s*\d{1,6}(?:\s+\d{1,6})*\s*")
BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")


def decode(raw: bytes, declared: str | None = None) -> str:
    """Bytes of a page as text. Declarations lie, so valid UTF-8 is UTF-8, then the declared charset if the
    bytes are valid in it, then what the bytes look like. Never fails: damage becomes U+FFFD.
    """
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if raw.startswith(mark):
            return raw.decode(encoding, "replace")
    for charset in ("utf-8", declared):
        if charset:
            try:
                return raw.decode(charset)
            except (LookupError, ValueError):
                continue
    return bytes_to_str(raw, detect_encoding(raw) or "utf-8")


def html_to_markdown(page: str) -> str:
    """Main text of a page as Markdown; code blocks are fenced, with line breaks and indentation kept.

    Raises ValueError for a page that is nested too deeply.
    """
    if nested_too_deeply(page):
        raise ValueError("elements are nested too deeply")
    text = minimal_html_to_markdown(_minimal_html(page, main_content=True))
    if len(text) < SHORT_TEXT:  # the guess at the main content may have missed it
        whole = minimal_html_to_markdown(_minimal_html(page, main_content=False))
        return whole if len(whole) > 2 * len(text) else text
    return text


def nested_too_deeply(page: str) -> bool:
    """Whether extraction would take time or memory out of proportion: the search for the main content looks
    from every element up to the root, and list items are indented by their depth.

    This is asked of every page, so first come upper bounds: by a count of the signs, then by their order; the
    names are rarely looked at.
    """
    signs = np.frombuffer(page.encode("utf-8", "replace"), np.uint8)
    if np.count_nonzero(signs == ord("<")) <= DEEPEST or not _is_deep(_tag_steps(signs)):
        return False
    return _is_deep(np.array([-1 if match[1] else 1 for match in NESTING.finditer(page)], np.int64))


def _tag_steps(signs: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """+1 for every opening tag of any name, -1 for every closing one, in their order."""
    after = signs[np.flatnonzero(signs[:-1] == ord("<")) + 1]
    closing = after == ord("/")
    opening = (after | 0x20) - ord("a") < 26  # unsigned: signs before "a" wrap round to large numbers
    return opening.astype(np.int64) - closing


def _is_deep(steps: npt.NDArray[np.int64]) -> bool:
    if not len(steps):
        return False
    level = np.cumsum(steps)
    # A closing tag too many does not make what follows less deep.
    depth = int((level - np.minimum(np.minimum.accumulate(level), 0)).max())
    return depth > DEEPEST or depth * len(steps) > MOST_STEPS


def _minimal_html(page: str, main_content: bool) -> str:
    return str(extract_plain_text(page, preserve_formatting="minimal_html", main_content=main_content))


def minimal_html_to_markdown(reduced: str) -> str:
    """Markdown of the reduced HTML: headings, list items and fenced code are marked, all else is text."""
    pieces = PRE.split(reduced)
    for index, piece in enumerate(pieces):
        pieces[index] = _fenced(piece) if index % 2 else _prose(piece)
    return "\n\n".join(piece for piece in pieces if piece)


def _prose(reduced: str) -> str:
    text = reduced
    if "<h" in text:
        text = HEADING.sub(_heading, text)
    if "<li>" in text:
        text = LIST_LINE.sub("", LIST_ITEM.sub(r"\1- ", text))
    text = TAG.sub("", text)
    if "&" in text:
        text = html.unescape(text)
    return BLANK_LINES.sub("\n\n", text.replace("\xa0", " ")).strip()


def _heading(match: re.Match[str]) -> str:
    return f"{'#' * int(match[1])} {' '.join(match[2].split())}"


def _fenced(block: str) -> str:
    code = html.unescape(TAG.sub("", block.replace("<br>\n", "\n").replace("<br>", "\n")))
    code = code.replace("\xa0", " ").strip("\n").rstrip()
    if not code.strip() or _is_gutter(code):
        return ""
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}\n{code}\n{fence}"


def _is_gutter(code: str) -> bool:
    """Whether a block holds the line numbers beside a listing: counting up by one, on lines of their own."""
    if not LINE_NUMBERS.fullmatch(code):
        return False
    numbers = [int(number) for number in code.split()]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] in (0, 1)
