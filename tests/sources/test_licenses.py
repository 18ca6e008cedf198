"""Licences by their own words."""

from __future__ import annotations

import pytest

from opencoder_dag.sources.licenses import license_file, named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Apache License\n   Version 2.0, January 2004\n", "Apache-2.0"),
        ("Permission is hereby granted, free of charge, to any person\nobtaining a copy of this", "MIT"),
        ("Redistribution and use in source and binary forms, with or without", "BSD-2-Clause"),
        (
            "Redistribution and use in source and binary forms ... Neither the name may be used to endorse\n"
            " * or promote products derived from this software",
            "BSD-3-Clause",
        ),
        ("GNU GENERAL PUBLIC LICENSE\n    Version 3, 29 June 2007", "GPL-3.0"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n  Version 2.1, February 1999", "LGPL-2.1"),
        ("Permission to use, copy, modify, and/or distribute this software for any purpose", "ISC"),
        ("// SPDX-License-Identifier: MIT OR Apache-2.0\n", "MIT OR Apache-2.0"),
        ("All rights reserved.", None),
        ("", None),
        ("\0" * 100_000, None),
    ],
)
def test_names(text: str, expected: str | None) -> None:
    assert named(text) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["setup.py", "LICENSE.txt", "README.md"], "LICENSE.txt"),
        (["Licence", "a.py"], "Licence"),
        (["COPYING"], "COPYING"),
        (["UNLICENSE"], "UNLICENSE"),
        (["license.py", "licenses", "licensing.md"], None),
        ([], None),
    ],
)
def test_files(names: list[str], expected: str | None) -> None:
    assert license_file(names) == expected
