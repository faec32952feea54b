"""Storage of the log: segments, rotation, syncing. One thread; raises OSError, and stays consistent when it does."""

from __future__ import annotations

import enum
import errno
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from strands_robots.audit.log.checkpoint import Checkpoint, make_checkpoint
from strands_robots.audit.event import LOG_SOURCE, AuditClock, Event
from strands_robots.core.private_folder import PrivateFolder, lock
from strands_robots.audit.json_values import JsonObject
from strands_robots.audit.audit_key import LogKeys
from strands_robots.audit.log.layout import LOCK_FILE, segment_name
from strands_robots.audit.log.record import Head, seal
from strands_robots.audit.log.recovery import find_end
from strands_robots.audit.log.retention import plan_pruning
from strands_robots.audit.log.segment import HeadFile, PartialWriteError, SegmentFile, Torn


class SyncPolicy(enum.Enum):
    """When records are synced to the disk."""

    BY_CLASS = "by_class"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class StoreConfig:
    """Options of the storage.

    Attributes:
        segment_bytes: A segment of this size is followed by the next [bytes].
        segment_age: A segment of this age is followed by the next [s].
        checkpoint_records: Records between two checkpoints, at most.
        checkpoint_period: Time between two checkpoints when records were added, at most [s].
        keep_bytes: The oldest segments are removed while all together are larger than this [bytes]; 0 keeps all.
        sync: When records are synced.
        lock_patience: How long to wait for another writer of the folder that is just ending [s].
    """

    segment_bytes: int = 16 << 20
    segment_age: float = 86400.0
    checkpoint_records: int = 1000
    checkpoint_period: float = 10.0
    keep_bytes: int = 0
    sync: SyncPolicy = SyncPolicy.BY_CLASS
    lock_patience: float = 2.0


class WriteError(OSError):
    """Writing failed.

    Attributes:
        written: How many events of the batch are in the log all the same.
        reason: What the system said.
    """

    def __init__(self, written: int, cause: OSError) -> None:
        super().__init__(cause.errno, cause.strerror or str(cause))
        self.written = written
        self.reason = f"{errno.errorcode.get(cause.errno or 0, 'error')}: {cause.strerror or cause}"


class AuditStore:
    """Writes events to a log. After a WriteError the segment is closed, and `open` continues in a new one.

    The new segment names what was wrong.

    Args:
        path: Folder of the log; made when missing.
        keys: Keys of the log.
        config: Options.
        clock: Clocks.

    Attributes:
        log: Identity of the log; empty before the first `open`.
        head: Where the chain stands.
        synced_index: Every record below is on the disk.
        checkpoint: Newest checkpoint; None before the first.
        head_problem: Why HEAD could not be written; empty when it could.
        unsynced: First and last index of the records whose sync failed last; None when none did.
    """

    def __init__(self, path: Path, keys: LogKeys, config: StoreConfig, clock: AuditClock | None = None) -> None:
        self.path = path
        self.config = config
        self.log = ""
        self.head = Head()
        self.synced_index = 0
        self.checkpoint: Checkpoint | None = None
        self.head_problem = ""
        self.unsynced: tuple[int, int] | None = None
        self._keys = keys
        self._clock = clock if clock is not None else AuditClock()
        self._session = secrets.token_hex(16)
        self._own_sequence = 0
        self._folder: PrivateFolder | None = None
        self._lock = -1
        self._head_file: HeadFile | None = None
        self._segment: SegmentFile | None = None
        self._number = -1
        self._began_us = 0
        self._checkpoint_us = 0
        self._checkpoint_index = 0
        self._torn: list[Torn] = []

    @property
    def is_open(self) -> bool:
        """True while a segment can be written."""
        return self._segment is not None

    def open(self) -> None:
        """Begin a new segment: the first of a new log, or after the end of the one that is there.

        Raises:
            ConfigurationError: If another process writes the log, it was written with other keys, or others may
                write the folder.
            OSError: If the folder or the segment cannot be made.
        """
        self._close_segment()
        if self._folder is not None and not self._folder.is_in_place():
            self._leave_folder()
        if self._folder is None:
            self._enter_folder()
        if self.log:
            recovered: JsonObject = {"torn": [torn.as_json() for torn in self._torn]} if self._torn else {}
            self._begin_segment("error", recovered)
            return
        end = find_end(self._folder_in_use, self._keys)
        log = end.log or secrets.token_hex(16)
        self.head, self._number = end.head, end.segment
        self.synced_index = self._checkpoint_index = end.head.next_index
        self.log = log
        try:
            self._begin_segment("open", end.recovered)
        except OSError:
            self.log = ""
            raise

    def write(self, events: Sequence[Event], sync: bool = False) -> int:
        """Append events; those of the log itself (source `audit`) get its session and next number.

        Args:
            events: Events in order.
            sync: Whether all of them must be on the disk afterwards, besides those that always must.

        Returns:
            Index of the first of them.

        Raises:
            WriteError: If that failed; the segment is closed.
        """
        if self._segment_in_use.size >= self.config.segment_bytes:
            self._rotate("size")
        first = self.head.next_index
        self._append(events)
        if self.config.sync is SyncPolicy.ALWAYS or sync or any(event.is_durable for event in events):
            self._sync(len(events))
        if self.head.next_index - self._checkpoint_index >= self.config.checkpoint_records:
            self._write_checkpoint(len(events))
        self._write_head()
        return first

    def tick(self) -> None:
        """Do what is due by time: sync what was written, checkpoint, rotation by age, removal of the oldest segments.

        Raises:
            WriteError: If that failed; the segment is closed.
        """
        now = self._clock.monotonic_us()
        self._guard(self._check_place)
        if now - self._began_us >= self.config.segment_age * 1e6:
            self._rotate("age")
        elif self._has_unsigned and now - self._checkpoint_us >= self.config.checkpoint_period * 1e6:
            self._write_checkpoint(0)
        if self.synced_index < self.head.next_index:
            self._sync(0)
        self._write_head()

    def close(self) -> None:
        """End the log in order, so that a reader can tell it from a killed one; raises WriteError when that fails."""
        try:
            if self.is_open:
                self._write_checkpoint(0)
                self._append([self._own("log_end", {})])
                self._sync(0)
                self._write_head()
        finally:
            self._close_segment()
            self._leave_folder()

    # --- The segment ----------------------------------------------------------------------------------------

    @property
    def _segment_in_use(self) -> SegmentFile:
        if self._segment is None:
            raise WriteError(0, OSError(errno.EBADF, "the log is not open"))
        return self._segment

    def _begin_segment(self, reason: str, recovered: JsonObject) -> None:
        folder = self._folder_in_use
        number = self._number + 1
        try:
            self._segment = SegmentFile(folder, number)
        except FileExistsError:
            # Never overwrite what lies there: name it and take the next number at the next attempt.
            self._torn.append(Torn(number, 0))
            self._number = number
            raise
        details: JsonObject = {
            "log": self.log,
            "segment": number,
            "reason": reason,
            "key": self._keys.signing.public.name,
            "mac_key": self._keys.mac.name,
        }
        if recovered:
            details["recovered"] = recovered
        self._number = number
        self._began_us = self._checkpoint_us = self._clock.monotonic_us()
        before = self.head.next_index
        try:
            self._append([self._own("segment_start", details)])
        except WriteError:
            if self.head.next_index == before:
                self._take_back(folder, number)
            raise
        self._torn = []
        self._sync(0)
        self._guard(folder.sync)
        self._write_head()

    def _take_back(self, folder: PrivateFolder, number: int) -> None:
        """Remove a segment that has no record, so that a full disk does not fill with empty files."""
        try:
            folder.remove(segment_name(number))
        except OSError:
            return  # It stays, named by `recovered` of the next segment.
        self._number = number - 1
        self._torn = [torn for torn in self._torn if torn.segment != number]

    @property
    def _has_unsigned(self) -> bool:
        return self.head.next_index > self._checkpoint_index

    def _rotate(self, reason: str) -> None:
        if self._has_unsigned:
            self._write_checkpoint(0)
        self._guard(self._prune)
        self._sync(0)
        self._write_head()
        self._close_segment()
        self._guard(lambda: self._begin_segment(reason, {}))

    def _own(self, kind: str, details: JsonObject) -> Event:
        return Event(kind, LOG_SOURCE, "", 0, self._clock.wall_us(), self._clock.monotonic_us(), details=details)

    def _append(self, events: Sequence[Event]) -> None:
        """Write the lines of events; what is complete in the file counts, whatever happens to the rest."""
        segment = self._segment_in_use
        lines: list[bytes] = []
        states = [(self.head, self._own_sequence)]
        now = self._clock.wall_us()
        for event in events:
            head, own = states[-1]
            if event.source == LOG_SOURCE:
                own += 1
                event = replace(event, session=self._session, sequence=own)
            line, head = seal(event, head, now, self._keys.mac)
            lines.append(line + b"\n")
            states.append((head, own))
        try:
            segment.append(lines)
        except PartialWriteError as error:
            self.head, self._own_sequence = states[error.complete]
            if segment.torn is not None:
                self._torn.append(segment.torn)
            elif segment.size == 0:
                self._torn.append(Torn(segment.number, 0))
            self._close_segment()
            raise WriteError(error.complete, error) from error
        self.head, self._own_sequence = states[-1]

    def _sync(self, written: int) -> None:
        """Sync the segment; `written` events of the present batch are in it."""
        if self.config.sync is SyncPolicy.NEVER:
            return
        try:
            self._segment_in_use.sync()
        except OSError as error:
            self.unsynced = (self.synced_index, self.head.next_index - 1)
            self._close_segment()
            raise WriteError(written, error) from error
        self.synced_index = self.head.next_index

    def _write_checkpoint(self, written: int) -> None:
        checkpoint = self._make_checkpoint()
        try:
            self._append([self._own("checkpoint", checkpoint.as_json())])
        except WriteError as error:
            error.written = written
            raise
        self._checkpoint_us = self._clock.monotonic_us()
        self._checkpoint_index = self.head.next_index

    def _make_checkpoint(self) -> Checkpoint:
        return make_checkpoint(self.log, self.head, self._number, self._clock.wall_us(), self._keys)

    def _write_head(self) -> None:
        """Replace HEAD. Records do not depend on it: a failure is kept in `head_problem`, and tried again."""
        if not self.head_problem and self.checkpoint is not None and self.checkpoint.head == self.head:
            return
        try:
            if self._head_file is None:
                self._head_file = HeadFile(self._folder_in_use)
            checkpoint = self._make_checkpoint()
            self._head_file.write(checkpoint)
        except OSError as error:
            self.head_problem = f"HEAD cannot be written: {error.strerror or error}"
            self._close_head()
            return
        self.head_problem = ""
        self.checkpoint = checkpoint

    def _guard(self, action: Callable[[], None]) -> None:
        """Do something to the folder; when the system refuses, close the segment."""
        try:
            action()
        except WriteError:
            raise
        except OSError as error:
            self._close_segment()
            raise WriteError(0, error) from error

    def _prune(self) -> None:
        pruning = plan_pruning(self._folder_in_use, self.config.keep_bytes) if self.config.keep_bytes > 0 else None
        if pruning is None:
            return
        self._append([self._own("pruned", pruning.details)])
        self._sync(0)
        for number in pruning.segments:
            self._folder_in_use.remove(segment_name(number))

    def _close_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    # --- The folder -----------------------------------------------------------------------------------------

    @property
    def _folder_in_use(self) -> PrivateFolder:
        if self._folder is None:
            raise OSError(errno.ENOENT, "the folder is not open")
        return self._folder

    def _check_place(self) -> None:
        if not self._folder_in_use.is_in_place():
            raise OSError(errno.ENOENT, f"the folder '{self.path}' was moved or removed")

    def _enter_folder(self) -> None:
        folder = PrivateFolder(self.path, create=True)
        try:
            folder.check_private()
            self._lock = lock(folder, LOCK_FILE, self.config.lock_patience)
        except BaseException:
            folder.close()
            raise
        self._folder = folder

    def _leave_folder(self) -> None:
        self._close_head()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def _close_head(self) -> None:
        if self._head_file is not None:
            self._head_file.close()
            self._head_file = None
