"""A disk that fails when it is told to."""

from __future__ import annotations

import errno
import os

import pytest

from strands_robots.audit.log import segment


class FaultyDisk:
    """Stands between a segment file and the system.

    Attributes:
        space: Bytes that can still be written; None for any number.
        sync_error: errno of every fdatasync; 0 for none.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.space: int | None = None
        self.sync_error = 0
        self._write, self._sync = os.write, os.fdatasync
        monkeypatch.setattr(segment.os, "write", self._limited_write)
        monkeypatch.setattr(segment.os, "fdatasync", self._faulty_sync)

    def _limited_write(self, file: int, data: bytes) -> int:
        if self.space is None:
            return self._write(file, data)
        if self.space <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = self._write(file, data[: self.space])
        self.space -= done
        return done

    def _faulty_sync(self, file: int) -> None:
        if self.sync_error:
            raise OSError(self.sync_error, os.strerror(self.sync_error))
        self._sync(file)
