"""What pydantic found wrong -> one line for a person."""

from __future__ import annotations

from pydantic import ValidationError


def problems_of(error: ValidationError, root: str) -> str:
    """Return every field that is wrong, why, and what was given; `root` names the whole where no field is to blame."""
    return "; ".join(
        _problem(".".join(map(str, entry["loc"])) or root, entry["msg"], ascii(entry["input"])[:64])
        for entry in error.errors()
    )


def words_of(error: Exception, root: str) -> str:
    """Return what is wrong with a file in words: every field that pydantic refuses, or what another reader said."""
    return problems_of(error, root) if isinstance(error, ValidationError) else str(error)


def _problem(field: str, words: str, given: str) -> str:
    valid = words.removeprefix("Input should be ")
    if valid != words:
        return f"{field} is {given}; valid: {valid}"
    return f"{field}: {words.removeprefix('Value error, ')} (given {given})"
