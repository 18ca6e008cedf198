"""The errors that a user is meant to read: one line that says what, where and what would be right."""

from __future__ import annotations


class OpencoderError(Exception):
    """Work failed for a reason that the message explains; the command line exits with status 1."""


class InputError(OpencoderError):
    """Input, arguments or settings are wrong; the command line exits with status 2."""
