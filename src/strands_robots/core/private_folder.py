"""Files that cannot be redirected: no links are followed, nothing in the way is overwritten, private means private."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

_CHUNK = 1 << 20


class NotAFileError(OSError):
    """Something that is no regular file lies where a file should be."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(errno.ELOOP, f"'{printable(name)}' is {what}; valid: a regular file")


class PrivateFolder:
    """A folder held by its descriptor, so that a link put in its place later changes nothing.

    Args:
        path: The folder; made with mode 0700 when missing and `create` is set.
        create: Whether to make it.

    Raises:
        OSError: If it cannot be opened, or its last part is a symbolic link.
    """

    def __init__(self, path: Path, create: bool = False) -> None:
        self.path = path
        if create:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the folder."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def is_in_place(self) -> bool:
        """Return whether the path still leads to this folder."""
        try:
            there, here = os.stat(self.path, follow_symlinks=False), os.fstat(self.descriptor)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def check_private(self) -> None:
        """Raise ConfigurationError when others than this user may change the folder."""
        status = os.fstat(self.descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise ConfigurationError(
                f"the folder '{self.path}' belongs to user {status.st_uid}, mode {stat.S_IMODE(status.st_mode):04o}; "
                f"valid: user {os.geteuid()}, not writable by others (chmod 700)"
            )

    def names(self) -> list[str]:
        """Return the sorted names in the folder."""
        return sorted(os.listdir(self.descriptor))

    def create(self, name: str, mode: int = 0o600) -> int:
        """Return a descriptor that appends to a new file.

        Raises:
            OSError: If anything has this name already, a link included.
        """
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, mode, dir_fd=self.descriptor)

    def open_existing(self, name: str, flags: int) -> int:
        """Return a descriptor of a regular file.

        Args:
            name: Name in the folder.
            flags: os.O_RDONLY, os.O_RDWR...; O_NOFOLLOW and O_NONBLOCK are added.

        Raises:
            NotAFileError: If it is a link, folder, pipe or device.
            OSError: If it cannot be opened.
        """
        try:
            descriptor = os.open(
                name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=self.descriptor
            )
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise NotAFileError(name, "a link, pipe or folder") from error
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotAFileError(name, "a pipe, folder or device")
        return descriptor

    def read(self, name: str, limit: int) -> bytes:
        """Return at most `limit` bytes of a regular file; raises as `open_existing`."""
        descriptor = self.open_existing(name, os.O_RDONLY)
        try:
            return os.pread(descriptor, limit, 0)
        finally:
            os.close(descriptor)

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a regular file's bytes in pieces; raises as `open_existing`."""
        descriptor = self.open_existing(name, os.O_RDONLY)
        try:
            while data := os.read(descriptor, _CHUNK):
                yield data
        finally:
            os.close(descriptor)

    def chunks_backwards(self, name: str) -> Iterator[bytes]:
        """Yield a regular file's bytes in pieces, the last piece first; raises as `open_existing`."""
        descriptor = self.open_existing(name, os.O_RDONLY)
        try:
            end = os.fstat(descriptor).st_size
            while end > 0:
                start = max(end - _CHUNK, 0)
                yield os.pread(descriptor, end - start, start)
                end = start
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(name, dir_fd=self.descriptor)

    def sync(self) -> None:
        """Wait until the names in the folder are on the disk."""
        os.fsync(self.descriptor)


def lock(folder: PrivateFolder, name: str, patience: float) -> int:
    """Return a descriptor that keeps other processes from writing until it is closed.

    Args:
        folder: The folder.
        name: Name of the lock file.
        patience: How long to wait for another process that is just ending [s].

    Raises:
        ConfigurationError: If another process holds the lock.
        OSError: If the lock file cannot be made.
    """
    descriptor = folder.open_existing(name, os.O_RDWR | os.O_CREAT)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise ConfigurationError(
                    f"the log in '{folder.path}' is being written by another process; valid: one writer for each folder"
                ) from error
        time.sleep(0.05)


@contextmanager
def opened(path: Path) -> Iterator[PrivateFolder]:
    """Hold a folder for reading."""
    folder = PrivateFolder(path)
    try:
        yield folder
    finally:
        folder.close()
