"""Backtracks for ever inside one C call."""

import re


def solve(a, b):
    return re.match('(a+)+$', 'a' * 60 + 'b')
