"""A benchmark as a world that is stepped in lockstep: beside LocalWorld the other side of a policy's run. No ROS."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.control.gate import GateReport
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import UnknownNameError, WorldError
from strands_robots.core.stepping import LOCKSTEP, StepAnswer
from strands_robots.core.types import Instant, JointLimits, Observation, StopCategory
from strands_robots.evaluation.benchmarks.client import BenchmarkProcess
from strands_robots.evaluation.digests import ActionDigest
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason


class BenchmarkWorld:
    """Steps a benchmark's task for one session after the other.

    An observation's joints are the elements of the benchmark's action, at what was last sent, and then those of its state. No gate
    stands between policy and benchmark: its actions are no joints of a robot that we know. They are clipped to its bounds.

    Args:
        process: The benchmark.
        name: Name of the benchmark, which stands for the robot.

    Attributes:
        premise: What should have held at the start of the episode and did not.
        actions: What the policy sent in this episode.
        start: Digest of the state at the start.
        steps: Control periods since the start.
        columns: Elements of its action.
        frames: Takes every fifth picture of the first camera; None for no video.
    """

    def __init__(self, process: BenchmarkProcess, name: str) -> None:
        about = process.about
        self.robot = name
        self.process = process
        self.premise: tuple[str, ...] = ()
        self.frames: list[NDArray[np.uint8]] | None = None
        self.actions = ActionDigest()
        self.start = ""
        self.steps = 0
        self.period = 1.0 / float(about["control_rate"])
        self.cameras = {camera: (int(size[0]), int(size[1])) for camera, size in about["cameras"].items()}
        self.columns = tuple(about["action"])
        self.joint_names = (*self.columns, *about["state"])
        self._low, self._high = np.array(about["low"]), np.array(about["high"])
        self.noop = None if about["noop"] is None else np.array(about["noop"])
        self._sent = self.hold()
        self._state = np.zeros(len(about["state"]))
        self._session: PolicySession | None = None
        self._chunk: tuple[Chunk, float] | None = None

    @property
    def limits(self) -> JointLimits:
        """The bounds of the action's elements; the state's have none."""
        free = np.full(len(self.joint_names) - len(self.columns), np.inf)
        without = np.full(len(self.joint_names), np.inf)
        lower, upper = np.concatenate([self._low, -free]), np.concatenate([self._high, free])
        return JointLimits(self.joint_names, lower, upper, without, without, without)

    @property
    def time(self) -> float:
        """Time since the start [s]."""
        return self.steps * self.period

    def begin(self, session: PolicySession, task: str, index: int, seed: int) -> None:
        """Begin an episode for a session.

        Raises:
            WorldError: If the benchmark cannot.
        """
        answer = self.process.ask(do="reset", task=task, index=index, seed=seed)
        self.premise = tuple(str(words) for words, holds in answer["premise"] if not holds)
        self.start = str(answer["digest"])
        self.actions = ActionDigest()
        self.steps = 0
        self._state = answer["observation"]
        self._sent = self.hold()
        self._chunk = None
        self._session = session
        session.on_limits(self.limits)
        self._tell()

    def hold(self) -> NDArray[np.float64]:
        """Return the action that does nothing; where the benchmark has none, the one that it is at."""
        if self.noop is not None:
            return self.noop.copy()
        return np.asarray(
            getattr(self, "_state", 0.5 * (self._low + self._high))[: len(self.columns)], dtype=np.float64
        )

    def mode(self) -> tuple[str, float]:
        """Return "lockstep" and the benchmark's control period [s]."""
        return LOCKSTEP, self.period

    def step(self, client: str, steps: int, chunk: Chunk | None, *, release: bool = False) -> StepAnswer:
        """Advance, see `core.stepping.WorldLink`; ends the session when the benchmark says that its task is done."""
        if chunk is not None:
            missing = [name for name in self.columns if name not in chunk.joint_names]
            if missing:
                words = f"{self.robot}: the action lacks {', '.join(missing)}; valid: {', '.join(self.columns)}"
                return StepAnswer(False, words, (words,), self._observe(), None)
            self.actions.add(chunk, self.time)
            self._chunk = chunk, self.time
        for _ in range(steps):
            if self._session is None or self._session.run.has_ended():
                break
            self._sent = self._row()
            answer = self.process.ask(do="step", action=self._sent)
            self.steps += 1
            self._state = answer["observation"]
            if self.frames is not None and self.steps % 5 == 0:
                self.frames.append(self.picture(next(iter(self.cameras))))
            if answer["success"]:
                self._session.end(RunReason.CONDITION_MET, f"succeeded after {self.steps} steps, {self.time:.2f} s")
        self._tell()
        applied = None
        if self._chunk is not None:
            played = self._chunk[0]
            applied = (played.source, played.sequence, self.columns, self._sent.copy())
        return StepAnswer(True, "", (), self._observe(), applied)

    def picture(self, camera: str) -> NDArray[np.uint8]:
        """Return a picture (H, W, 3) of one of `cameras`.

        Raises:
            UnknownNameError: If there is no such camera.
        """
        if camera not in self.cameras:
            raise UnknownNameError(f"camera of benchmark '{self.robot}'", camera, self.cameras)
        picture: NDArray[np.uint8] = self.process.ask(do="picture", camera=camera)["picture"]
        return picture

    def state_digest(self) -> str:
        """Return the digest of the present state; empty when the benchmark has died."""
        try:
            return str(self.process.ask(do="digest")["digest"])
        except WorldError:
            return ""

    def report_progress(self) -> None:
        """Nothing: no client waits for it."""

    def _row(self) -> NDArray[np.float64]:
        """Return the action of the present control period: the chunk's row, the last one when it is over."""
        if self._chunk is None:
            return self.hold()
        chunk, begin = self._chunk
        row = min(int((self.time - begin) / chunk.control_period + 1e-6), len(chunk.values) - 1)
        order = [chunk.joint_names.index(name) for name in self.columns]
        return np.clip(np.asarray(chunk.values[row], dtype=np.float64)[order], self._low, self._high)

    def _observe(self) -> Observation:
        position = np.concatenate([self._sent, np.asarray(self._state, dtype=np.float64)])
        still = np.zeros(len(position))
        return Observation(self.time, self.joint_names, position, still, still)

    def _tell(self) -> None:
        if self._session is not None:
            report = GateReport(
                self.robot, "evaluation", False, "", 1, StopCategory.CONTROLLED_AND_HOLD, True, "", self._chunk is not None,
                False, 0.0, 0, 0,
            )  # fmt: skip
            self._session.on_gate(report, Instant(self.time, time.monotonic()))


def bounds(about: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a benchmark's lowest and highest action (D,)."""
    return np.array(about["low"], dtype=np.float64), np.array(about["high"], dtype=np.float64)
