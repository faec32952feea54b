"""How far an evaluation is: a bar with rates and the time left in a terminal, a line for each episode elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from strands_robots.cli.cli_options import complain

if TYPE_CHECKING:
    from strands_robots.evaluation.episode_result import EpisodeResult


class EpisodeProgress:
    """Shows each result as it comes.

    Args:
        total: Episodes in all; 0 when not known.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._counts = {"success": 0, "failure": 0, "error": 0}
        self._begin = time.monotonic()
        self._bar: Any = None
        self._row: Any = None

    def __enter__(self) -> EpisodeProgress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._row = self._bar.add_task("evaluating", total=self._total or None)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def take(self, result: EpisodeResult) -> None:
        """Show one result; failures and errors get a line of their own in a terminal too."""
        self._counts[result.outcome] += 1
        if self._bar is None:
            complain(f"{_line(result)}{self._left()}")
            return
        if not result.success:
            self._bar.console.print(_line(result), markup=False, highlight=False)
        self._bar.update(self._row, advance=1, description=self._rates())

    def _rates(self) -> str:
        done = sum(self._counts.values())
        errors = f", {self._counts['error']} errors" if self._counts["error"] else ""
        return f"{100.0 * self._counts['success'] / done:.0f} % of {done} succeeded{errors}"

    def _left(self) -> str:
        done = sum(self._counts.values())
        if not self._total:
            return ""
        left = (time.monotonic() - self._begin) / done * max(self._total - done, 0)
        return f" [{done} of {self._total}, {self._rates()}, {left:.0f} s left]"


def _line(result: EpisodeResult) -> str:
    return f"episode {result.index}: {result.outcome}, {result.time:.2f} s: {result.message}"
