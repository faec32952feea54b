"""Files that hold secrets: written once, and read only where no other user can read or replace them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import PrivateFolder, opened

LONGEST = 8192
"""Most bytes that are read of a key file."""


class KeyFileError(ConfigurationError):
    """A key file or a keyring is missing, unsafe or not what it should be."""


def write_new(folder: PrivateFolder, name: str, data: bytes, mode: int) -> None:
    """Write a new file to the disk.

    Raises:
        OSError: If anything has this name already, or it cannot be written.
    """
    descriptor = folder.create(name, mode)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_secret(path: Path) -> bytes:
    """Return the content of a regular file of this user's that no other user can read.

    Raises:
        KeyFileError: If it is missing, a link, pipe or folder, another user's, or open to others.
    """
    try:
        with opened(path.parent) as folder:
            descriptor = folder.open_existing(path.name, os.O_RDONLY)
    except FileNotFoundError as error:
        raise KeyFileError(f"the key file '{path}' is missing") from error
    except OSError as error:
        raise KeyFileError(f"the key file '{path}' cannot be opened: {error.strerror or error}") from error
    try:
        check_owner(descriptor, path, 0o177, "0600 or 0400 (chmod 600)")
        return os.read(descriptor, LONGEST)
    finally:
        os.close(descriptor)


def check_owner(descriptor: int, path: Path, forbidden: int, valid: str) -> None:
    """Raise KeyFileError unless an open file is this user's or root's, and none of the mode bits `forbidden` is set."""
    status = os.fstat(descriptor)
    if status.st_uid not in (os.geteuid(), 0):
        raise KeyFileError(
            f"'{path}' belongs to user {status.st_uid}; valid: user {os.geteuid()}, who reads it, or root"
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & forbidden:
        raise KeyFileError(f"'{path}' has mode {mode:04o}; valid: {valid}")
