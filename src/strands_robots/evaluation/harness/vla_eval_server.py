"""Our policies as a model server of vla-eval: every benchmark there for them. Needs vla-eval; no ROS, no MuJoCo.

strands-robots benchmark serve lerobot --config '{path: outputs/act}' --adapter act.yaml --robot so101
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from vla_eval.model_servers.base import SessionContext
from vla_eval.model_servers.predict import PredictModelServer
from vla_eval.specs import IMAGE_RGB, LANGUAGE, RAW, DimSpec

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.core.pose import Pose
from strands_robots.core.types import Instant, Observation
from strands_robots.description.lerobot_units import Units
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.harness.vla_eval_specs import joint_spec
from strands_robots.policies.host.host import Patience
from strands_robots.policies.host.opening import PolicyShelf
from strands_robots.policies.registry import policy_names
from strands_robots.policies.run.goal_fields import PolicyGoal
from strands_robots.policies.run.policy_goal import PolicySession, infer
from strands_robots.recording.recording_options import robot_numbers

PATIENCE = Patience(load=600.0, infer=300.0)
LONGEST_CHUNK = 4096  # [rows]


@dataclass(frozen=True)
class ServedColumns:
    """What the numbers of actions and states are.

    Attributes:
        robot: A robot whose joint positions they are; empty for a benchmark that acts in something else.
        units: Of a robot's joint positions.
        action: Elements of an action, for a benchmark; for LIBERO dx, dy, dz, droll, dpitch, dyaw, gripper.
        state: Elements of `state`, for a benchmark; an adapter names them.
        rate: Actions a second [Hz].
        rows: Rows of each chunk that are played before the policy is asked again; 0 for all.
        bodies: Bodies whose x, y, z and yaw are in the benchmark's `environment_state`, for policies that ask for them.
        cameras: Camera as the policy's adapter names it, by the benchmark's name; one that is not listed keeps its name.

    Raises:
        ConfigurationError: If neither a robot nor the elements of the action are given, or both are.
    """

    robot: str = ""
    units: Units = Units.LEROBOT
    action: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    rate: float = 20.0
    rows: int = 0
    bodies: tuple[str, ...] = ()
    cameras: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.robot) == bool(self.action):
            raise ConfigurationError(
                f"robot is '{self.robot}' and the action is '{','.join(self.action)}'; valid: one of them"
            )
        if self.robot and self.state:
            raise ConfigurationError("a robot's state is its joints; valid: no names of a state with a robot")
        if not self.rate > 0.0:
            raise ConfigurationError(f"the rate is {self.rate} Hz; valid: above 0")
        if not 0 <= self.rows <= LONGEST_CHUNK:
            raise ConfigurationError(f"{self.rows} rows were given; valid: 0 to {LONGEST_CHUNK}")


class StrandsModelServer(PredictModelServer):  # type: ignore[misc]
    """One policy behind vla-eval's protocol, for one episode at a time; chunks are played row by row.

    Args:
        choice: The policy.
        columns: What the numbers are.
    """

    def __init__(self, choice: PolicyChoice, columns: ServedColumns) -> None:
        super().__init__(chunk_size=columns.rows or LONGEST_CHUNK)
        self._choice, self._columns = choice, columns
        self._codec = robot_numbers(load_robot(columns.robot), columns.units) if columns.robot else None
        self._action_names = self._codec.names if self._codec is not None else columns.action
        self._names = (*self._action_names, *columns.state)
        self._shelf = PolicyShelf()
        self._running = ""
        self._session: PolicySession | None = None
        self._policy: Any = None
        self._sent: FloatArray = np.zeros(len(columns.action))
        self._places: dict[str, Pose] = {}
        self._episodes = 0

    def get_action_spec(self) -> dict[str, DimSpec]:
        """Return what an action is."""
        if self._codec is not None:
            return {"joints": joint_spec(self._codec.keys, self._columns.units)}
        return {"raw": DimSpec("raw", len(self._action_names), RAW.format, description=", ".join(self._action_names))}

    def get_observation_spec(self) -> dict[str, DimSpec]:
        """Return what an observation must have."""
        if self._codec is not None:
            return {
                "state": joint_spec(self._codec.keys, self._columns.units),
                "image": IMAGE_RGB,
                "language": LANGUAGE,
            }
        return {"state": DimSpec("state", len(self._columns.state), "raw"), "image": IMAGE_RGB, "language": LANGUAGE}

    async def on_episode_start(self, config: dict[str, Any], ctx: SessionContext) -> None:
        """Begin an episode.

        Raises:
            PolicyError: If another harness is in the middle of one.
        """
        if self._running not in ("", ctx.session_id):
            raise PolicyError("another harness is in an episode; valid: one model server for each shard")
        self._running = ctx.session_id
        self._put_away()
        self._sent = np.zeros(len(self._columns.action))
        await super().on_episode_start(config, ctx)

    async def on_episode_end(self, result: dict[str, Any], ctx: SessionContext) -> None:
        """End an episode; the policy is kept for the next one."""
        if self._running == ctx.session_id:
            self._running = ""
            self._put_away()
        await super().on_episode_end(result, ctx)

    def predict(self, obs: dict[str, Any], ctx: SessionContext) -> dict[str, Any]:
        """Return the policy's rows (H, D) for an observation.

        Raises:
            StrandsRobotsError: If the observation is not what was declared, or the policy fails.
        """
        if self._running != ctx.session_id:
            raise PolicyError("no episode has begun on this connection; valid: episode_start first")
        observation = self._observation(obs, ctx.step / self._columns.rate)
        self._places = self._bodies(obs)
        if self._session is None and self._codec is not None:
            self._sent = observation.position
        session = self._session if self._session is not None else self._open(observation, obs)
        session.on_observation(observation, Instant(observation.stamp, 0.0))
        for name, picture in _pictures(obs).items():
            camera = self._columns.cameras.get(name, name)
            session.on_picture(camera, observation.stamp, np.asarray(picture, dtype=np.uint8))
        action, _ = infer(session, self._policy, observation)
        rows = self._rows(action.joint_names, action.values, action.control_period)[: self.chunk_size]
        self._sent = rows[-1]
        return {"actions": self._numbers(rows).astype(np.float32)}

    def close(self) -> None:
        """Free the policy."""
        self._put_away()
        self._shelf.close()

    def _open(self, observation: Observation, obs: dict[str, Any]) -> PolicySession:
        """Make the policy, or take the one of the last episode, and begin."""
        choice = self._choice
        words = str(obs.get("task_description") or obs.get("language") or "")
        goal = PolicyGoal(
            f"{self._episodes:x}", self._columns.robot or "benchmark", choice.policy, choice.config, words, duration=1e6,
            seed=self._episodes, lockstep=True, adapter=choice.adapter, keep_loaded=True,
        )  # fmt: skip
        session = PolicySession(goal, Instant(0.0, 0.0), self._shelf, PATIENCE)
        sizes = {name: np.asarray(picture).shape for name, picture in _pictures(obs).items()}
        session.cameras = {self._columns.cameras.get(name, name): (size[0], size[1]) for name, size in sizes.items()}
        session.bodies = self._place
        session.on_observation(observation, Instant(observation.stamp, 0.0))
        self._policy = session.make_policy()
        if self._policy.needs.history > 1:
            session.put_away()
            raise ConfigurationError(
                f"policy '{choice.policy}' needs {self._policy.needs.history} observations, and a server is shown only those that "
                "it must answer; valid: a policy that needs one"
            )
        self._session = session
        self._episodes += 1
        return session

    def _put_away(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.put_away()

    def _observation(self, obs: dict[str, Any], stamp: float) -> Observation:
        columns = self._columns
        wanted = len(self._action_names) if columns.robot else len(columns.state)
        state = np.asarray(obs.get("state", ()), dtype=np.float64).reshape(-1)
        if len(state) != wanted or not np.isfinite(state).all():
            raise PolicyError(
                f"the state has {len(state)} numbers; valid: {wanted} finite ones, {', '.join(self._names)}"
            )
        position = self._codec.to_si(state) if self._codec is not None else np.concatenate([self._sent, state])
        still = np.zeros(len(position))
        return Observation(stamp, self._names, position, still, still)

    def _bodies(self, obs: dict[str, Any]) -> dict[str, Pose]:
        """Return where the bodies are that the observation tells of."""
        bodies = self._columns.bodies
        if not bodies:
            return {}
        told = np.asarray(obs.get("environment_state", ()), dtype=np.float64).reshape(-1)
        if len(told) != 4 * len(bodies) or not np.isfinite(told).all():
            raise PolicyError(
                f"environment_state has {len(told)} numbers; valid: x, y, z and yaw of {', '.join(bodies)}, finite"
            )
        return {body: _upright(*place) for body, place in zip(bodies, told.reshape(-1, 4).tolist(), strict=True)}

    def _place(self, body: str) -> Pose:
        if body not in self._places:
            raise UnknownNameError("body that the benchmark tells of", body, self._places)
        return self._places[body]

    def _numbers(self, rows: FloatArray) -> FloatArray:
        return rows if self._codec is None else self._codec.to_lerobot(rows)

    def _rows(self, names: Sequence[str], values: FloatArray, period: float) -> FloatArray:
        """Return rows at the server's rate in the order of the action; joints of a robot that are not commanded stay."""
        missing = [name for name in self._action_names if name not in names]
        if missing and self._codec is None:
            raise PolicyError(f"the policy's action lacks {', '.join(missing)}; valid: {', '.join(self._action_names)}")
        rows = np.tile(self._sent, (len(values), 1))
        for column, name in enumerate(self._action_names):
            if name in names:
                rows[:, column] = values[:, list(names).index(name)]
        if len(rows) == 1 or abs(period * self._columns.rate - 1.0) < 1e-6:
            return rows
        duration = len(rows) * period
        times = np.arange(max(round(duration * self._columns.rate), 1)) / self._columns.rate
        steps = np.arange(len(rows)) * period
        return np.stack([np.interp(times, steps, column) for column in rows.T], axis=1)


def serve_policy(choice: PolicyChoice, columns: ServedColumns, host: str, port: int) -> None:
    """Serve a policy until the process is interrupted.

    Raises:
        UnknownNameError: If there is no such policy.
    """
    from vla_eval.model_servers.serve import serve

    if choice.policy not in policy_names():
        raise UnknownNameError("policy", choice.policy, policy_names())
    server = StrandsModelServer(choice, columns)
    try:
        serve(server, host, port)
    finally:
        server.close()


def _upright(x: float, y: float, z: float, yaw: float) -> Pose:
    cosine, sine = math.cos(yaw), math.sin(yaw)
    return Pose(np.array([x, y, z]), np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]]))


def _pictures(obs: dict[str, Any]) -> dict[str, Any]:
    found = obs.get("images")
    return dict(found) if isinstance(found, dict) else {}
