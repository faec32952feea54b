"""The line in which a process says why it ends."""

from __future__ import annotations

import re

_CAUSE = re.compile(r"error: |[A-Za-z_][\w.]*(Error|Exception): ")
"""How the line begins: a refusal, or the end of a traceback."""

LONGEST_CAUSE = 2000
"""A cause is cut after this many characters."""


def cause_in(line: str) -> str:
    """Return the cause that a line of output gives, without its mark; empty where it gives none."""
    return line.removeprefix("error: ")[:LONGEST_CAUSE] if _CAUSE.match(line) else ""
