"""One segment file while it is written, and HEAD beside it."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from strands_robots.audit.log.checkpoint import Checkpoint
from strands_robots.core.private_folder import PrivateFolder
from strands_robots.audit.json_values import JsonObject, canonical
from strands_robots.audit.log.layout import HEAD_BYTES, HEAD_FILE, segment_name


class PartialWriteError(OSError):
    """Writing lines failed; the file may end in the beginning of a line.

    Attributes:
        complete: How many of the lines are in the file as a whole.
    """

    def __init__(self, complete: int, cause: OSError) -> None:
        super().__init__(cause.errno, cause.strerror or str(cause))
        self.complete = complete


@dataclass(frozen=True)
class Torn:
    """Bytes at the end of a segment that are no record, as `recovered.torn` names them."""

    segment: int
    offset: int
    data_bytes: int = 0
    sha256: str = hashlib.sha256(b"").hexdigest()

    def as_json(self) -> JsonObject:
        """Return it as JSON."""
        return {"segment": self.segment, "offset": self.offset, "bytes": self.data_bytes, "sha256": self.sha256}


class SegmentFile:
    """A new segment file, only appended to.

    Args:
        folder: Folder of the log.
        number: Number of the segment.

    Attributes:
        size: Bytes of complete lines.
        torn: What an interrupted write left behind them; None when nothing.

    Raises:
        OSError: If it cannot be made, or its name is taken.
    """

    def __init__(self, folder: PrivateFolder, number: int) -> None:
        self.number = number
        self.size = 0
        self.torn: Torn | None = None
        self._file = folder.create(segment_name(number))

    def append(self, lines: Sequence[bytes]) -> None:
        """Write whole lines.

        Raises:
            PartialWriteError: If the system refuses; the file must then not be appended to any more.
        """
        data = memoryview(b"".join(lines))
        done = 0
        try:
            while done < len(data):
                done += os.write(self._file, data[done:])
        except OSError as error:
            ends = list(accumulate(len(line) for line in lines))
            complete = sum(end <= done for end in ends)
            whole = ends[complete - 1] if complete else 0
            self.size += whole
            if done > whole:
                rest = bytes(data[whole:done])
                self.torn = Torn(self.number, self.size, len(rest), hashlib.sha256(rest).hexdigest())
            raise PartialWriteError(complete, error) from error
        self.size += len(data)

    def sync(self) -> None:
        """Wait until the file is on the disk.

        Raises:
            OSError: If that failed, or the file was removed.
        """
        if os.fstat(self._file).st_nlink == 0:
            raise OSError(errno.ENOENT, f"segment {segment_name(self.number)} was removed while it was written")
        os.fdatasync(self._file)

    def close(self) -> None:
        """Close the file and take the permission to write away from it."""
        try:
            os.fchmod(self._file, 0o400)
        except OSError:
            pass  # A convenience; a read-only file system already gives what it is for.
        os.close(self._file)


class HeadFile:
    """The file HEAD, replaced in place, so that it needs no space on a full disk.

    Raises:
        OSError: If it cannot be opened, for example because a link is in the way.
    """

    def __init__(self, folder: PrivateFolder) -> None:
        self._file = folder.open_existing(HEAD_FILE, os.O_RDWR | os.O_CREAT)

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace the content; raises OSError when the system refuses."""
        os.pwrite(self._file, canonical(checkpoint.as_json()).ljust(HEAD_BYTES - 1) + b"\n", 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
