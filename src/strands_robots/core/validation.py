"""What pydantic found wrong -> one line for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


def problems_of(error: ValidationError, root: str) -> str:
    """Return every field that is wrong, why, and what was given; `root` names the whole where no field is to blame."""
    return "; ".join(
        f"{'.'.join(map(str, entry['loc'])) or root}: {entry['msg']} (given {ascii(entry['input'])[:64]})"
        for entry in error.errors()
    )
