"""The emergency of a fleet that has lost its authority: a marker on the member's own machine that lets it join another one.

A member's pins and the version of its roster never go back by any message. Where the root key is lost, or an authority was
restored from an old copy, only a person at the machine can help. The marker counts for one `fleet accept`, stops nothing,
resumes nothing and reaches no other machine; what is left of it says for ever that it was used.
"""

from __future__ import annotations

import getpass
import os
import time
import uuid
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import PrivateFolder, opened
from strands_robots.core.text import printable

MARKER = "break_glass.json"
_USED = "break_glass.used."
_LARGEST = 4096


class BreakGlass(BaseModel):
    """What the marker says.

    Attributes:
        reason: Why, in words.
        by: Account of the person.
        at: When, wall clock [s since 1970]; shown, never judged.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    v: Literal[1] = 1
    reason: Annotated[str, Field(min_length=1, max_length=256)]
    by: Annotated[str, Field(max_length=64)]
    at: Annotated[int, Field(ge=0)]


def break_glass(folder: Path, reason: str) -> None:
    """Write the marker, whole or not at all.

    Raises:
        ConfigurationError: If the folder may be changed by others, there is a marker (or anything else of its name, a
            link included), or no reason is given.
    """
    if not reason.strip():
        raise ConfigurationError("the reason is empty; valid: why the fleet's authority cannot be used")
    marker = BreakGlass(reason=printable(reason)[:256], by=printable(_account())[:64], at=int(time.time()))
    temporary = f".{MARKER}.{uuid.uuid4().hex}"
    try:
        with opened(folder) as place:
            place.check_private()
            with os.fdopen(place.create(temporary), "wb") as file:
                file.write(marker.model_dump_json().encode())
                file.flush()
                os.fsync(file.fileno())
            try:
                # A link to the finished file: unlike a rename it never replaces what is there.
                os.link(temporary, MARKER, src_dir_fd=place.descriptor, dst_dir_fd=place.descriptor)
            finally:
                place.remove(temporary)
            place.sync()
    except FileExistsError as error:
        raise ConfigurationError(f"'{folder / MARKER}' exists already; valid: one marker for one accept") from error
    except OSError as error:
        raise ConfigurationError(f"'{folder}' cannot be used: {error.strerror or error}") from error


def find_marker(folder: Path) -> BreakGlass | None:
    """Return the marker; None where there is none.

    Raises:
        ConfigurationError: If something else has its name: a link, or no marker of this user's.
    """
    try:
        with opened(folder) as place:
            if MARKER not in place.names():
                return None
            place.check_private()
            _check_owner(place)
            return BreakGlass.model_validate_json(place.read(MARKER, _LARGEST))
    except (OSError, ValidationError) as error:
        text = getattr(error, "strerror", None) or "no marker"
        raise ConfigurationError(
            f"'{folder / MARKER}' is refused: {text}; valid: a file of `fleet break-glass`"
        ) from error


def use_marker(folder: Path) -> None:
    """Put the marker away: it counts once, and stays to be seen. Raises OSError."""
    with opened(folder) as place:
        used = f"{_USED}{time.time_ns()}.json"
        os.rename(MARKER, used, src_dir_fd=place.descriptor, dst_dir_fd=place.descriptor)
        place.sync()


def used_markers(folder: Path) -> int:
    """Return how often this member's pins were replaced by a marker, for the audit log."""
    with opened(folder) as place:
        return sum(name.startswith(_USED) for name in place.names())


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # A user without a name, as in some containers.
        return f"uid{os.geteuid()}"


def _check_owner(place: PrivateFolder) -> None:
    status = os.stat(MARKER, dir_fd=place.descriptor, follow_symlinks=False)
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise ConfigurationError(
            f"'{place.path / MARKER}' belongs to user {status.st_uid}, or others may use it; valid: user {os.geteuid()}, mode 0600"
        )
