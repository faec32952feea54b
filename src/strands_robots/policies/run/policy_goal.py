"""One goal of run_policy: what was asked for, what is known of the robot, and how it ended. ROS-free."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from strands_robots.control.gate import GateReport
from strands_robots.core.arrays import FloatArray
from strands_robots.core.body_box import BodyBox
from strands_robots.core.errors import ConfigurationError, PolicyError, StrandsRobotsError, UnknownNameError
from strands_robots.core.pose import Pose
from strands_robots.core.types import Action, Instant, JointLimits, Observation, Policy
from strands_robots.planning.pick.pick_scene import PickScene
from strands_robots.planning.surroundings import Surroundings
from strands_robots.policies.host.host import Patience, PolicyHost
from strands_robots.policies.host.opening import PolicyShelf, open_policy
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.run.goal_fields import PolicyGoal, RunOutcome
from strands_robots.policies.run.policy_run import Blending, PolicyRun, RunConfig, RunReason
from strands_robots.policies.run.stopping import StopCondition

DESCRIPTION_WAIT = 1.0
"""How long to wait for the robot's description, which a policy can do without [s, steady time]."""

PICTURE_AGE = 0.5
"""A picture that is older than this when the policy is asked ends the run [s, ROS time]."""


class PolicySession:
    """State that the session's thread and the executor share. Every `on_*` and `end` may be called from any thread.

    Args:
        goal: What was asked for.
        now: The present.
        shelf: Policies that were made in advance.
        patience: How long the policy may take.

    Attributes:
        run: The run; use it while holding `changed`.
        changed: Notified when something was told.
        cameras: The robot's cameras, and with a slash before them the world's, with height and width [px]; None when not known. Set
            before `make_policy`.
        bodies: Returns where bodies of a simulated world are; None where there is none. Set before `make_policy`.
        boxes: Returns how large they are; likewise.
        pick_scene: Returns what a pick is planned in; likewise.
        surroundings: Returns the shapes around the robot; likewise.
        policy: The policy, once made.
        latency: In lockstep, turns the measured time of an inference into the time that passes in the world [s]; None: none passes.
        periods, stale_periods: Control periods since the first chunk, and those of them without a row to play; with `latency`.
        error: What ended a run in lockstep; None while nothing went wrong.
        tell: Takes what must be known of the policy, for example settings of its checkpoint that are not used.

    Raises:
        ConfigurationError: If the goal is not usable.
    """

    def __init__(
        self, goal: PolicyGoal, now: Instant, shelf: PolicyShelf | None = None, patience: Patience | None = None
    ) -> None:
        self.goal = goal
        self.changed = threading.Condition()
        self.cameras: Mapping[str, tuple[int, int]] | None = None
        self.bodies: Callable[[str], Pose] | None = None
        self.boxes: Callable[[str], BodyBox] | None = None
        self.pick_scene: Callable[[], PickScene] | None = None
        self.surroundings: Callable[[str, float | None], Surroundings] | None = None
        self.policy: PolicyHost | None = None
        self.error: StrandsRobotsError | None = None
        self.latency: Callable[[float], float] | None = None
        self.periods = self.stale_periods = 0
        self.tell: Callable[[str], None] = lambda text: None
        self.run = PolicyRun(_run_config(goal), now, time.time_ns())
        self._shelf = shelf if shelf is not None else PolicyShelf()
        self._patience = patience if patience is not None else Patience()
        self._limits: JointLimits | None = None
        self._stop = StopCondition(goal.stop_when) if goal.stop_when.strip() else None
        self._pictures: dict[str, tuple[float, NDArray[np.uint8]]] = {}
        self._places: dict[str, Pose] = {}
        self._recent: deque[Observation] = deque()
        self._history = 1
        self._spacing = 0.0

    def on_observation(self, observation: Observation, now: Instant) -> None:
        """Take an observation."""
        with self.changed:
            self.run.on_observation(observation, now)
            if not self.goal.lockstep:
                self._remember(observation)
            self._check_stop(observation, now)
            self.changed.notify_all()

    def on_picture(self, camera: str, stamp: float, picture: NDArray[np.uint8]) -> None:
        """Take a picture (H, W, 3) RGB of one of the robot's cameras, taken at `stamp` [s, ROS time]."""
        with self.changed:
            self._pictures[camera] = (stamp, picture)
            self.changed.notify_all()

    def see_bodies(self) -> None:
        """Ask the world where the bodies are that the policy needs. Waits for the answer, so not while holding `changed`.

        Raises:
            StrandsRobotsError: If there is no world, or no such body.
        """
        names = self.policy.needs.bodies if self.policy is not None else ()
        if not names:
            return
        ask = self.bodies
        if ask is None:
            raise PolicyError(
                f"the policy needs to know where {', '.join(names)} is; valid: a simulated world, which can say it"
            )
        places = {name: ask(name) for name in names}
        with self.changed:
            self._places = places

    def remember(self, observation: Observation) -> None:
        """Keep an observation with the pictures of its time; for lockstep, where pictures come after it."""
        with self.changed:
            self._remember(observation)

    def on_gate(self, report: GateReport, now: Instant) -> None:
        """Take the gate's state."""
        with self.changed:
            self.run.on_gate(report, now)
            self.changed.notify_all()

    def on_applied(self, source: str, sequence: int, joint_names: tuple[str, ...], values: FloatArray) -> None:
        """Take what the gate let through."""
        with self.changed:
            self.run.on_applied(source, sequence, joint_names, values)

    def on_limits(self, limits: JointLimits) -> None:
        """Take the robot's limits."""
        with self.changed:
            self._limits = limits
            self.changed.notify_all()

    def end(self, reason: RunReason, message: str) -> None:
        """End the run; a policy that is being asked is given up."""
        with self.changed:
            self.run.end(reason, message)
            self.changed.notify_all()

    @property
    def robot(self) -> str:
        """Name of the goal's robot."""
        return self.goal.robot

    def judge(self) -> bool:
        """Return whether the run has ended."""
        return self.run.has_ended()

    def fail(self, message: str) -> None:
        """End as world_failed; the first reason stays."""
        self.end(RunReason.WORLD_FAILED, message)

    def refuse(self, message: str) -> None:
        """End as refused; the first reason stays."""
        self.end(RunReason.REFUSED, message)

    def make_policy(self) -> Policy:
        """Return the policy, reset; call after the first observation.

        Raises:
            StrandsRobotsError: If it cannot be made.
        """
        host = self.load()
        if host.needs.language and not self.goal.task.strip():
            raise ConfigurationError(f"policy '{self.goal.policy}' needs the task in words; the goal gives none")
        self._choose_blending(host)
        needs, gives = host.needs, host.gives
        if needs.history > 1 and gives.rate <= 0.0:
            raise PolicyError(
                f"policy '{self.goal.policy}' needs {needs.history} observations and does not say how far apart"
            )
        if needs.bodies and needs.history > 1 and not self.goal.lockstep:
            raise PolicyError(
                f"policy '{self.goal.policy}' needs {needs.history} observations with bodies of the world; valid: lockstep true"
            )
        self.see_bodies()
        with self.changed:
            self._history = needs.history
            self._spacing = 1.0 / gives.rate if gives.rate > 0.0 else 0.0
        host.reset(self.goal.seed)
        return host

    def load(self) -> PolicyHost:
        """Return the policy as it was kept, or made now.

        Raises:
            StrandsRobotsError: If it cannot be made.
        """
        goal = self.goal
        kept = self._shelf.take(goal.key)
        if kept is not None:
            kept.is_over = self.run.has_ended
            self.policy = kept
            return kept
        with self.changed:
            self.changed.wait_for(lambda: self._limits is not None or self.run.has_ended(), DESCRIPTION_WAIT)
            observation = self.run.observation
            limits = self._limits
        names = observation.joint_names if observation is not None else ()
        if limits is not None and any(name not in limits.index for name in names):
            limits = None
        if self._stop is not None:
            self._stop.check_joints(names)
        context = PolicyContext(
            goal.robot,
            names,
            limits,
            None,
            goal.rate,
            self.cameras,
            goal.adapter,
            bodies=self.bodies,
            boxes=self.boxes,
            pick_scene=self.pick_scene,
            surroundings=self.surroundings,
        )
        self.policy = open_policy(goal.policy, goal.config, context, self._patience, self.run.has_ended)
        if self.cameras is not None:
            for camera in self.policy.needs.cameras:
                if camera not in self.cameras:
                    raise UnknownNameError(f"camera of '{goal.robot}' or of the world", camera, self.cameras)
        if limits is None and goal.adapter.strip():
            self.tell(
                f"the joint limits of '{goal.robot}' are not known: what policy '{goal.policy}' was trained on was not checked"
            )
        for note in self.policy.gives.notes:
            self.tell(f"policy '{goal.policy}' on '{goal.robot}': {note}")
        return self.policy

    def put_away(self) -> None:
        """Close the policy, or keep it where the goal says so."""
        host, self.policy = self.policy, None
        if host is None:
            return
        if self.goal.keep_loaded and host.is_usable:
            self._shelf.put(self.goal.key, host)
        else:
            host.close()

    def complete(self, observation: Observation) -> Observation:
        """Return an observation with everything that the policy needs besides the joints.

        Raises:
            PolicyError: If a picture is missing or too old.
        """
        cameras = self.policy.needs.cameras if self.policy is not None else {}
        with self.changed:
            images = {}
            for camera in cameras:
                if camera not in self._pictures:
                    raise PolicyError(f"no picture of '{camera}' has come")
                stamp, images[camera] = self._pictures[camera]
                if observation.stamp - stamp > PICTURE_AGE:
                    raise PolicyError(
                        f"the last picture of '{camera}' is {observation.stamp - stamp:.2f} s old; valid: up to {PICTURE_AGE} s"
                    )
            return replace(
                observation, images=images, earlier=self._earlier_than(observation.stamp), task=self.goal.task,
                bodies=self._places,
            )  # fmt: skip

    def has_pictures(self) -> bool:
        """Return whether every camera that the policy needs has sent a picture; the caller holds `changed`."""
        return self.policy is None or all(camera in self._pictures for camera in self.policy.needs.cameras)

    def outcome(self, now: Instant) -> RunOutcome:
        """Return what became of an ended run."""
        run = self.run
        with self.changed:
            ending = run.ending
            if ending is None:
                raise PolicyError("the run is not over; valid: to ask when it has ended")
            lost = run.lost_chunks
            success = ending.reason in (RunReason.COMPLETED, RunReason.CONDITION_MET) and lost == 0
            message = ending.message if not lost else f"{ending.message}; {lost} of {run.chunks} chunks were not played"
            return RunOutcome(
                success, message, ending.reason, run.chunks, run.steps(now), run.elapsed(now), run.motion.joint_names,
                tuple((run.motion.highest - run.motion.lowest).tolist()), run.underruns,
                run.latencies.percentile(50.0), run.latencies.percentile(99.0),
            )  # fmt: skip

    def _choose_blending(self, host: PolicyHost) -> None:
        wanted = self.goal.blending
        if wanted == Blending.RTC.value and not host.gives.rtc:
            raise ConfigurationError(
                f"policy '{self.goal.policy}' has no real-time chunking; valid: splice, ensemble, or nothing"
            )
        if not wanted and host.gives.rtc:
            with self.changed:
                self.run.config = replace(self.run.config, blending=Blending.RTC)

    def _remember(self, observation: Observation) -> None:
        if self._history == 1:
            return
        if self._recent and observation.stamp < self._recent[-1].stamp:
            self._recent.clear()  # ROS time went back: what was seen is of another world.
        images = {camera: picture for camera, (_, picture) in self._pictures.items()}
        self._recent.append(replace(observation, images=images, bodies=self._places))
        while self._recent[0].stamp < observation.stamp - self._history * self._spacing:
            self._recent.popleft()

    def _earlier_than(self, stamp: float) -> tuple[Observation, ...]:
        """Return what was seen one, two, ... of the policy's periods before `stamp`, oldest first, as far as the episode goes back."""
        if self._history == 1 or not self._recent:
            return ()
        first = self._recent[0].stamp - 0.5 * self._spacing
        times = [stamp - k * self._spacing for k in range(self._history - 1, 0, -1)]
        return tuple(min(self._recent, key=lambda frame: abs(frame.stamp - time)) for time in times if time >= first)

    def _check_stop(self, observation: Observation, now: Instant) -> None:
        if self._stop is None or self.run.chunks == 0 or self.run.has_ended():
            return
        if self._stop.is_met(observation, self.run.elapsed(now)):
            self.run.end(RunReason.CONDITION_MET, f"stop_when holds after {self.run.elapsed(now):.2f} s")


def infer(session: PolicySession, policy: Policy, observation: Observation) -> tuple[Action, float]:
    """Return the policy's answer and how long it took [s].

    Raises:
        StrandsRobotsError: If the policy failed.
    """
    session.see_bodies()
    complete = session.complete(observation)
    with session.changed:
        is_rtc = session.run.config.blending is Blending.RTC
        playback = session.run.playback(observation) if is_rtc else None
    begin = time.monotonic()
    action = policy.infer(complete, playback)
    return action, time.monotonic() - begin


def _run_config(goal: PolicyGoal) -> RunConfig:
    valid = [blending.value for blending in Blending]
    if goal.blending and goal.blending not in valid:
        raise UnknownNameError("blending", goal.blending, valid)
    blending = Blending(goal.blending) if goal.blending else Blending.SPLICE
    config = RunConfig(
        goal.robot,
        f"policy/{goal.policy}",
        goal.duration,
        goal.steps,
        blending=blending,
        execute_rows=goal.execute_rows,
    )
    if goal.lockstep:  # Time passes by this session's own steps only: nothing to wait for, and nothing grows old.
        config = replace(config, lease_wait=0.0, observation_timeout=math.inf, is_realtime=False)
    return config
