"""Whether a dataset's files hold together: every episode of the table has its vectors and its pictures, all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.table import EpisodeRow, Info, read_table
from strands_robots.dataset.video_file import VideoFile, read_video_file


@dataclass(frozen=True)
class _DataFile:
    """Frames of each episode in one file of vectors."""

    lengths: Mapping[int, int]


class EpisodeCheck:
    """Checks episodes; every file is read once.

    Args:
        root: Folder of the dataset.
        info: Its info.
    """

    def __init__(self, root: Path, info: Info) -> None:
        self._root = root
        self._info = info
        self._data: dict[Path, _DataFile | str] = {}
        self._videos: dict[Path, VideoFile | str] = {}

    def problems(self, row: EpisodeRow) -> list[str]:
        """Return what is wrong with an episode's files; nothing when it is whole."""
        found = []
        data = self._data_file(row.data)
        if isinstance(data, str):
            found.append(data)
        elif data.lengths.get(row.index, 0) != row.length:
            found.append(f"{row.data} has {data.lengths.get(row.index, 0)} of {row.length} frames")
        for key, part in row.videos.items():
            video = self.video(part.path)
            if isinstance(video, str):
                found.append(video)
                continue
            frames, rate = video.frames, video.rate
            wanted = round((part.end - part.start) * self._info.fps)
            if wanted != row.length:
                found.append(f"{key}: the table gives it {wanted} frames, the episode has {row.length}")
            elif frames < round(part.start * self._info.fps) + row.length:
                found.append(f"{part.path} has {frames} frames, too few for {row.length} from {part.start:g} s on")
            if rate and abs(rate - self._info.fps) > 0.01:
                found.append(f"{part.path} has {rate:g} frames a second; the dataset {self._info.fps}")
        return found

    def video_surplus(self, rows: Iterable[EpisodeRow]) -> list[str]:
        """Return the videos with more frames than their episodes have together."""
        wanted: dict[Path, int] = {}
        for row in rows:
            for part in row.videos.values():
                wanted[part.path] = wanted.get(part.path, 0) + row.length
        found = []
        for path, count in sorted(wanted.items()):
            video = self.video(path)
            if not isinstance(video, str) and video.frames != count:
                found.append(f"{path} has {video.frames} frames; its episodes have {count}")
        return found

    def _data_file(self, path: Path) -> _DataFile | str:
        if path not in self._data:
            try:
                indices = read_table(self._root / path, ["episode_index"])["episode_index"].value_counts().to_pylist()
                self._data[path] = _DataFile({entry["values"]: entry["counts"] for entry in indices})
            except (DatasetError, KeyError) as error:
                self._data[path] = str(error)
        return self._data[path]

    def video(self, path: Path) -> VideoFile | str:
        """Return what a video of the dataset is, or why it cannot be read."""
        if path not in self._videos:
            try:
                self._videos[path] = read_video_file(self._root / path)
            except DatasetError as error:
                self._videos[path] = str(error)
        return self._videos[path]
