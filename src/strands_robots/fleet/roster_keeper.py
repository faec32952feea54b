"""The roster that a member goes by: kept on its disk, replaced only by one of a higher version."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import PrivateFolder, opened
from strands_robots.fleet.refusal import FleetRefusal, FleetRefusedError
from strands_robots.fleet.roster import LARGEST, Roster, parse_roster
from strands_robots.operators.operator_key import OperatorPublicKey

FILE = "roster.json"


class RosterKeeper:
    """Holds the present roster. May be used by several threads.

    Args:
        data: The signed roster to begin with.
        roots: The pinned root keys.
        folder: Where newer ones are written; None keeps them in memory only.
    """

    def __init__(self, data: bytes, roots: Iterable[OperatorPublicKey], folder: Path | None = None) -> None:
        self._roots = tuple(roots)
        self._folder = folder
        self._lock = threading.Lock()
        self.roster = parse_roster(data, self._roots)

    def accept(self, data: bytes) -> Roster:
        """Take a newer roster, write it to the disk and return it.

        Raises:
            FleetRefusedError: If it is not signed, of another fleet, or not newer: an older roster would bring revoked
                members back.
            OSError: If it cannot be written; the old one stays.
        """
        roster = parse_roster(data, self._roots)
        with self._lock:
            if roster.fleet != self.roster.fleet:
                raise FleetRefusedError(
                    FleetRefusal.WRONG_FLEET, f"a roster of '{roster.fleet}'; valid: '{self.roster.fleet}'"
                )
            if roster.version <= self.roster.version:
                raise FleetRefusedError(
                    FleetRefusal.OLD_ROSTER,
                    f"roster version {roster.version}; valid: above {self.roster.version}, which is known already",
                )
            if self._folder is not None:
                write_atomically(self._folder, FILE, data)
            self.roster = roster
        return roster


def load_roster(folder: Path, roots: Iterable[OperatorPublicKey]) -> RosterKeeper:
    """Return the keeper of the roster in a folder.

    Raises:
        ConfigurationError: If there is none, or it is not signed by a root key.
    """
    try:
        with opened(folder) as place:
            data = place.read(FILE, LARGEST + 1)
        return RosterKeeper(data, roots, folder)
    except (OSError, FleetRefusedError) as error:
        raise ConfigurationError(
            f"the roster in '{folder}' cannot be used: {getattr(error, 'strerror', None) or error}"
        ) from error


def write_atomically(folder: Path, name: str, data: bytes, mode: int = 0o600) -> None:
    """Replace a file so that it holds the old content or the new one, never half of it. No link is followed.

    Raises:
        OSError: If it cannot be written.
    """
    temporary = f".{name}.{os.getpid()}.{threading.get_ident()}"
    place = PrivateFolder(folder, create=True)
    try:
        descriptor = place.create(temporary, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, name, src_dir_fd=place.descriptor, dst_dir_fd=place.descriptor)
        except OSError:
            place.remove(temporary)
            raise
        place.sync()
    finally:
        place.close()
