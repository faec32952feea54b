"""Data sets on this machine, as the pages read them: lists, episodes as plots, and parts of the videos as they are. No ROS."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError, UnknownNameError
from strands_robots.dataset.schema import ACTION, STATE
from strands_robots.dataset.table import (
    EpisodeRow,
    Info,
    read_episode,
    read_episodes,
    read_info,
    read_pictures,
    read_vectors,
)
from strands_robots.dataset.verify import verify

INFO = Path("meta/info.json")
DEPTH = 2
"""Data sets lie in a folder, or one folder below it, as <owner>/<name>."""

MOST_SETS = 500
MOST_POINTS = 1500
"""Points of a curve; more are not seen on a screen."""

THUMB = 160
"""Width of a thumbnail [px]."""

_SINGLE = ("progress", "intervention", "next.reward", "next.success", "observation.progress")
"""Columns beside state and action that are shown where a data set has them."""


class DataSets:
    """The data sets below some folders. A request names one by its id, and no path is ever made of a request.

    Args:
        folders: Where data sets are.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder.expanduser().absolute() for folder in folders]
        self._known: dict[str, Path] = {}

    def routes(self) -> tuple[Route, ...]:
        """Return the routes that read them; each runs in a worker thread."""
        return (
            Route("/data", self.list),
            Route("/data/{id}", self.one),
            Route("/data/{id}/verify", self.verified),
            Route("/data/{id}/episode/{episode:int}", self.episode),
            Route("/data/{id}/episode/{episode:int}/thumb", self.thumb),
            Route("/data/{id}/episode/{episode:int}/video/{key}", self.video),
        )

    def root(self, name: str) -> Path:
        """Return the folder of a data set.

        Raises:
            UnknownNameError: If there is none of this id.
        """
        if name not in self._known:
            self._known = {_id(path): path for path in self._found()}
        if name not in self._known:
            raise UnknownNameError("data set", name[:64], self._known)
        return self._known[name]

    def list(self, request: Request) -> Response:
        """Answer the list of data sets, the newest first."""
        self._known = {_id(path): path for path in self._found()}
        rows = [row for name, path in self._known.items() if (row := _summary(name, path)) is not None]
        rows.sort(key=lambda row: -row["changed"])
        return JSONResponse({"folders": [str(folder) for folder in self._folders], "sets": rows})

    def one(self, request: Request) -> Response:
        """Answer a data set's episodes."""
        root = self.root(request.path_params["id"])
        info = read_info(root)
        rows = read_episodes(root, info)
        return JSONResponse(
            {
                "path": str(root), "fps": info.fps, "frames": info.frames, "robot": info.robot_type, "version": info.version,
                "cameras": info.video_keys,
                "episodes": [{"index": row.index, "frames": row.length, "tasks": list(row.tasks)} for row in rows],
            }
        )  # fmt: skip

    def verified(self, request: Request) -> Response:
        """Answer what verify finds, without decoding the videos."""
        return JSONResponse(verify(self.root(request.path_params["id"]), pictures=False).to_json())

    def episode(self, request: Request) -> Response:
        """Answer an episode as curves over its time, and where each camera's part of a video is."""
        root, info, row = self._row(request)
        single = [name for name in _SINGLE if name in info.features]
        data = read_vectors(root, row, [STATE, ACTION, *single])
        step = max(-(-row.length // MOST_POINTS), 1)
        curves = [
            {"name": name, "state": _numbers(data[STATE][::step, i]), "action": _numbers(data[ACTION][::step, i])}
            for i, name in enumerate(info.names(STATE))
        ]
        videos = [
            {"key": key, "start": part.start, "end": part.end}
            for key, part in row.videos.items()
            if _inside(root, part.path)
        ]
        return JSONResponse(
            {
                "index": row.index, "frames": row.length, "tasks": list(row.tasks), "fps": info.fps, "curves": curves,
                "time": _numbers(np.arange(row.length)[::step] / info.fps),
                "single": {name: _numbers(np.asarray(data[name], dtype=np.float64).reshape(row.length, -1)[::step, 0]) for name in single},
                "videos": videos, "missing": [key for key in info.video_keys if key not in {entry["key"] for entry in videos}],
            }
        )  # fmt: skip

    def thumb(self, request: Request) -> Response:
        """Answer the first picture of an episode, small."""
        from PIL import Image

        root, info, row = self._row(request)
        for key, part in row.videos.items():
            if _inside(root, part.path):
                picture = Image.fromarray(next(read_pictures(root, info, row, key)))
                picture.thumbnail((THUMB, THUMB))
                stream = io.BytesIO()
                picture.save(stream, format="JPEG", quality=80)
                return Response(stream.getvalue(), media_type="image/jpeg")
        raise ConfigurationError(f"episode {row.index} has no video")

    def video(self, request: Request) -> Response:
        """Answer the video file in which an episode is; the browser asks for the ranges that it plays."""
        root, _, row = self._row(request)
        key = request.path_params["key"]
        part = row.videos.get(key)
        path = _inside(root, part.path) if part is not None else None
        if path is None:
            raise UnknownNameError("camera", key[:64], row.videos)
        return FileResponse(path, media_type="video/mp4")

    def _row(self, request: Request) -> tuple[Path, Info, EpisodeRow]:
        root = self.root(request.path_params["id"])
        info = read_info(root)
        return root, info, read_episode(root, info, request.path_params["episode"])

    def _found(self) -> Iterator[Path]:
        """Yield the folders that hold a data set; links are not followed out of what the person named."""
        count = 0
        for folder in self._folders:
            for depth in range(DEPTH + 1):
                for info in sorted(folder.glob("/".join(["*"] * depth + [str(INFO)]))):
                    root = info.parents[1]
                    if (
                        count < MOST_SETS
                        and not root.name.startswith(".")
                        and root.resolve().is_relative_to(folder.resolve())
                    ):
                        count += 1
                        yield root


def _id(path: Path) -> str:
    return hashlib.sha256(str(path).encode("utf-8", "replace")).hexdigest()[:16]


def _inside(root: Path, relative: Path) -> Path | None:
    """Return a file of a data set; None when it is missing or its table leads out of the folder."""
    path = (root / relative).resolve()
    return path if path.is_relative_to(root.resolve()) and path.is_file() else None


def _summary(name: str, path: Path) -> dict[str, Any] | None:
    try:
        changed = (path / INFO).stat().st_mtime
    except OSError:
        return None  # It went away meanwhile.
    row = {"id": name, "name": path.name, "path": str(path), "changed": changed}
    try:
        info = read_info(path)
    except StrandsRobotsError as error:
        return {**row, "problem": str(error)}
    return {**row, "episodes": info.episodes, "frames": info.frames, "fps": info.fps, "robot": info.robot_type}


def _numbers(values: NDArray[Any]) -> list[float | None]:
    """Return numbers as JSON has them."""
    return [float(value) if np.isfinite(value) else None for value in np.asarray(values, dtype=np.float64).round(6)]
