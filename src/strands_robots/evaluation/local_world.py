"""A task's world in this process, stepped as world/step does it: through the robot's own gate. Needs MuJoCo; no ROS."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.control.gate import Gate, GateConfig, GateReport, Setpoint
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.control.loop import ControlLoop, RobotLoop, RobotPort
from strands_robots.core.arrays import FloatArray
from strands_robots.core.body_box import BodyBox
from strands_robots.core.chunk import Chunk
from strands_robots.core.condition import Watch
from strands_robots.core.errors import UnknownNameError
from strands_robots.core.pose import Pose
from strands_robots.core.stepping import LOCKSTEP, StepAnswer
from strands_robots.core.types import Instant, JointLimits, Observation
from strands_robots.evaluation.digests import ActionDigest, arrays_sha256
from strands_robots.evaluation.scene import begin_episode, make_world
from strands_robots.evaluation.stages import Progress
from strands_robots.evaluation.task import TaskConfig
from strands_robots.evaluation.world_scene import world_scene
from strands_robots.planning.pick.pick_scene import PickScene
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason
from strands_robots.sim.query.objects import box_around, own_size
from strands_robots.sim.run.lockstep import Stepper, StepRequest

SESSION = "evaluation"
_FOREVER = 1e9  # [s]; nothing but the steps decides about time here


class _NoPort:
    """A robot's state goes nowhere."""

    def publish_state(self, stamp: float, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        return

    def publish_applied(self, stamp: float, setpoint: Setpoint) -> None:
        return

    def publish_gate(self, stamp: float, report: GateReport) -> None:
        return


class LocalWorld:
    """Steps a task's world for one session after the other, and watches the task's conditions.

    Args:
        task: The task.
        port: Where the robot's state goes; None for nowhere.

    Attributes:
        world: The simulated world.
        on_period: Called after each control period, for videos; None for no call.
        premise: Conditions of the task's premise that did not hold at the start of the episode, as JSON.
        actions: What the policy sent in this episode.
        progress: Stages that it reached.
        is_failed: Whether the task's failure condition ended the episode.
    """

    def __init__(self, task: TaskConfig, port: RobotPort | None = None) -> None:
        self.task = task
        self.world = make_world(task)
        self.on_period: Callable[[], None] | None = None
        self.premise: tuple[str, ...] = ()
        self.actions = ActionDigest()
        self.progress = Progress(task.stages, task.success)
        (self._robot,) = self.world.robots.values()
        config = GateConfig(
            self._robot.name, SESSION, control_period=task.control_period, modes=self._robot.config.control_modes,
            stop_category=self._robot.config.stop_category, heartbeat_timeout=_FOREVER, stall_timeout=math.inf,
            handover_speed=self._robot.config.handover_speed,
        )  # fmt: skip
        gate = Gate(config, self._robot.limits, self._robot.position)
        self._loop = RobotLoop(self._robot, gate, port if port is not None else _NoPort())
        self._control = ControlLoop(self.world, [self._loop], task.timestep, task.control_period)
        self._stepper = Stepper(self._control, _FOREVER)
        self._beats = 0
        self._renderer: Any = None
        self._begin = 0.0
        self.is_failed = False
        self._session: PolicySession | None = None
        self._success: Watch | None = None
        self._failure: Watch | None = None

    @property
    def robot(self) -> str:
        """Name of the robot."""
        return self._robot.name

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of its joints."""
        return tuple(self._robot.joint_names)

    @property
    def limits(self) -> JointLimits:
        """Limits of its joints."""
        return self._robot.limits

    @property
    def cameras(self) -> dict[str, tuple[int, int]]:
        """The robot's cameras, and with a slash before them the world's, with height and width [px]."""
        own = {name: (camera.height, camera.width) for name, camera in self._robot.config.cameras.items()}
        world = {f"/{name}": (c.height, c.width) for name, c in self.world.cameras.items() if "/" not in name}
        return {**own, **world}

    @property
    def time(self) -> float:
        """Time since the episode began [s]."""
        return self.world.time - self._begin

    def begin(self, session: PolicySession, seed: int) -> None:
        """Put everything where the seed says, arm the robot, and serve a session from now on."""
        begin_episode(self.world, self.task, seed)
        self._control.restart()
        self._begin = self.world.time
        self._success = Watch(self.task.success)
        self._failure = Watch(self.task.failure) if self.task.failure is not None else None
        self.actions = ActionDigest()
        self.progress = Progress(self.task.stages, self.task.success)
        self.premise = tuple(
            condition.model_dump_json(by_alias=True, exclude_none=True)
            for condition in self.task.premise
            if not Watch(condition).holds(self)
        )
        self.is_failed = False
        for _ in range(2):
            self._beat()
        self.hand_over(session)

    def hand_over(self, session: PolicySession) -> None:
        """Serve another session from now on, in the same episode: nothing is moved, and the robot's set-point stays."""
        self._session = session
        self._stepper.owner = ""
        session.on_limits(self._robot.limits)
        self._tell()

    def mode(self) -> tuple[str, float]:
        """Return "lockstep" and the control period [s]."""
        return LOCKSTEP, self.task.control_period

    def step(self, client: str, steps: int, chunk: Chunk | None, *, release: bool = False) -> StepAnswer:
        """Advance, see `policies.lockstep.WorldLink`; ends the session when a condition of the task holds."""
        chunks = () if chunk is None else ((self._robot.name, chunk),)
        if chunk is not None:
            self.actions.add(chunk, self.time)
        result = self._stepper.step(StepRequest(client, 0, release and not steps, chunks))
        for _ in range(steps):
            if not result.success or self._judge():
                break
            result = self._stepper.step(StepRequest(client, 1))
            if self.on_period is not None:
                self.on_period()
        self._judge()
        self._tell()
        setpoint = self._loop.setpoint
        applied = None
        if setpoint is not None:
            applied = (setpoint.source, setpoint.sequence, self._robot.joint_names, setpoint.target.copy())
        return StepAnswer(result.success, result.message, tuple(result.refusals), self.observe(), applied)

    def picture(self, camera: str) -> NDArray[np.uint8]:
        """Return a picture (H, W, 3) of one of `cameras`.

        Raises:
            UnknownNameError: If there is no such camera.
        """
        if camera not in self.cameras:
            raise UnknownNameError(f"camera of '{self._robot.name}' or of the world", camera, self.cameras)
        return self.draw(camera[1:] if camera.startswith("/") else f"{self._robot.name}/{camera}")

    def draw(self, camera: str, width: int = 0, height: int = 0) -> NDArray[np.uint8]:
        """Return a picture (H, W, 3) of any camera of the world; size 0 takes the camera's own."""
        picture: NDArray[np.uint8] = self._drawing().render(self.world.get_state(), camera, width=width, height=height)
        return picture.copy()

    def draw_depth(self, camera: str) -> NDArray[np.float32]:
        """Return the depth (H, W) [m] that a camera of the world sees; +inf where it sees nothing."""
        from strands_robots.sim.render.renderer import PictureKind

        depth: NDArray[np.float32] = self._drawing().render(self.world.get_state(), camera, PictureKind.DEPTH)
        return depth.copy()

    def _drawing(self) -> Any:
        if self._renderer is None:
            from strands_robots.sim.render.renderer import SceneRenderer

            self._renderer = SceneRenderer(self.world)
        return self._renderer

    def body_pose(self, name: str) -> Pose:
        """Return where a body is in the robot's base frame, which is the world's: the robot stands at the origin.

        Raises:
            UnknownNameError: If there is no such body.
        """
        with self.world.lock:
            data = self.world.data.body(self._body(name))
            return Pose(data.xpos.copy(), data.xmat.reshape(3, 3).copy())

    def body_box(self, name: str) -> BodyBox:
        """Return how large a body is, in the robot's base frame, which is the world's.

        Raises:
            UnknownNameError: If there is no such body.
        """
        with self.world.lock:
            model, data = self.world.model, self.world.data
            body = int(model.body(self._body(name)).id)
            lower, upper = box_around(model, data, body)
            return BodyBox(0.5 * (lower + upper), upper - lower, own_size(model, data, body))

    def pick_scene(self) -> PickScene:
        """Return what stands around the robot now, in its base frame."""
        with self.world.lock:
            return world_scene(self.world, self._robot.name)

    def state_digest(self) -> str:
        """Return the SHA-256 of positions, velocities, activations and controls of the world, hexadecimal."""
        with self.world.lock:
            data = self.world.data
            return arrays_sha256(data.qpos, data.qvel, data.act, data.ctrl)

    def report_progress(self) -> None:
        """Report nothing: no client waits for progress here."""

    def close(self) -> None:
        """Free the graphics."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    # What conditions ask -------------------------------------------------------------------------------------

    def joint(self, name: str, quantity: str) -> float:
        """Return a joint's position, velocity or effort."""
        if name not in self._robot.joint_names:
            raise UnknownNameError("joint", name, self._robot.joint_names)
        return float(getattr(self._robot, quantity)[self._robot.joint_names.index(name)])

    def body(self, name: str) -> tuple[float, float, float]:
        """Return a body's position in the world frame [m]."""
        x, y, z = self.body_pose(name).position.tolist()
        return x, y, z

    def in_contact(self, first: str, second: str) -> bool:
        """Return whether two bodies touch."""
        with self.world.lock:
            wanted = {self.world.model.body(self._body(name)).id for name in (first, second)}
            body = self.world.model.geom_bodyid
            contacts = self.world.data.contact
            return any({int(body[a]), int(body[b])} == wanted for a, b in contacts.geom[: self.world.data.ncon])

    def _body(self, name: str) -> str:
        from strands_robots.sim.world.model_names import BODY, names_of

        known = names_of(self.world.model, BODY)
        for candidate in (name, f"{self._robot.name}/{name}"):
            if candidate in known:
                return candidate
        raise UnknownNameError("body", name, known)

    def _judge(self) -> bool:
        """Return whether the session has ended; end it when a condition holds."""
        session = self._session
        if session is None or self._success is None:
            return True
        if session.run.has_ended():
            return True
        self._robot.read()
        self.progress.look(self)
        if self._success.holds(self):
            session.end(RunReason.CONDITION_MET, f"succeeded after {self.time:.2f} s")
        elif self._failure is not None and self._failure.holds(self):
            self.is_failed = True
            session.end(RunReason.COMPLETED, f"the failure condition held after {self.time:.2f} s")
        return session.run.has_ended()

    def _tell(self) -> None:
        if self._session is not None:
            self._session.on_gate(self._loop.gate.report(self._control.now()), self._now())

    def observe(self) -> Observation:
        """Return what the robot measures now."""
        robot = self._robot
        return Observation(
            self.world.time, robot.joint_names, robot.position.copy(), robot.velocity.copy(), robot.effort.copy()
        )

    def _now(self) -> Instant:
        return Instant(self.world.time, time.monotonic())

    def _beat(self) -> None:
        self._beats += 1
        gate = self._loop.gate
        report = gate.report(self._control.now())
        gate.on_heartbeat(
            Heartbeat(
                SESSION, self._beats, True, 1, {self._robot.name: SESSION}, "", {self._robot.name: report.latch_count}
            ),
            self._control.now(),
        )
