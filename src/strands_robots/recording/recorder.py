"""The recorder: which state it is in, and what goes to the writer. No ROS, no I/O of its own; belongs to one thread."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.dataset.errors import DiskFullError, RecordingError
from strands_robots.dataset.schema import DONE, INTERVENTION, REWARD, SUCCESS
from strands_robots.recording.sampler import DatasetFrame, Sampler, StaleError
from strands_robots.recording.stream import SECOND
from strands_robots.recording.writer import WriterThread


class State(enum.IntEnum):
    """States of a recorder; numbers as in msg/EpisodeState."""

    IDLE = 0
    STARTING = 1
    READY = 2
    RECORDING = 3
    SAVING = 4
    FAILED = 5


class EpisodeOutcome(enum.IntEnum):
    """Whether the task was done; numbers as in srv/RecordEpisode."""

    UNKNOWN = 0
    SUCCEEDED = 1
    FAILED = 2


@dataclass(frozen=True)
class Saved:
    """What became of an episode that was ended.

    Attributes:
        episode: Its index.
        frames: Its frames.
        account: What was stored beside it.
    """

    episode: int
    frames: int
    account: Mapping[str, Any]


@dataclass
class _Ending:
    """An episode that waits for its last samples.

    Attributes:
        until: Its end [ns, ROS time].
        give_up: When the wait ends [s, steady time].
        outcome, reward: As told.
        answer: Gets what became of it.
    """

    until: int
    give_up: float
    outcome: EpisodeOutcome
    reward: float
    answer: Future[Saved]


@dataclass
class _Episode:
    """What is known of the episode being recorded."""

    index: int
    task: str
    provenance: Mapping[str, Any]
    began_wall: float
    held: DatasetFrame | None = None
    ending: _Ending | None = None
    last: int = field(default=0)
    policies: list[dict[str, str]] = field(default_factory=list)
    words: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    has_hand: bool = False
    notes: list[str] = field(default_factory=list)


class Recorder:
    """Takes samples, makes frames and has them written.

    Args:
        sampler: The streams.
        writer: The thread that writes; its store is open.
        saved: Episodes that the dataset has.
        provenance: What is known of the whole recording.
        wait: How long the end of an episode waits for its last samples [s, steady time].
        on_failure: Takes why an episode ended by itself.

    Attributes:
        state: State.
        message: What was wrong or done last.
        saved, not_kept: Episodes.
        sampler: As given.
    """

    def __init__(
        self,
        sampler: Sampler,
        writer: WriterThread,
        saved: int,
        provenance: Mapping[str, Any],
        wait: float = 2.0,
        on_failure: Callable[[int, str], None] = lambda episode, reason: None,
    ) -> None:
        self.sampler = sampler
        self.state = State.READY
        self.message = f"{saved} episodes"
        self.saved, self.not_kept = saved, 0
        self._writer = writer
        self._provenance = dict(provenance)
        self._wait = wait
        self._on_failure = on_failure
        self._episode: _Episode | None = None
        self._ended: int | None = None

    @property
    def episode(self) -> int:
        """Index of the episode being recorded or saved; -1 when there is none."""
        return -1 if self._episode is None else self._episode.index

    @property
    def task(self) -> str:
        """Task of that episode."""
        return "" if self._episode is None else self._episode.task

    @property
    def queued(self) -> int:
        """Frames that wait for the writer."""
        return self._writer.queued

    def begin(
        self, at: int, task: str, provenance: Mapping[str, Any], wall: float, before: float = 0.0, gapless: bool = False
    ) -> int:
        """Begin an episode and return its index.

        Args:
            at: Present [ns, ROS time], which is t_0 unless the episode begins in the past.
            task: What shall be done, in words; not empty.
            provenance: What is known of this episode.
            wall: Wall-clock time [s].
            before: t_0 is so long before `at` [s].
            gapless: t_0 is where the last episode ended, as far as samples are kept.

        Raises:
            RecordingError: In another state than READY, or for a t_0 before the kept samples.
        """
        self._require(State.READY, "an episode can begin")
        keep = self.sampler.config.keep
        if not 0.0 <= before <= keep or (gapless and not keep):
            raise RecordingError(
                f"an episode shall begin {'at the end of the last one' if gapless else f'{before:g} s ago'}, and {keep:g} s are kept; "
                "valid: a recording that was started with keep_seconds"
            )
        start = at - round(before * SECOND)
        if gapless and self._ended is not None:
            start = min(max(self._ended, at - round(keep * SECOND)), at)  # ROS time may have gone back since.
        if not task.strip():
            raise RecordingError(
                "the task is empty; valid: what is to be done, in words (LeRobot stores it with every frame)"
            )
        self.sampler.begin(start, live=at)
        self._episode = _Episode(self.saved, task, dict(provenance), wall - (at - start) / SECOND)
        if gapless and self._ended is not None and start > self._ended:
            lost = (start - self._ended) / SECOND
            self._episode.notes.append(f"{lost:.1f} s before it are lost: only {keep:g} s were kept")
        self.state, self.message = State.RECORDING, f"episode {self.saved}"
        return self.saved

    def end(
        self, until: int, now: float, outcome: EpisodeOutcome = EpisodeOutcome.UNKNOWN, reward: float = 0.0
    ) -> Future[Saved]:
        """End the episode; the future is done when it was written and read again.

        Args:
            until: End [ns, ROS time]; later frames are not made.
            now: Present [s, steady time].
            outcome: Whether the task was done.
            reward: Reward of the last frame.

        Raises:
            RecordingError: In another state than RECORDING.
        """
        self._require(State.RECORDING, "an episode can end")
        answer: Future[Saved] = Future()
        assert self._episode is not None
        self._episode.ending = _Ending(until, now + self._wait, outcome, reward, answer)
        self.state = State.SAVING
        return answer

    def discard(self, reason: str = "discarded") -> None:
        """Forget the episode being recorded.

        Raises:
            RecordingError: In another state than RECORDING.
        """
        self._require(State.RECORDING, "an episode can be discarded")
        self._forget(reason, State.READY)

    def delete_last(self) -> Future[int]:
        """Take the newest saved episode out of the dataset; the future holds how many are left.

        Raises:
            RecordingError: In another state than READY, or if there is none.
        """
        self._require(State.READY, "the last episode can be taken out")
        if not self.saved:
            raise RecordingError("the dataset has no episode; valid: at least one")
        self.state = State.SAVING
        future = self._writer.delete_last()
        future.add_done_callback(self._on_deleted)
        return future

    def note_policy(self, robot: str, policy: str, goal: str) -> None:
        """Note that a policy moves a robot: part of the provenance of the episode being recorded, if there is one.

        Args:
            robot: The robot.
            policy: Name of the provider.
            goal: Goal of RunPolicy, under which the audit log has its settings.
        """
        entry = {"robot": robot, "policy": policy, "goal": goal}
        if self._episode is not None and entry not in self._episode.policies:
            self._episode.policies.append(entry)

    def note_words(self, stamp: int, row: Mapping[str, Any]) -> None:
        """Note a row of the language columns said at `stamp` [ns, ROS time], if an episode is being recorded."""
        if self._episode is not None:
            self._episode.words.append((stamp, dict(row)))

    def on_push(self, now_ros: int, now_steady: float) -> None:
        """Make what frames can be made, after a sample came or time passed.

        Args:
            now_ros: Present [ns, ROS time].
            now_steady: Present [s, steady time].
        """
        episode = self._episode
        if episode is None:
            self.sampler.idle(now_ros)
            return
        if self.sampler.start is None:
            return
        ending = episode.ending
        try:
            for frame in self.sampler.due(now_ros, ending.until if ending is not None else None):
                self._take(episode, frame)
            if self._writer.failure is not None:
                raise RecordingError(str(self._writer.failure)) from self._writer.failure
            if ending is not None:
                self._finish(episode, ending, now_steady)
        except (StaleError, RecordingError) as error:
            self._fail(error)

    def _finish(self, episode: _Episode, ending: _Ending, now: float) -> None:
        """Have the episode saved once its last frame was made."""
        waiting = self.sampler.is_waiting_for(ending.until)
        if waiting and now < ending.give_up:
            return
        if waiting:
            raise RecordingError(f"nothing came any more on {', '.join(waiting)} before the end of the episode")
        if self.sampler.frames == 0:
            raise RecordingError(
                "no frame was recorded; valid: an episode of at least one frame with every stream present"
            )
        if episode.held is not None:
            self._submit(episode, episode.held, ending)
            episode.held = None
        account = self._account(episode, ending)
        # The next frame would have begun here.
        self._ended = self.sampler.instant(self.sampler.next)
        self.sampler.end()
        future = self._writer.save(lambda: account)
        future.add_done_callback(lambda done: self._on_saved(done, episode, ending, account))

    def _on_saved(self, done: Future[Any], episode: _Episode, ending: _Ending, account: Mapping[str, Any]) -> None:
        """Tell what became of it; in the writer's thread."""
        error = done.exception()
        self._episode = None
        if error is None:
            self.saved = episode.index + 1
            notes = "".join(f"; {note}" for note in account["notes"])
            self.state, self.message = State.READY, f"episode {episode.index} saved: {account['frames']} frames{notes}"
            ending.answer.set_result(Saved(episode.index, account["frames"], account))
            return
        self.not_kept += 1
        is_full = isinstance(error, DiskFullError)
        self.state, self.message = State.FAILED if is_full else State.READY, f"episode {episode.index} is lost: {error}"
        self._on_failure(episode.index, str(error))
        ending.answer.set_exception(RecordingError(self.message))

    def _on_deleted(self, done: Future[int]) -> None:
        """Tell what became of it; in the writer's thread."""
        error = done.exception()
        if error is None:
            self.saved, self.not_kept = done.result(), self.not_kept + 1
            self.state, self.message = State.READY, f"episode {self.saved} was taken out of the dataset"
            return
        self.state, self.message = State.FAILED, f"episode {self.saved - 1} could not be taken out: {error}"

    def _take(self, episode: _Episode, frame: DatasetFrame) -> None:
        """Hold a frame back until the next one, where the last frame of an episode says how it went."""
        self._note_hand(episode, frame)
        if not self.sampler.schema.with_outcome:
            self._submit(episode, frame, None)
            return
        held, episode.held = episode.held, frame
        if held is not None:
            self._submit(episode, held, None)

    def _note_hand(self, episode: _Episode, frame: DatasetFrame) -> None:
        """Note in words where a hand takes the robot and gives it back."""
        has_hand = bool(np.any(frame.values.get(INTERVENTION, False)))
        if has_hand is not episode.has_hand:
            episode.has_hand = has_hand
            words = "a hand corrects the policy" if has_hand else "the hand gives the robot back"
            episode.words.append((frame.stamp, {"role": "user", "style": "interjection", "content": words}))

    def _submit(self, episode: _Episode, frame: DatasetFrame, ending: _Ending | None) -> None:
        values = dict(frame.values)
        if self.sampler.schema.with_outcome:
            is_last = ending is not None
            values[REWARD] = np.array([ending.reward if ending is not None else 0.0], dtype=np.float32)
            values[DONE] = np.array([is_last])
            values[SUCCESS] = np.array([ending is not None and ending.outcome is EpisodeOutcome.SUCCEEDED])
        self._writer.add(values, episode.task)
        episode.last = frame.stamp

    def _fail(self, error: StrandsRobotsError) -> None:
        episode = self._episode
        ending = episode.ending if episode is not None else None
        full = isinstance(self._writer.failure, DiskFullError)
        self._forget(str(error), State.FAILED if full else State.READY)
        if ending is not None:
            ending.answer.set_exception(RecordingError(self.message))

    def _forget(self, reason: str, state: State) -> None:
        index = self.episode
        self.sampler.end()
        self._writer.discard()
        self._episode = None
        self.not_kept += 1
        self.state, self.message = state, f"episode {index} was not kept: {reason}"
        self._on_failure(index, reason)

    def _account(self, episode: _Episode, ending: _Ending) -> dict[str, Any]:
        account = self.sampler.account(
            episode=episode.index, task=episode.task, ended=ending.until, began_wall=episode.began_wall,
            provenance={**self._provenance, **episode.provenance, "policies": episode.policies}, outcome=ending.outcome.name.lower(),
            reward=ending.reward,
        )  # fmt: skip
        account["notes"] = [*account["notes"], *episode.notes]
        start = self.sampler.start or 0
        account["language"] = [{**row, "timestamp": (stamp - start) / SECOND} for stamp, row in episode.words]
        return account

    def _require(self, state: State, what: str) -> None:
        if self.state is not state:
            raise RecordingError(
                f"the recorder is {self.state.name} ({self.message}); valid: {what} when it is {state.name}"
            )
