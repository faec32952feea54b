"""Runs a list of episodes and keeps what they gave: on the disk one by one, in the order of task and index when all are done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from strands_robots.core.errors import PolicyError
from strands_robots.evaluation.collect.unit import Collector, Unit
from strands_robots.evaluation.episode_result import REFUSED, EpisodeResult
from strands_robots.evaluation.results_file import ResultsFile

ERRORS_IN_A_ROW = 20
"""So many episodes in a row that could not be judged end the run: nothing works any more."""


class ErrorStreak:
    """Counts episodes in a row that could not be judged."""

    def __init__(self) -> None:
        self._count = 0
        self.message = ""

    def take(self, result: EpisodeResult) -> None:
        """Take one result; a streak that is too long stays so."""
        if self.is_too_long:
            return
        self._count = self._count + 1 if result.is_error else 0
        self.message = f"{self._count} episodes in a row could not be judged; the last one: {result.message}"

    @property
    def is_too_long(self) -> bool:
        """True when nothing works any more."""
        return self._count >= ERRORS_IN_A_ROW


class UnitRun:
    """One run of many episodes.

    Args:
        units: The episodes.
        record: Record of the run, for results.jsonl.
        collector: Runs them.
        folder: Folder of results.jsonl; None writes nothing.
        is_resumed: Go on with the file that is there; episodes that could not be judged are run again.
        failure_videos: Most videos of episodes that failed.
    """

    def __init__(
        self, units: Sequence[Unit], record: Mapping[str, Any], collector: Collector, folder: Path | None = None,
        *, is_resumed: bool = False, failure_videos: int = 0,
    ) -> None:  # fmt: skip
        self._units = units
        self._record = record
        self._collector = collector
        self._folder = folder
        self._is_resumed = is_resumed
        self._videos_left = failure_videos
        self._streak = ErrorStreak()
        self._worst: PolicyError | None = None
        self._results: dict[tuple[str, int], EpisodeResult] = {}
        self._file: ResultsFile | None = None

    def run(
        self, on_result: Callable[[EpisodeResult], None], is_cancelled: Callable[[], bool] = lambda: False
    ) -> list[EpisodeResult]:
        """Run what is not done yet and return every result.

        Args:
            on_result: Told each result as it comes; those of an earlier run first.
            is_cancelled: Asked all the time; True ends the run early.

        Raises:
            ConfigurationError: If the results file cannot be used.
            PolicyError: If the policy cannot be made, or too many episodes in a row could not be judged. What is done is kept.
        """
        with ExitStack() as stack:
            left = list(self._units)
            if self._folder is not None:
                self._file = stack.enter_context(ResultsFile(self._folder, self._record, is_resumed=self._is_resumed))
                left = self._left(self._file, on_result)

            def take(result: EpisodeResult) -> None:
                self._take(result)
                on_result(self._results[result.key])

            if left:
                self._collector.collect(left, take, lambda: self._worst is not None or is_cancelled())
        if self._worst is not None:
            raise self._worst
        return sorted(self._results.values(), key=lambda result: result.key)

    def _left(self, file: ResultsFile, on_result: Callable[[EpisodeResult], None]) -> list[Unit]:
        wanted = {unit.key for unit in self._units}
        for key, result in file.done.items():
            if key in wanted:
                self._results[key] = result
                self._videos_left -= bool(result.video)
                on_result(result)
        return [
            replace(unit, attempt=file.attempts.get(unit.key, 0) + 1)
            for unit in self._units
            if unit.key not in self._results
        ]

    def _take(self, result: EpisodeResult) -> None:
        if self._worst is not None:
            return
        is_first = not self._results
        if result.video:
            self._videos_left -= 1
            if self._videos_left < 0:  # workers film ahead of knowing how many others failed
                Path(result.video).unlink(missing_ok=True)
                result = replace(result, video="")
        self._streak.take(result)
        if is_first and result.reason == REFUSED and not result.action_digest:
            self._worst = PolicyError(f"episode {result.index}: {result.message}")
            self._results[result.key] = result
            return
        self._results[result.key] = result
        if self._file is not None:
            self._file.append(result)
        if self._streak.is_too_long and len(self._results) < len(self._units):
            self._worst = PolicyError(self._streak.message)
