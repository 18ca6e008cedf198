"""`clean_text` as a whole: what is replaced, what is not, and that a second call changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.clean import clean_text
from opencoder_dag.clean.addresses import ipv6_addresses
from opencoder_dag.clean.prefilter import TOKEN_PREFIXES, hints
from opencoder_dag.clean.secrets import _TOKENS


def clean(text: str, language: str = "python") -> tuple[str, dict[str, int]]:
    return clean_text(text, language, copyright=True, personal_data=True)


def test_notice_goes_and_the_code_after_it_stays_byte_for_byte() -> None:
    code = "import os\r\n\n\tprint( 'x' )  \n# Copyright 2020 Later Inc.\n"
    text = (
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n# Copyright 2020 Foo Inc.\n# All rights reserved.\n"
        + code
    )
    assert clean(text) == ("#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n" + code, {"copyright": 1})


def test_every_kind_is_replaced_and_counted() -> None:
    text = (
        "mail = 'joe.bloggs@company.com'\nhost = '52.33.44.55'\npassword = 'hunter22'\n"
        "api_key = 'a8f5f167f44f4964e6c998dee827110c'\n"
    )
    cleaned, counts = clean(text)
    assert cleaned == "mail = '<EMAIL>'\nhost = '<IP>'\npassword = '<PASSWORD>'\napi_key = '<KEY>'\n"
    assert counts == {"email": 1, "ip": 1, "password": 1, "key": 1}


def test_switches() -> None:
    text = "# Copyright 2020 Foo Inc.\nmail = 'joe.bloggs@company.com'\n"
    assert clean_text(text, "python", copyright=False, personal_data=False) == (text, {})
    assert clean_text(text, "python", copyright=True, personal_data=False)[1] == {"copyright": 1}
    assert clean_text(text, "python", copyright=False, personal_data=True)[1] == {"email": 1}


PIECES = st.sampled_from(
    [
        *(
            "# ",
            "// ",
            "/*",
            "*/",
            "\n",
            " ",
            '"""',
            "'",
            '"',
            ".",
            ":",
            "@",
            "://",
            " = ",
            "word",
            "import os",
        ),
        *(
            "Copyright 2020 Foo Inc.",
            "(c) 2020 Joe",
            "Licensed under the MIT license",
            "joe@mail.com",
            "a:b1c2@",
        ),
        *("52.33.44.55", "2a03:2880:f12f:83:face:b00c:0:25de", "password", "hunter22", "api_key", "Bearer "),
        "a8f5f167f44f4964e6c998dee827110c",
    ]
)


@settings(deadline=None)  # the first call compiles
@given(
    st.lists(PIECES, max_size=25).map("".join),
    st.sampled_from(["python", "c", "html", "ini", "no such language"]),
)
def test_idempotent(text: str, language: str) -> None:
    once, _ = clean(text, language)
    assert clean(once, language) == (once, {})


@settings(deadline=None)  # the first call compiles
@given(st.text(), st.sampled_from(["python", "c", "text"]))
def test_any_text_is_accepted(text: str, language: str) -> None:
    once, _ = clean(text, language)
    assert clean(once, language) == (once, {})


@settings(deadline=None)  # the first call compiles
@given(st.lists(PIECES, max_size=12).map("".join), st.sampled_from(TOKEN_PREFIXES), st.text(max_size=3))
def test_what_the_prefilter_rules_out_is_not_there(text: str, prefix: str, between: str) -> None:
    text = f"{text}{between}{prefix}{'aB3dE5gH7jK9' * 3} {text}"
    may_hold = hints(text)
    assert may_hold.token or not list(_TOKENS.finditer(text))
    assert may_hold.ipv6 or not list(ipv6_addresses(text))
    assert not hints("word " * 10).token and hints("x = '" + prefix).token


@pytest.mark.parametrize(
    "text",
    [
        "\0" * 1000,
        "joe@mail.com\0" * 10,
        "\u202ejoe@mail.com\u202c",
        "\ud800 joe@mail.com",
        "# \ud800 (c) 2020 Foo",
        "\ufeff",
    ],
)
def test_odd_characters(text: str) -> None:
    once, counts = clean(text)
    assert counts.get("email", 0) == text.count("@")
    assert clean(once) == (once, {})


@pytest.mark.parametrize(
    "unit", ["@", "a@b.", ":", "1.", "sk-", "apikey='", "://a:b", "-----BEGIN PRIVATE KEY-----", "/* "]
)
def test_long_lines_are_judged_in_linear_work(unit: str) -> None:
    text = unit * (400_000 // len(unit))
    clean(text, "javascript")
