"""HTML to Markdown, natural language, code heuristic: what each keeps, and that none of them hangs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.web.extract import html_to_markdown, minimal_html_to_markdown
from opencoder_dag.web.heuristic import FEATURES, code_share
from opencoder_dag.web.language import natural_language
from tests.web.synthetic import code, food_page, prose

FRAME = "<html><body><main><h1>Title</h1><p>{prose}</p>{body}<p>{prose}</p></main></body></html>"


def markdown(body: str) -> str:
    return html_to_markdown(FRAME.format(prose=prose(1), body=body))


def test_code_blocks_keep_lines_indentation_and_signs():
    block = "def f(x):\n    if x &lt; 1 &amp;&amp; y:\n\n\n        return `x`\n\tdone"
    shown = block.replace("&lt;", "<").replace("&amp;", "&")
    assert f"```\n{shown}\n```" in markdown(f"<pre><code>{block}</code></pre>")


def test_highlighted_listings_lose_their_line_numbers_only():
    lines = code("a", 1).splitlines()
    numbers = "<br>".join(str(number) for number in range(1, len(lines) + 1))
    spans = "<br>".join(f"<span class='line'>{line}</span>" for line in lines)
    table = f"<table><tr><td><pre>{numbers}</pre></td><td><pre>{spans}</pre></td></tr></table>"
    found = markdown(f"<figure>{table}</figure>")
    assert "\n".join(lines) in found and "\n2\n3\n" not in found
    assert "```\n12\n7\n```" in markdown("<pre>12\n7</pre>"), "other numbers are somebody's data"


def test_fences_inside_code_get_a_longer_fence():
    assert "````\n```\nx\n```\n````" in minimal_html_to_markdown("<pre>```\nx\n```</pre>")


def test_headings_and_entities():
    assert minimal_html_to_markdown("<h2>A &lt;b&gt;</h2>\n\n<p>x &amp;amp; y</p>") == "## A <b>\n\nx &amp; y"


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("<>/preh1li&;\n \t#`12a"), max_size=300))
def test_any_text_comes_out_as_text(text):
    assert isinstance(html_to_markdown(text), str)
    share = code_share(text)
    assert 0 <= share.blocks <= 1 and 0 <= share.lines <= 1
    assert all(0 <= feature < FEATURES for feature in share.features())


@pytest.mark.parametrize(
    "text", ["1" * 50_000 + "x", "1 " * 25_000 + "x", "```\n" * 5_000, "a = " * 5_000, ";  " * 6_000]
)
def test_hostile_text_takes_no_time_out_of_proportion(text):
    start = time.process_time()
    minimal_html_to_markdown(f"<pre>{text}</pre>")
    code_share(text)
    assert time.process_time() - start < 5, "not a speed test: a pattern that backtracks would take hours"


def test_code_share_tells_code_from_prose():
    assert code_share(f"{prose(1)}\n\n```\n{code(1)}\n```").blocks > 0.3
    assert code_share(code(1)).lines > 0.5
    assert code_share(html_to_markdown(food_page("a", 1))).score(0.05, 0.15) < 0.15


def test_natural_language():
    assert natural_language("This is the page that tells you how to use it with the other tools") == "en"
    assert natural_language("这是一个关于编程的页面 def main return value function 我们使用代码") == "zh"
    assert natural_language("これはプログラミングのページです") == "other"
    assert natural_language("Das ist eine Seite über Programme und nicht viel mehr als das") == "other"
    assert natural_language("") == "other"
