"""Permits that wait, by the request's hash: in memory, or in a private file that a restart of the agent finds again.

The permit's id is a secret of the agent's process. It is never in a conversation, so it is kept beside the session and not in it.
"""

from __future__ import annotations

import json
import os
import uuid
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import PrivateFolder, lock

MOST_WAITING = 64
_FILE = "waiting_permits.json"
_LOCK = "LOCK"
_LONGEST = 1 << 20
_PATIENCE = 2.0
"""How long to wait for an earlier process of the same agent that is just ending [s]."""


class WaitingPermit(NamedTuple):
    """A request that a person decides.

    Attributes:
        request_id: What people call it.
        permit_id: Secret that uses its permit.
    """

    request_id: str
    permit_id: str


class PermitMemory:
    """Permits that wait, the oldest forgotten beyond 64. Not thread-safe: the guard has a lock.

    Args:
        folder: Private folder that outlives the process, made when missing; one process at a time has it. None keeps
            everything in memory.

    Attributes:
        session: That start of the asker which the permits were given to.

    Raises:
        ConfigurationError: If the folder cannot be used, others may write to it, another process has it, or its file is
            not valid.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.session = uuid.uuid4().hex
        self._waiting: OrderedDict[str, WaitingPermit] = OrderedDict()
        self._folder: PrivateFolder | None = None
        self._lock = -1
        if folder is None:
            return
        try:
            self._folder = PrivateFolder(folder, create=True)
            self._folder.check_private()
            self._lock = lock(self._folder, _LOCK, _PATIENCE)
            self._read()
        except OSError as error:
            self.close()
            raise ConfigurationError(f"the agent's folder '{folder}' cannot be used: {error.strerror}") from error
        except ConfigurationError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def get(self, digest: str) -> WaitingPermit | None:
        """Return the permit of a request; None when none waits."""
        return self._waiting.get(digest)

    def keep(self, digest: str, permit: WaitingPermit) -> None:
        """Remember a permit; in the file before this returns.

        Raises:
            ConfigurationError: If the file cannot be written. The permit is remembered for this process all the same.
        """
        self._waiting[digest] = permit
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
        self._write()

    def forget(self, digest: str) -> None:
        """Forget a permit that is worth nothing any more; raises as `keep`."""
        if self._waiting.pop(digest, None) is not None:
            self._write()

    def _read(self) -> None:
        assert self._folder is not None
        try:
            values = json.loads(self._folder.read(_FILE, _LONGEST))
            self._waiting.update((digest, WaitingPermit(*pair)) for digest, pair in values["waiting"].items())
            self.session = str(values["session"])
        except FileNotFoundError:
            self._write()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"'{self._folder.path / _FILE}' is not what an agent wrote ({error}); valid: remove it; waiting requests are asked again"
            ) from error

    def _write(self) -> None:
        """Replace the file, so that after a crash it holds the old permits or the new ones."""
        folder = self._folder
        if folder is None:
            return
        text = json.dumps({"session": self.session, "waiting": self._waiting})
        temporary = f".{_FILE}.{os.getpid()}"
        try:
            if temporary in folder.names():
                folder.remove(temporary)
            descriptor = folder.create(temporary)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, _FILE, src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)
            folder.sync()
        except OSError as error:
            raise ConfigurationError(
                f"the agent's waiting permits in '{folder.path}' cannot be written: {error.strerror}"
            ) from error
