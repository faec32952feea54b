"""What the dataset's store needs of LeRobot and has no public name there; this file only reaches into LeRobot's writer.

Seen in lerobot 0.6.1. Another release may have moved it, which is found out before the first frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from strands_robots.dataset.errors import RecordingError

_OF_METADATA = ("_close_writer", "_metadata_buffer", "_pq_writer", "_finalized")
_OF_WRITER = ("_streaming_encoder", "_pq_writer", "_finalized")


def check_lerobot(dataset: Any) -> None:
    """Check that a dataset opened for writing has what this file uses.

    Raises:
        RecordingError: If this LeRobot has not.
    """
    for owner, names in ((dataset.meta, _OF_METADATA), (dataset.writer, _OF_WRITER)):
        missing = [name for name in names if not hasattr(owner, name)]
        if missing:
            raise RecordingError(
                f"lerobot {version('lerobot')} is installed, whose {type(owner).__name__} has no {', '.join(missing)}; "
                "valid: lerobot 0.6.1 (requirements/learning.txt)"
            )


def close_tables(dataset: Any) -> None:
    """Write the footers of the episode's tables."""
    dataset.writer.close_writer()
    dataset.meta._close_writer()


def open_tables_let_go(dataset: Any) -> Iterator[Any]:
    """Have LeRobot write nothing any more, not even from its destructor; yield what is still open and must be closed."""
    dataset.meta._metadata_buffer.clear()
    for owner in (dataset.writer, dataset.meta):
        table, owner._pq_writer = owner._pq_writer, None
        owner._finalized = True
        if table is not None:
            yield table


def full_encoders(dataset: Any) -> list[str]:
    """Return the keys of the pictures whose encoder runs and takes none now."""
    encoder = dataset.writer._streaming_encoder
    if encoder is None:
        return []
    return [
        key for key, waiting in encoder._frame_queues.items() if waiting.full() and encoder._threads[key].is_alive()
    ]
