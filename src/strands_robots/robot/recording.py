"""An episode that a program records: `with robot.record("me/pick", task="pick the cube") as episode: ...`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from strands_robots.clients.results import RecordedEpisode, StreamAccount
from strands_robots.core.errors import ConfigurationError, NoAnswerError, StrandsRobotsError, UnknownNameError
from strands_robots.core.text import printable
from strands_robots.dataset.errors import RecordingError

if TYPE_CHECKING:
    from strands_robots.clients.robot_client import RobotClient

OnError = Literal["discard", "mark"]
Existing = Literal["append", "new", "overwrite"]

START_TIMEOUT = 180.0
EPISODE_TIMEOUT = 300.0

_MODES = {"new": 0, "append": 1, "overwrite": 2}
_OUTCOMES = {"unknown": 0, "succeeded": 1, "failed": 2}
_COUNTS = ("received", "used", "repeated", "stale", "lost", "gaps", "late")


class Recording:
    """One episode while it is recorded. Leaving the block ends it and closes the dataset; `result` says what became of it.

    An exception in the block, Ctrl-C too, goes on after the episode was discarded, or with on_error="mark" saved as failed.

    Args:
        link: The way to the recorder.
        fields: Fields of srv/StartRecording; `root` and `repo_id` among them.
        existing: What happens with a dataset that is there: "append" continues it, "new" refuses, "overwrite" replaces it.
        on_error: "discard" or "mark".
        ensure_recorder: Called first; raises where no recorder runs.

    Attributes:
        result: What became of the episode; None while it is recorded.
    """

    def __init__(
        self,
        link: RobotClient,
        fields: Mapping[str, Any],
        existing: Existing,
        on_error: OnError,
        ensure_recorder: Callable[[], None],
    ) -> None:
        if existing not in _MODES:
            raise UnknownNameError("existing", str(existing), _MODES)
        if on_error not in ("discard", "mark"):
            raise UnknownNameError("on_error", str(on_error), ("discard", "mark"))
        if not str(fields["task"]).strip():
            raise ConfigurationError("the task is empty; valid: what the robot is to do, in words")
        self.result: RecordedEpisode | None = None
        self._link = link
        self._root = Path(fields["root"])
        is_there = (self._root / "meta" / "info.json").is_file()
        self._fields = {**fields, "mode": _MODES[existing if is_there or existing != "append" else "new"]}
        self._on_error = on_error
        self._ensure_recorder = ensure_recorder
        self._outcome = "unknown"
        self._is_discarded = False

    @property
    def frames(self) -> int:
        """Frames so far."""
        if self.result is not None:
            return self.result.frames
        return int(self._order("STATE").state.frames)

    def succeeded(self) -> None:
        """Say that the task was done; kept with the episode."""
        self._outcome = "succeeded"

    def failed(self) -> None:
        """Say that the task was not done; kept with the episode."""
        self._outcome = "failed"

    def discard(self) -> None:
        """Do not keep the episode when the block ends."""
        self._is_discarded = True

    def __enter__(self) -> Recording:
        self._ensure_recorder()
        answer = self._link.open_dataset(self._fields, START_TIMEOUT)
        if not answer.success:
            raise RecordingError(f"{self._root} cannot take episodes: {answer.message}")
        try:
            begun = self._order("BEGIN")
            if not begun.success:
                raise RecordingError(f"no episode can begin: {begun.message}")
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_kept = not self._is_discarded and (error is None or self._on_error == "mark")
        try:
            if error is not None and is_kept:
                self._outcome = "failed"
            self.result = self._ended(is_kept)
        except StrandsRobotsError as problem:
            if error is None:
                raise
            warnings.warn(f"the episode was not ended: {problem}", RuntimeWarning, stacklevel=2)
        finally:
            self._close()
        if error is None and is_kept and self.result is not None and not self.result.is_saved:
            raise RecordingError(self.result.message)

    def __repr__(self) -> str:
        state = "being recorded" if self.result is None else self.result.message
        return f"Recording('{self._root}', {printable(state)})"

    def _ended(self, is_kept: bool) -> RecordedEpisode:
        before = self._order("STATE").state
        fields = {"outcome": _OUTCOMES[self._outcome]} if is_kept else {}
        answer = self._order("END" if is_kept else "DISCARD", **fields)
        is_saved = is_kept and bool(answer.success)
        streams = tuple(
            StreamAccount(count.topic, *(int(getattr(count, name)) for name in _COUNTS))
            for count in answer.state.streams or before.streams
        )
        return RecordedEpisode(
            is_saved, str(answer.message), self._root, int(answer.episode if answer.success else before.episode),
            int(answer.frames or before.frames), self._outcome, streams,
        )  # fmt: skip

    def _close(self) -> None:
        try:
            answer = self._order("STOP")
            problem = "" if answer.success else str(answer.message)
        except NoAnswerError as error:
            problem = str(error)
        if problem:
            warnings.warn(f"the dataset was not closed: {problem}", RuntimeWarning, stacklevel=3)

    def _order(self, command: str, **fields: Any) -> Any:
        return self._link.order_episode(command, fields, EPISODE_TIMEOUT)
