"""The map's figures, lookups, and the families that content tells apart."""

from __future__ import annotations

from collections import Counter

import pytest

from opencoder_dag.sources.families import HEAD, decide, families, without_c_comments
from opencoder_dag.sources.languages import Language, extension_of, language_map, language_of, may_be_known

# Extension, an excerpt as its language is really written, and the language.
SAMPLES = [
    ("m", "#import <Foundation/Foundation.h>\n@interface Cat : NSObject\n@end\n", "objective-c"),
    ("m", "#include <stdio.h>\nint main(void) { return 0; }\n", "objective-c"),
    ("m", "function y = square(x)\n% SQUARE of x\ny = x .^ 2;\nend\n", "matlab"),
    ("m", "A = [1 2; 3 4];\ndisp(A);\n", "matlab"),
    ("m", ":- module hello.\n:- interface.\n:- import_module io.\n", "mercury"),
    ("m", "(* ::Package:: *)\nBeginPackage[\"Own`\"]\nf[x_] := x^2\n", "mathematica"),
    ("m", 'implement Hello;\ninclude "sys.m";\nsys: Sys;\n', "limbo"),
    ("sol", "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.0;\ncontract A {}\n", "solidity"),
    ("sol", "G04 layer*\n%FSLAX25Y25*%\nX100Y200D01*\n", "gerber image"),
    ("gd", "extends Node2D\n\nfunc _ready():\n\tpass\n", "gdscript"),
    ("gd", 'DeclareOperation( "Rank", [ IsGroup ] );\n', "gap"),
    ("v", "`timescale 1ns/1ps\nmodule adder(input a, output b);\nassign b = a;\nendmodule\n", "verilog"),
    ("v", "Require Import List.\nLemma app_nil : forall l, l ++ nil = l.\nProof.\n", "coq"),
    ("v", "module main\n\nfn main() {\n\tprintln('hi')\n}\n", "v"),
    ("q", "SELECT a FROM t WHERE b = 1;\n", "hiveql"),
    ("q", "/ a comment\nf:{[x;y] x+y}\n", "q"),
    ("t", "use strict;\nuse Test::More tests => 1;\nok(1);\n", "perl"),
    ("t", "<% if (user) { %>\n<b><%= user.name %></b>\n<% } %>\n", "ejs"),
    ("t", "use v6;\nuse Test;\nplan 1;\n", "raku"),
    ("t", 'var x : int := 1\nput "x is ", x\n', "turing"),
    ("t", "local C = terralib.includec('stdio.h')\nterra add(a : int)\nend\n", "terra"),
    ("cls", "\\NeedsTeXFormat{LaTeX2e}\n\\ProvidesClass{own}\n", "tex"),
    ("cls", "VERSION 1.0 CLASS\nBEGIN\n  MultiUse = -1\n  Persistable = 0\nEND\n", "visual basic 6.0"),
    ("cls", 'VERSION 1.0 CLASS\nAttribute VB_Name = "Own"\nOption Explicit\n', "vba"),
    ("cls", "Class Own.Person Extends %Persistent\n{\nProperty Name As %String;\n}\n", "objectscript"),
    ("cls", "public with sharing class Own {\n    public static void run() {}\n}\n", "apex"),
    ("s", "\t.text\n\t.globl main\nmain:\n\tpushq %rbp\n", "unix assembly"),
    ("s", "start:\tmove.l d0,a1\n\tmoveq.l #1,d2\n", "motorola 68k assembly"),
    ("h", "#ifndef A_H\n#define A_H\nint f(int class_count);\n#endif\n", "c"),
    ("h", "/*\nclass of things; std::string is not used here\n*/\nint f(void);\n", "c"),
    ("h", "#pragma once\nnamespace own {\ntemplate <class T> T f(T);\n}\n", "cpp"),
    ("h", "#import <UIKit/UIKit.h>\n@interface A : NSObject\n@end\n", "objective-c"),
    ("inc", "<?php\nfunction f() { return 1; }\n", "php"),
    ("inc", "#define MAX 3\nstatic int table[MAX];\n", "c"),
    ("inc", "procedure Own(x: integer);\nbegin\nend;\n", "pascal"),
    ("inc", 'SUMMARY = "a tool"\ninherit autotools\n', "bitbake"),
    ("inc", "loop:\n  mov ax, 1\n  jmp loop\n", "assembly"),
    ("inc", "# if this is set\nif [ -n x ]; then\n  y\nfi\n", "shell"),
    ("inc", "CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n", "sql"),
    ("cfg", "[metadata]\nname = own\n", "ini"),
    ("cfg", "global\n  daemon\nfrontend web\n  bind *:80\n", "haproxy"),
    ("cfg", "import lit.formats\nimport os\nconfig.name = 'x'\n", "python"),
    ("cfg", "# if needed\nkey = 1\n", "ini"),
    ("cfg", "#define A 1\nint a = A;\n", "c"),
    ("conf", '<?xml version="1.0"?>\n<fontconfig>\n  <alias>\n', "xml"),
    ("conf", "server {\n    listen 80;\n    location / {\n    }\n}\n", "nginx"),
    ("conf", "<VirtualHost *:80>\nServerName example.org\n</VirtualHost>\n", "apacheconf"),
    ("conf", "[Unit]\nDescription=Own\n", "ini"),
    ("conf", "akka {\n  loglevel = INFO\n}\n", "hocon"),
    ("R", "f <- function(x) {\n  x + 1\n}\n", "r"),
    ("R", 'REBOL [title: "own"]\nprint "hi"\n', "rebol"),
]  # fmt: skip


def test_the_map_has_the_published_figures() -> None:
    tables = language_map()
    assert len(tables.by_extension) == 1347
    assert len(tables.by_file_name) == 369
    assert len(tables.by_name) == 731
    assert len({language.name for language in tables.by_extension.values()}) == 606
    assert len({language.name for language in tables.by_file_name.values()}) == 95
    reachable = {*tables.by_extension.values(), *tables.by_file_name.values()}
    types = Counter(language.doc_type for language in reachable)
    assert types == {"code": 469, "data": 119, "text": 22, "excluded": 34}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/own/a.py", Language("python", "code")),
        ("Makefile", Language("makefile", "code")),
        ("deep/down/CMakeLists.txt", Language("cmake", "code")),  # the name before the extension
        ("requirements.txt", Language("text", "text")),
        ("a.C", Language("cpp", "code")),
        ("a.c", Language("c", "code")),
        ("page.html.hl", Language("html", "code")),  # an extension of two parts
        ("style.css", Language("css", "data")),
        ("notes.md", Language("markdown", "text")),
        ("table.csv", Language("csv", "excluded")),
        ("a.m", Language("limbo", "code")),  # without content the published answer, right or wrong
        ("makefile.PY", None),  # case matters
        ("a.unheardof", None),
        ("README", None),
        (".py", None),  # a hidden file, not an extension
        ("folder.py/noextension", None),
        ("", None),
    ],
)
def test_lookup(path: str, expected: Language | None) -> None:
    assert language_of(path) == expected


@pytest.mark.parametrize(("extension", "content", "expected"), SAMPLES)
def test_content_tells_families_apart(extension: str, content: str, expected: str) -> None:
    language = language_of(f"some/file.{extension}", content)
    assert language is not None
    assert language.name == expected


def test_every_family_and_member_is_sampled_or_the_map_knows_it() -> None:
    assert set(families()) == {"m", "sol", "gd", "v", "q", "t", "cls", "s", "h", "inc", "cfg", "conf", "R"}
    known = language_map().by_name
    assert all(member.language in known for members in families().values() for member in members)


@pytest.mark.parametrize("extension", sorted(families()))
def test_where_content_says_nothing_the_map_stands(extension: str) -> None:
    path = f"file.{extension}"
    assert language_of(path, "\n \n") == language_of(path)
    assert may_be_known(path)


def test_an_exact_name_is_not_questioned() -> None:
    assert language_of("haproxy.cfg", "[section]\nkey = 1\n") == Language("haproxy", "data")


@pytest.mark.parametrize("extension", sorted(families()))
@pytest.mark.parametrize(
    "hostile",
    ["/*" * HEAD, "//\n" * HEAD, " " * HEAD, "\t\n" * HEAD, "a" * HEAD, "X1" + "1" * HEAD, "[" * HEAD,
     "(" * HEAD, "a.b=" * HEAD, "a[" * HEAD, "{ " * HEAD, ";" + " " * HEAD + "x", "class a" + "." * HEAD, "::"
     * HEAD],
)  # fmt: skip
def test_hostile_content_is_decided_in_few_steps(extension: str, hostile: str) -> None:
    # A pattern that backtracks over a line would take minutes here and run into the suite's time limit.
    for _ in range(3):
        decide(extension, hostile)


def test_comments_are_cut_out() -> None:
    assert without_c_comments("a /* b */ c // d\ne /* f") == "a  c \ne "
    assert without_c_comments("no comment") == "no comment"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.tar.gz", "gz"),
        ("x.rs.in", "rs.in"),
        ("x.py.in", "in"),
        ("..", ""),
        ("...x", ""),
        (".a.b", "b"),
        ("a.", ""),
    ],
)
def test_extension(path: str, expected: str) -> None:
    assert extension_of(path) == expected
