"""Evaluations on this machine, as the pages read them: progress, success with its interval, failures as videos, A against B. No ROS."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError, UnknownNameError
from strands_robots.evaluation.compare.comparison import compare
from strands_robots.evaluation.compare.outcomes import read_outcomes
from strands_robots.evaluation.compare.report import report, verdict_text
from strands_robots.evaluation.episode_result import EpisodeResult
from strands_robots.evaluation.results_file import NAME, Recorded, read_results
from strands_robots.evaluation.statistics import wilson_interval

DEPTH = 3
"""Results lie in a folder, or up to three folders below it."""

MOST_RUNS = 500
SWEEP = "latency.json"
_VIDEOS = {".mp4": "video/mp4", ".gif": "image/gif"}
_LOCKS = Path("/proc/locks")


class Runs:
    """The evaluations below some folders. A request names one by its id, and no path is ever made of a request.

    Args:
        folders: Where results are.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder.expanduser().absolute() for folder in folders]
        self._lock = threading.Lock()
        self._known: dict[str, Path] = {}
        self._read: dict[Path, tuple[tuple[int, int], Recorded]] = {}

    def routes(self) -> tuple[Route, ...]:
        """Return the routes that read them; each runs in a worker thread."""
        return (
            Route("/runs", self.list),
            Route("/runs/compare", self.compared),
            Route("/runs/{id}", self.one),
            Route("/runs/{id}/video/{task}/{index:int}", self.video),
        )

    def list(self, request: Request) -> Response:
        """Answer the list of runs, the newest first."""
        self._find()
        locked = locked_files()
        rows = [row for name, path in self._known.items() if (row := self._summary(name, path, locked)) is not None]
        rows.sort(key=lambda row: -row["changed"])
        return JSONResponse({"folders": [str(folder) for folder in self._folders], "runs": rows})

    def one(self, request: Request) -> Response:
        """Answer a run: what was run, each task with its interval, and every episode."""
        name = request.path_params["id"]
        path = self._path(name)
        recorded = self._recorded(path)
        run, results = recorded.run, list(recorded.results.values())
        return JSONResponse(
            {
                **(self._summary(name, path, locked_files()) or {}),
                "command": run.get("command", []), "versions": run.get("versions", {}), "machine": run.get("machine", {}),
                "by_task": [{"task": task, **_rate(own)} for task, own in _by_task(results).items()],
                "episodes": [_episode(path, one) for one in results], "sweep": _sweep(path.parent),
            }
        )  # fmt: skip

    def compared(self, request: Request) -> Response:
        """Answer what two runs say of each other, by the code of `strands-robots compare`."""
        first, second = (self._path(request.query_params.get(side, "")) for side in ("a", "b"))
        found = compare(read_outcomes(first), read_outcomes(second), is_paired="unpaired" not in request.query_params)
        rows = [{"task": row.task, "pairs": row.pairs, "first": row.first, "second": row.second, "wins": row.wins,
                 "losses": row.losses, "p": row.p_value} for row in found.rows]  # fmt: skip
        return JSONResponse(
            {
                "verdict": found.verdict, "words": verdict_text(found), "lines": report(found), "rows": rows,
                "mean": found.mean, "interval": [found.lower, found.upper] if found.is_paired else None,
            }
        )  # fmt: skip

    def video(self, request: Request) -> Response:
        """Answer the video of an episode, in the ranges that the browser asks for."""
        path = self._path(request.path_params["id"])
        key = (request.path_params["task"], request.path_params["index"])
        found = self._recorded(path).results.get(key)
        video = _video(path, found) if found is not None else None
        if video is None:
            raise ConfigurationError(f"episode {key[1]} of '{key[0][:64]}' has no video in {path.parent}")
        return FileResponse(video, media_type=_VIDEOS[video.suffix])

    def _path(self, name: str) -> Path:
        if name not in self._known:
            self._find()
        if name not in self._known:
            raise UnknownNameError("run", name[:64], self._known)
        return self._known[name]

    def _find(self) -> None:
        self._known = {_id(path): path for path in self._found()}
        there = set(self._known.values())
        with self._lock:
            self._read = {path: kept for path, kept in self._read.items() if path in there}

    def _found(self) -> Iterator[Path]:
        """Yield the files of results; links are not followed out of what the person named."""
        count = 0
        for folder in self._folders:
            for depth in range(DEPTH + 1):
                for path in sorted(folder.glob("/".join(["*"] * depth + [NAME]))):
                    if count < MOST_RUNS and path.resolve().is_relative_to(folder.resolve()):
                        count += 1
                        yield path

    def _recorded(self, path: Path) -> Recorded:
        """Return what a file holds, read again when it has changed."""
        try:
            state = path.stat()
        except OSError as error:
            raise ConfigurationError(f"{path} is not there any more ({error.strerror})") from error
        stamp = (state.st_mtime_ns, state.st_size)
        with self._lock:
            known = self._read.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, read_results(path))
            with self._lock:
                self._read[path] = known
        return known[1]

    def _summary(self, name: str, path: Path, locked: frozenset[int]) -> dict[str, Any] | None:
        try:
            state = path.stat()
        except OSError:
            return None  # It went away meanwhile.
        row: dict[str, Any] = {
            "id": name,
            "name": path.parent.name,
            "path": str(path.parent),
            "changed": state.st_mtime,
        }
        try:
            found = _facts(self._recorded(path))
            json.dumps(found, allow_nan=False)
        except StrandsRobotsError as error:
            return {**row, "problem": str(error)}
        except (AttributeError, TypeError, ValueError) as error:
            return {**row, "problem": f"{path} is not as evaluate writes it ({error})"}
        return {**row, **found, "is_running": state.st_ino in locked}


def _facts(recorded: Recorded) -> dict[str, Any]:
    tasks = recorded.run.get("tasks", {})
    policies = sorted({str(task.get("policy", {}).get("name", "")) for task in tasks.values()})
    each = recorded.run.get("episodes")
    return {
        "kind": "evaluation", "started": recorded.run.get("started", ""), "tasks": list(tasks), "policy": ", ".join(policies),
        "latency": recorded.run.get("latency", 0.0), "total": each * max(len(tasks), 1) if isinstance(each, int) else None,
        **_rate(list(recorded.results.values())),
    }  # fmt: skip


def _rate(results: Sequence[EpisodeResult]) -> dict[str, Any]:
    """Return how many succeeded, with the 95 % interval; errors count as not succeeded, as evaluate counts them."""
    successes = sum(one.success for one in results)
    return {
        "done": len(results), "successes": successes, "errors": sum(one.is_error for one in results),
        "rate": successes / len(results) if results else None,
        "interval": list(wilson_interval(successes, len(results))) if results else None,
        "progress": sum(one.progress for one in results) / len(results) if results else None,
    }  # fmt: skip


def _by_task(results: Sequence[EpisodeResult]) -> dict[str, list[EpisodeResult]]:
    found: dict[str, list[EpisodeResult]] = {}
    for result in results:
        found.setdefault(result.task, []).append(result)
    return found


def _episode(path: Path, one: EpisodeResult) -> dict[str, Any]:
    video = _video(path, one)
    return {
        "task": one.task, "index": one.index, "seed": one.seed, "outcome": one.outcome, "reason": one.reason, "message": one.message,
        "time": one.time, "progress": one.progress, "attempt": one.attempt, "latency": one.latency_p95,
        "video": "" if video is None else "gif" if video.suffix == ".gif" else "mp4",
    }  # fmt: skip


def _video(results: Path, one: EpisodeResult) -> Path | None:
    """Return the video of an episode; None without one, or where its path leads out of the run's folder."""
    if not one.video:
        return None
    folder = results.parent.resolve()
    # The run wrote its path from where it was started; the folder may have been moved since.
    given = Path(one.video)
    places = [given, *(folder / Path(*given.parts[i:]) for i in range(1, len(given.parts)))]
    inside = (place.resolve() for place in places)
    return next(
        (place for place in inside if place.suffix in _VIDEOS and place.is_relative_to(folder) and place.is_file()),
        None,
    )


def _sweep(folder: Path) -> list[dict[str, float]]:
    """Return the points of the latency sweep that a run is part of; nothing where it is part of none."""
    for place in (folder / SWEEP, folder.parent / SWEEP):
        try:
            given = json.loads(place.read_text(encoding="utf-8"))
            names = ("latency", "rate", "lower", "upper", "stale_share")
            return [{name: float(point[name]) for name in names} for point in given]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return []


def locked_files() -> frozenset[int]:
    """Return the inodes of files that a process has locked: an evaluation locks its results while it runs."""
    try:
        lines = _LOCKS.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return frozenset()
    found = (line.split() for line in lines if " FLOCK " in line)
    return frozenset(int(words[5].rpartition(":")[2]) for words in found if len(words) > 5)


def _id(path: Path) -> str:
    return hashlib.sha256(str(path).encode("utf-8", "replace")).hexdigest()[:16]
