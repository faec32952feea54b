"""What of a dataset is complete, written after each episode; and the note of what is being recorded.

`meta/strands_robots/manifest.json` lists the files of the completed episodes with their sizes, and beside it lie copies of the three
files that every episode writes anew. So whatever a crash leaves behind, the dataset of the last completed episode can be put back.
`meta/strands_robots/progress` says which episode is being recorded and how many frames it has: sixteen bytes, rewritten at each frame.
It is in the page cache, so it outlives kill -9; after a power loss it may be a few seconds old.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

from strands_robots.dataset import files
from strands_robots.dataset.errors import DatasetError

MANIFEST = files.OURS / "manifest.json"
COPIES = files.OURS / "last"
PROGRESS = files.OURS / "progress"
FORMAT = 1

_PROGRESS = struct.Struct("<qq")


@dataclass(frozen=True)
class Manifest:
    """The completed part of a dataset.

    Attributes:
        episodes: Completed episodes.
        frames: Their frames.
        files: Size of each file that was written once [bytes], by relative path.
    """

    episodes: int
    frames: int
    files: dict[str, int] = field(default_factory=dict)


def read_manifest(root: Path) -> Manifest | None:
    """Return the manifest; None for a dataset without one.

    Raises:
        DatasetError: If it is there but not readable.
    """
    path = root / MANIFEST
    if not path.is_file():
        return None
    data = files.read_json(path)
    try:
        if data["format"] != FORMAT:
            raise DatasetError(f"{path} has format {data['format']}; valid here: {FORMAT}")
        return Manifest(data["episodes"], data["frames"], dict(data["files"]))
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{path} is not complete: {error!r}") from error


def commit(root: Path, episodes: int, frames: int) -> Manifest:
    """Get every file of the dataset to the disk, and write that it is complete.

    The manifest names the generation of its copies, and is replaced last; the copies of the generation before stay until then.
    """
    paths = files.payload_files(root)
    before = read_manifest(root)
    known = before.files if before is not None else {}
    fresh = [path for path in paths if known.get(str(path)) != (root / path).stat().st_size]
    files.sync_files(root / path for path in fresh)
    files.sync_folders(folder for path in fresh for folder in [root / path.parent, (root / path.parent).parent])
    folder = root / COPIES / str(episodes)
    for name in files.MUTABLE:
        if (root / name).is_file():
            files.copy_file(root / name, folder / name.name)
    sizes = {str(path): (root / path).stat().st_size for path in paths}
    manifest = Manifest(episodes, frames, sizes)
    files.write_json(root / MANIFEST, {"format": FORMAT, "episodes": episodes, "frames": frames, "files": sizes})
    _drop_other_copies(root, episodes)
    return manifest


def restore_mutable(root: Path, manifest: Manifest) -> list[Path]:
    """Put the files back that every episode writes anew, as they were when the manifest was written.

    Returns:
        Those that differed.
    """
    changed = []
    for name in files.MUTABLE:
        copy = root / COPIES / str(manifest.episodes) / name.name
        if copy.is_file() and (not (root / name).is_file() or copy.read_bytes() != (root / name).read_bytes()):
            files.copy_file(copy, root / name)
            changed.append(name)
        elif not copy.is_file() and (root / name).is_file() and name != files.INFO:
            (root / name).unlink()
            changed.append(name)
    return changed


class Progress:
    """The note of what is being recorded.

    Args:
        root: Folder of the dataset.
    """

    def __init__(self, root: Path) -> None:
        path = root / PROGRESS
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.clear()

    def note(self, episode: int, frames: int) -> None:
        """Note that an episode has so many frames."""
        os.pwrite(self._file, _PROGRESS.pack(episode, frames), 0)

    def clear(self) -> None:
        """Note that nothing is being recorded."""
        self.note(-1, 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read_progress(root: Path) -> tuple[int, int]:
    """Return the episode that was being recorded and its frames; (-1, 0) when there was none."""
    try:
        data = (root / PROGRESS).read_bytes()
    except OSError:
        return -1, 0
    return _PROGRESS.unpack(data) if len(data) == _PROGRESS.size else (-1, 0)


def _drop_other_copies(root: Path, episodes: int) -> None:
    for folder in (root / COPIES).iterdir():
        if folder.name != str(episodes):
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
