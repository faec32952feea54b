"""Pipelines on this machine, as the pages read them: where each stage stands, what waits for a person, and the report. No ROS."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from strands_robots.console.run_reads import DEPTH, locked_files
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError, UnknownNameError
from strands_robots.learning.pipeline.journal import NAME, read_journal
from strands_robots.learning.pipeline.pipeline_status import StageStatus, pipeline_status
from strands_robots.learning.pipeline.report import REPORT

MOST_PIPELINES = 200
REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
"""A report has its own style and pictures in it, and no script; the sandbox gives it no origin, so that it could do nothing with one."""

_IDS = 16


class Pipelines:
    """The pipelines below some folders. A request names one by its id, and no path is ever made of a request.

    Args:
        folders: Where pipelines are.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder.expanduser().absolute() for folder in folders]
        self._lock = threading.Lock()
        self._known: dict[str, Path] = {}

    def routes(self) -> tuple[Route, ...]:
        """Return the routes that read them; each runs in a worker thread."""
        return (Route("/pipelines", self.list), Route("/pipelines/{id}/report", self.report))

    def list(self, request: Request) -> Response:
        """Answer the list of pipelines, the newest first."""
        self._find()
        locked = locked_files()
        rows = [row for name, path in self._known.items() if (row := _summary(name, path, locked)) is not None]
        rows.sort(key=lambda row: -row["changed"])
        return JSONResponse({"folders": [str(folder) for folder in self._folders], "pipelines": rows})

    def report(self, request: Request) -> Response:
        """Answer the report that a pipeline wrote."""
        name = request.path_params["id"]
        with self._lock:
            known = dict(self._known)
        if name not in known:
            self._find()
            known = dict(self._known)
        if name not in known:
            raise UnknownNameError("pipeline", name[:64], known)
        folder = known[name].parent
        report = folder / REPORT
        if not report.is_file() or not report.resolve().is_relative_to(folder.resolve()):
            raise ConfigurationError(f"{folder} has no report yet; valid: one is written when a pipeline ends or waits")
        return FileResponse(report, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})

    def _find(self) -> None:
        found = {
            hashlib.sha256(str(path).encode("utf-8", "replace")).hexdigest()[:_IDS]: path for path in self._found()
        }
        with self._lock:
            self._known = found

    def _found(self) -> Iterator[Path]:
        """Yield the journals; links are not followed out of what the person named."""
        count = 0
        for folder in self._folders:
            for depth in range(DEPTH + 1):
                for path in sorted(folder.glob("/".join(["*"] * depth + [NAME]))):
                    if count < MOST_PIPELINES and path.resolve().is_relative_to(folder.resolve()):
                        count += 1
                        yield path


def _summary(name: str, path: Path, locked: frozenset[int]) -> dict[str, Any] | None:
    try:
        state = path.stat()
    except OSError:
        return None  # It went away meanwhile.
    row: dict[str, Any] = {
        "id": name, "name": path.parent.name, "path": str(path.parent), "changed": state.st_mtime,
        "is_running": state.st_ino in locked, "has_report": (path.parent / REPORT).is_file(),
    }  # fmt: skip
    try:
        records = list(read_journal(path))
        if not records or records[0]["kind"] != "pipeline":
            return None  # Another program's file of this name.
        stages = pipeline_status(records)
    except (StrandsRobotsError, KeyError, TypeError) as error:
        return {**row, "problem": f"{path} cannot be read: {error}"}
    done = sum(stage.state == "done" for stage in stages)
    return {
        **row, "name": str(records[0].get("name", path.parent.name)), "stages": [_stage(stage) for stage in stages],
        "done": done, "total": len(stages),
    }  # fmt: skip


def _stage(stage: StageStatus) -> dict[str, Any]:
    outputs = {str(output): str(digest)[:12] for output, digest in stage.outputs.items()}
    return {
        "stage": stage.stage,
        "state": stage.state,
        "elapsed": stage.elapsed,
        "words": stage.words,
        "outputs": outputs,
    }
