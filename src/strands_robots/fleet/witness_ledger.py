"""What a member has witnessed, on its disk: lines of JSON that are only appended.

    {"at", "beacon": envelope}      a member's own statement where its audit log stands, signed by it and by its audit key
    {"at", "witness": envelope}     another member's co-signature, or what it found to contradict
    {"at", "silent": [member, s]}   a member was heard again after so long [s]
    {"at", "heard": {member: s}}    how long ago each member was heard [s]; once a minute

`at` is the wall clock of this machine [us], shown to people and never judged. The envelopes prove themselves.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import PrivateFolder
from strands_robots.fleet.envelope import Envelope

FILE = "witness.jsonl"
OLDER = "witness.1.jsonl"
LARGEST = 16 << 20
"""Size at which the file becomes the older one [bytes]; 100 logs fill about 40 MB a day."""


class WitnessLedger:
    """Appends to a member's ledger. A disk that fails is named in `problem` and keeps nothing else from working.

    Args:
        folder: The member's folder.
        now: Wall clock [s].
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        self._folder, self._now = folder, now
        self.problem = ""

    def beacon(self, envelope: Envelope) -> None:
        """Keep a member's statement about its own log."""
        self._add("beacon", json.loads(envelope.encoded()))

    def witness(self, envelope: Envelope) -> None:
        """Keep a co-signature."""
        self._add("witness", json.loads(envelope.encoded()))

    def silent(self, member: str, seconds: float) -> None:
        """Note that a member was heard again after a silence."""
        self._add("silent", [member, round(seconds, 1)])

    def heard(self, ages: Mapping[str, float]) -> None:
        """Note how long ago each member was heard."""
        self._add("heard", {name: round(age, 1) for name, age in ages.items()})

    def _add(self, what: str, value: Any) -> None:
        line = json.dumps({"at": int(self._now() * 1e6), what: value}, separators=(",", ":")) + "\n"
        try:
            place = PrivateFolder(self._folder)
            try:
                self._append(place, line.encode())
            finally:
                place.close()
            self.problem = ""
        except OSError as error:
            self.problem = f"what was witnessed cannot be kept: {error.strerror or error}"

    def _append(self, place: PrivateFolder, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(FILE, flags, 0o600, dir_fd=place.descriptor)
        try:
            os.write(descriptor, data)
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        if size > LARGEST:
            os.rename(FILE, OLDER, src_dir_fd=place.descriptor, dst_dir_fd=place.descriptor)


def read_ledger(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a member's ledger, the oldest first. A last line that was cut off is left out.

    Raises:
        ConfigurationError: If there is none, or a line is no line of a ledger.
    """
    files = [path for path in (folder / OLDER, folder / FILE) if path.is_file()]
    if not files:
        raise ConfigurationError(f"'{folder}' has no {FILE}; valid: the folder of a member that was on the network")
    for path in files:
        for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
            if not line:
                continue
            try:
                entry = json.loads(line)
                if not isinstance(entry, dict) or not isinstance(entry["at"], int) or len(entry) != 2:
                    raise ValueError("not a line of a ledger")
            except (ValueError, KeyError, RecursionError) as error:
                if not path.read_bytes().endswith(line):
                    raise ConfigurationError(f"'{path}' line {number} is no line of a ledger") from error
                continue
            yield entry
