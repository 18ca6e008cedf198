"""Keys and passwords.

Belongs here: where secrets are written (private-key blocks, tokens with a known form, assignments to names
such as `api_key` and `password`, credentials in URLs) and what a value must look like to be one. Methods
page, section 4.5: known forms, entropy, and guards against hashes and words.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from opencoder_dag.clean.addresses import Span

# --- secrets that show what they are ---

_BEGIN = "-----BEGIN "
_BEGIN_PRIVATE = re.compile(r"-----BEGIN ((?:[A-Z0-9]{1,12} ){0,2}PRIVATE KEY(?: BLOCK)?)-----")
_BLOCK_MAX = 20_000
_BASE64_RUN = re.compile(r"[A-Za-z0-9+/=]{16,}")

# A token starts where a word starts; the look-behind stands after the first letter to keep the scan fast.
_TOKENS = re.compile(
    r"""A(?<![\w-]A)(?: [KSBC](?:IA|CA)[A-Z0-9]{16} | Iza[A-Za-z0-9_-]{35} )(?![A-Za-z0-9])
    | g(?<![\w-]g)(?: h[pousr]_[A-Za-z0-9]{36,}+ | ithub_pat_\w{40,}+ | lpat-[A-Za-z0-9_-]{20,}+ )
    | x(?<![\w-]x)ox[abeoprs]-[A-Za-z0-9-]{20,}+
    | y(?<![\w-]y)a29\.[A-Za-z0-9_-]{20,}+
    | [sr](?<![\w-][sr])k_(?:live|test)_[A-Za-z0-9]{16,}+
    | s(?<![\w-]s)k-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{32,}+
    | S(?<![\w-]S)G\.[A-Za-z0-9_-]{16,64}+\.[A-Za-z0-9_-]{16,}+
    | n(?<![\w-]n)pm_[A-Za-z0-9]{36}
    | p(?<![\w-]p)ypi-AgE[A-Za-z0-9_-]{50,}+
    | h(?<![\w-]h)f_[A-Za-z]{34}(?![A-Za-z0-9])
    | d(?<![\w-]d)op_v1_[a-f0-9]{64}
    | e(?<![\w-]e)yJ[A-Za-z0-9_-]{10,}+\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{10,}+""",
    re.VERBOSE,
)

# --- secrets that are assigned to a name ---

_KEYWORDS = ("pass", "pwd", "secret", "token", "key")
_PASSWORD_NAME = re.compile(r"(?:pass(?:w(?:or)?[dt]|phrase)?|pwd)\d{0,3}(?![A-Za-z0-9_])", re.IGNORECASE)
_KEY_NAME = re.compile(
    r"(?:secret|token|key)(?:[_-]?(?:id|key|token|value|string|hex|base|base64|\d{1,2}))?(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_KEY_QUALIFIER = re.compile(
    r"(?:api|access|secret|private|auth|oauth|encrypt\w{0,3}|encryption|signing|sign|master|app|application|consumer|client|account"
    r"|storage|service|session|hmac|jwt|aes|des|license|admin|deploy|bot|shared|instrumentation|subscription|security|crypto)[_.-]?$",
    re.IGNORECASE,
)
_NO_SECRET_BEFORE = re.compile(
    r"(?:public|pub|csrf|primary|foreign|sort|cache|partition)[_.-]?\w{0,6}$", re.IGNORECASE
)
_ASSIGN = re.compile(
    r"""(?P<close>["'\]]{0,2}\)?)
    (?: [ \t]{0,16}(?::[ \t]{0,4}[\w.\[\]|?]{1,24}[ \t]{0,4}=|=>|:=|={1,3}|!==?|:)[ \t]{0,16}
      | [ \t]{0,4},[ \t]{0,8}(?=["'])
      | [ \t]{1,4}value[ \t]{0,2}=[ \t]{0,2}
      | >
      | [ \t]{1,4}(?=["'])
    )
    (?P<prefix>[bBrRuU@]{0,2})
    (?: "(?P<double>[^"\\\r\n]{4,512})" | '(?P<single>[^'\\\r\n]{4,512})' | `(?P<tick>[^`\\\r\n]{4,512})`
      | (?P<bare>[^\s"'`;:,&=<>(){}\[\]$\\]{4,512}+={0,2}+)(?P<stop>[;,&"'<]|(?=\s)|$) )""",
    re.VERBOSE,
)
# Where values are written without quotation marks.
_BARE = """ini, java properties, yaml, toml, dotenv, shell, text, batchfile, dockerfile, apacheconf, nginx,
    xml, markdown, restructuredtext, makefile, git config, npm config, maven pom, powershell, fish, asciidoc,
    hocon"""
_BARE_LANGUAGES = frozenset(name.strip() for name in _BARE.split(","))
_AUTHORIZATION = re.compile(r"(?i:bearer|basic|token)\s{1,4}([A-Za-z0-9+/=_.~-]{16,2048})(?![\w/+-])")
_URL_LOGIN = re.compile(r"://([^\s/:@\"'`<>(){}]{1,128}):([^\s/@\"'`<>(){}]{1,128})@(?=[\w\[{$%])")

# --- what a value must look like ---

_WORDS = re.compile(
    r"passw(?:or)?[dt]|passphrase|passwort|pwd|secret|token|api|key|your|change|me|my|example|sample|dummy|fake|placeholder|insert|here"
    r"|redacted|todo|none|null|default|test|user(?:name)?|admin|value|string|auth|access|private|public|client|foo|bar|baz|x{3,}|the"
    r"|undefined|required|enter|hidden|root|guest|some|new|old|current|confirm|reset|anonymous",
    re.IGNORECASE,
)
_SEQUENCES = (
    "0123456789",
    "1234567890",
    "abcdefgh",
    "ABCDEFGH",
    "aaaaaaaa",
    "00000000",
    "xxxxxxxx",
    "XXXXXXXX",
    "11111111",
)
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|/|-)[A-Za-z_$][\w$]*)*")
_SEGMENT = re.compile(r"[A-Za-z]+\d{0,2}|\d{1,4}|[A-Z]\d(?:[A-Z]?[a-z]{2,}+)++")
_ALGORITHMS = re.compile(
    r"(?:sha|md|utf|base|aes|rsa|hs|rs|es|pbkdf|bcrypt|scrypt|argon|oauth|x|v|http|ipv|win|h|p)-?\d{1,4}",
    re.IGNORECASE,
)


def secrets(text: str, language: str, may_hold_token: bool = True) -> Iterator[Span]:
    """Spans of keys and passwords; the most telling forms first.

    `may_hold_token` is false when it is known that no token of a known form is in the text (`prefilter.py`).
    """
    if _BEGIN in text:
        yield from _private_keys(text)
    for match in _TOKENS.finditer(text) if may_hold_token else ():
        if not _is_placeholder(match.group()):
            yield *match.span(), "key"
    if "://" in text and "@" in text:
        for match in _URL_LOGIN.finditer(text):
            if _is_login(match[2]):
                yield *match.span(2), "password"
    lowered = text.lower()
    if len(lowered) != len(text):  # one letter in Unicode grows when lowered; positions would be wrong
        lowered = "".join(
            character if len(character.lower()) != 1 else character.lower() for character in text
        )
    if "bearer " in lowered or "authorization" in lowered:
        for match in _AUTHORIZATION.finditer(text):
            if is_high_entropy(match[1]):
                yield *match.span(1), "key"
    yield from _assigned(text, lowered, language in _BARE_LANGUAGES)


def _private_keys(text: str) -> Iterator[Span]:
    for match in _BEGIN_PRIVATE.finditer(text):
        footer = f"-----END {match[1]}-----"
        end = text.find("-----", match.end(), match.end() + _BLOCK_MAX)
        body = text[match.end() : max(end, match.end())]
        encoded = sum(map(len, _BASE64_RUN.findall(body)))
        if encoded >= 64 and encoded > 0.6 * len(body) and text.startswith(footer, end):
            yield match.start(), end + len(footer), "key"


def _assigned(text: str, lowered: str, bare: bool) -> Iterator[Span]:
    for keyword in _KEYWORDS:
        is_password = keyword.startswith("p")
        name = _PASSWORD_NAME if is_password else _KEY_NAME
        position = lowered.find(keyword)
        while position >= 0:
            named = name.match(text, position)
            assigned = _ASSIGN.match(text, named.end()) if named else None
            if named and assigned and _is_named(text, position, named.group().lower()):
                span = _value(text, assigned, is_password, bare, text[position - 1 : position] or " ")
                if span:
                    yield *span, "password" if is_password else "key"
            position = lowered.find(keyword, position + len(keyword))


def _is_named(text: str, position: int, name: str) -> bool:
    """Whether the whole name, of which `name` is the end, makes it the name of a secret."""
    before = text[max(0, position - 24) : position]
    if name == "pass":
        return not before[-1:].isalpha()  # no compass
    if name.startswith("key"):
        return bool(_KEY_QUALIFIER.search(before)) and not _NO_SECRET_BEFORE.search(before)
    return not _NO_SECRET_BEFORE.search(before)


def _value(
    text: str, assigned: re.Match[str], is_password: bool, bare: bool, previous: str
) -> tuple[int, int] | None:
    group = assigned.lastgroup if assigned.lastgroup != "stop" else "bare"
    value = assigned[group or "bare"]
    separator = text[assigned.end("close") : assigned.start("prefix")].strip()
    quoted = assigned["close"].startswith(("'", '"'))
    if separator == "," and not (quoted and assigned["close"][-1] in "'\""):
        return None
    if separator == ">" and text[assigned.end() - 1 : assigned.end()] != "<":
        return None
    if not separator and (group == "bare" or text.endswith("pass", 0, assigned.start())):
        return None
    if group == "bare":
        if is_password:
            # Outside of configuration only inside a connection string: ";Password=value;".
            if not bare and not (
                assigned["stop"] in (";", '"', "'") and previous in ";\"'" and separator == "="
            ):
                return None
            if not is_password_value(value):
                return None
        elif not is_high_entropy(value):
            return None
    elif not (is_password_value(value) if is_password else is_high_entropy(value)):
        return None
    return assigned.span(group or "bare")


def is_password_value(value: str) -> bool:
    """Whether a value assigned to a password is one, and no word, prompt, path, variable or rule.

    Passwords made of letters alone cannot be told from field names and translated labels; they are left.
    """
    if not 4 <= len(value) <= 128 or any(character in " \t<>{}|" for character in value):
        return False
    if value[0] in "$%#/.^" and not re.match(r"\$\d\w?\$", value):
        return False
    if (
        "://" in value
        or "${" in value
        or "%(" in value
        or "..." in value
        or "**" in value
        or "(" in value
        or "[" in value
    ):
        return False
    core = value.strip(":*.!?…,")
    if _ALGORITHMS.fullmatch(core) or _is_placeholder(value):
        return False
    has_digit = any(character.isdigit() for character in core)
    has_letter = any(character.isalpha() for character in core)
    if has_digit:
        return has_letter or len(core) >= 4
    if not has_letter or _IDENTIFIER.fullmatch(core):
        return False
    return (
        any(not character.isalnum() and character not in "_-.: '’" for character in core) and core.isascii()
    )


def _is_login(value: str) -> bool:
    """Whether the second part of `user:value@host` in a URL is a password."""
    if len(value) < 4 or value[0] in "$%#*" or "**" in value or "..." in value:
        return False
    return not _is_placeholder(value) and "pass" not in value.lower()


def is_high_entropy(value: str) -> bool:
    """Whether a value is a random key: 16 characters or more, letters and digits mixed, and no words."""
    if not 16 <= len(value) <= 512 or not re.fullmatch(r"[A-Za-z0-9+/=_.:~!@#%^&*-]+", value):
        return False
    if value[0] in "/.%#" or "://" in value or "..." in value or _is_placeholder(value):
        return False
    if not any(character.isdigit() for character in value) or not any(
        character.isalpha() for character in value
    ):
        return False
    if all(_SEGMENT.fullmatch(segment) for segment in re.split(r"[_.:/=+-]+", value) if segment):
        return False
    return _entropy(value) >= (2.8 if re.fullmatch(r"[0-9a-fA-F-]+", value) else 3.2)


def _is_placeholder(value: str) -> bool:
    if any(sequence in value for sequence in _SEQUENCES) or "EXAMPLE" in value:
        return True
    rest, words = _WORDS.subn("", value)
    return words > 0 and sum(character.isalnum() for character in rest) < 6


def _entropy(value: str) -> float:
    """Shannon entropy in bits a character."""
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())
