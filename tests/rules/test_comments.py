"""Comments by our scanners against the Pygments lexer of the language, on texts both read the same way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.rules.characters import codes_of
from opencoder_dag.rules.comments import _split_by_lexer, split_comments
from opencoder_dag.rules.scanners import parted

HTML = """<!DOCTYPE html>
<!-- head -- > still -->
<html><body class="a > b" title='<!-- no -->'>
<script type="text/javascript">
// one
var a = "/* no */"; /* two */ var r = /[/*]/;
</script>
<style>p { color: red } /* stays code */</style>
<p>5 &lt; 6 <!-- last --></p>
</body></html>
"""
PERL = """#!/usr/bin/perl
# one
my $count = $#list + 1; # two
my %h = (a => 'x # no', b => "y # no"); $h{s} = q{ # no { nested } };
if ($x =~ m/a#b/ and $y =~ s/#/-/g) { print qw(# a b); } # three
my @half = split /#/, $" . $text;

=head1 NAME

Pod # here

=cut

print <<EOT;
# text
EOT
# four
__END__
# no more
"""
STARLARK = '''"""Doc."""
x = "# no"  # one
def rule(name):
    """Says
    # what."""
    return name + r'\\'# two
'''


@pytest.mark.parametrize(
    ("language", "text"),
    [("html", HTML), ("perl", PERL), ("starlark", STARLARK), ("cython", STARLARK.replace("def", "cpdef"))],
)
def test_scanners_read_a_text_as_the_lexer_does(language: str, text: str):
    ours, theirs = split_comments(text, language), _split_by_lexer(text, language)
    assert ours.comments == theirs.comments
    assert ours.code == theirs.code
    assert ours.comments


MARKS = ["<!--", "-->", "<script>", "</script>", "//", "/*", "*/", "#", "'", '"', "\\", "\n", "<<A\n", "A\n"]
MARKS += [
    "=pod\n",
    "\n=cut",
    "s{",
    "}",
    "q(",
    ")",
    "$",
    "/",
    "m/",
    "x",
    " ",
    '"""',
    "é",
    "\ud800",
    "\x00",
    "<a ",
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(MARKS), max_size=40).map("".join),
    st.sampled_from(["html", "perl", "starlark", "cython", "c", "javascript", "shell", "yaml", "java", "go"]),
)
def test_every_character_is_code_or_comment(text: str, language: str):
    split = split_comments(text, language)
    body = text.strip("\n") + "\n"
    assert sorted(split.code + split.comments) == sorted(body)
    assert len(split.code_codes) == len(split.code)


@given(st.text(max_size=40), st.data())
def test_parting_keeps_order(text: str, data: st.DataObject):
    mask = data.draw(st.lists(st.integers(0, 1), min_size=len(text), max_size=len(text)))
    codes = codes_of(text)
    outside, inside = parted(codes, np.array(mask, np.uint8))
    assert outside.tolist() == [code for code, hidden in zip(codes.tolist(), mask, strict=True) if not hidden]
    assert inside.tolist() == [code for code, hidden in zip(codes.tolist(), mask, strict=True) if hidden]
