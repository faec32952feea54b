"""POSIX extended regular expressions of callers, as Python reads them. No I/O.

Source: POSIX.1-2024, 9.3.5, "RE Bracket Expression".
"""

from __future__ import annotations

import re

from strands_robots.core.errors import ConfigurationError

MAX_PATTERN = 128
_QUANTIFIERS = "*+?{"
_CLASSES = {
    "alnum": "A-Za-z0-9", "alpha": "A-Za-z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9", "graph": "!-~",
    "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": "\\s", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_CLASS = re.compile(r"\[:(\w*):\]")


def posix_pattern(text: str) -> re.Pattern[str]:
    """Return a pattern that takes time in proportion to its length and the names'.

    Raises:
        ConfigurationError: If it is no regular expression, or could take longer.
    """
    if len(text) > MAX_PATTERN or sum(text.count(sign) for sign in _QUANTIFIERS) > 3 or re.search(r"\)[*+?{]", text):
        raise ConfigurationError("the filter is too costly; valid: at most 3 of * + ? {, none after a group")
    try:
        return re.compile(_with_classes(text))
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigurationError(f"the filter is no regular expression: {error}") from error


def _with_classes(text: str) -> str:
    """Return the text with bracket expressions as Python reads them: classes as ranges, "]" first and "\\" as themselves."""
    made, at = [], 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            made.append(text[at : at + 2])
            at += 2
        elif text[at] == "[":
            bracket, at = _bracket(text, at)
            made.append(bracket)
        else:
            made.append(text[at])
            at += 1
    return "".join(made)


def _bracket(text: str, at: int) -> tuple[str, int]:
    """Return the bracket expression that begins here, and where it ends."""
    made = ["["]
    at += 1
    if text[at : at + 1] == "^":
        made.append("^")
        at += 1
    first = at
    while at < len(text) and (text[at] != "]" or at == first):
        named = _CLASS.match(text, at)
        if named:
            if named[1] not in _CLASSES:
                raise ConfigurationError(f"[:{named[1]}:] given; valid: {', '.join(sorted(_CLASSES))}")
            made.append(_CLASSES[named[1]])
            at = named.end()
        elif text[at : at + 2] in ("[.", "[="):
            raise ConfigurationError("the filter has a collating symbol; valid: characters, ranges and classes")
        else:
            made.append("\\" + text[at] if text[at] in "]\\[&~|" else text[at])
            at += 1
    if at >= len(text):
        raise ConfigurationError("the filter is no regular expression: a bracket has no end")
    return "".join([*made, "]"]), at + 1
