"""What a dataset holds: its vectors, cameras and their names, for one robot or several. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.body_state import BodyQuantity
from strands_robots.core.errors import ConfigurationError
from strands_robots.description.lerobot_units import EFFORT, POSITION, VELOCITY, JointCodec, JointUnit

STATE = "observation.state"
VELOCITIES = "observation.velocity"
EFFORTS = "observation.effort"
ENVIRONMENT = "observation.environment_state"
IMAGES = "observation.images."
ACTION = "action"
REWARD, DONE, SUCCESS = "next.reward", "next.done", "next.success"
INTERVENTION = "intervention"
"""As LeRobot's DAgger recording names it: a person commanded the action of this frame.

Source: lerobot/rollout/strategies/dagger.py.
"""

DEPTH = "/depth"
"""End of the name of a camera's depth, as of its topic; LeRobot's feature ends with _depth."""

FORMAT = 1
"""Version of meta/strands_robots/schema.json."""


@dataclass(frozen=True)
class RobotPart:
    """One robot's share of the vectors.

    Attributes:
        name: Its name on the graph.
        codec: Its joints and their units.
    """

    name: str
    codec: JointCodec


@dataclass(frozen=True)
class CameraPart:
    """One camera.

    Attributes:
        name: "<robot>/<camera>", or "<camera>" for a camera of the world; its depth has "/depth" after that.
        height, width: Size [px].
    """

    name: str
    height: int
    width: int

    @property
    def is_depth(self) -> bool:
        """Whether its pictures are distances along the optical axis [m]."""
        return self.name.endswith(DEPTH)


@dataclass(frozen=True)
class Schema:
    """The features of a dataset.

    With several robots the names of elements and cameras carry the robot's name; with one they are flat.

    Attributes:
        fps: Frames a second.
        robots: The robots, in the order of the vectors.
        cameras: The cameras.
        units: "lerobot" or "si".
        with_velocity, with_effort, with_outcome: Which optional features there are.
        robot_type: What LeRobot calls the robot.
        environment: Where bodies of a simulated world are in the base frame of the only robot.
        with_intervention: Whether each frame says that a person commanded (class teleop).
    """

    fps: int
    robots: tuple[RobotPart, ...]
    cameras: tuple[CameraPart, ...] = ()
    units: str = "lerobot"
    with_velocity: bool = False
    with_effort: bool = False
    with_outcome: bool = False
    robot_type: str = ""
    environment: tuple[BodyQuantity, ...] = ()
    with_intervention: bool = False
    keys: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.fps <= 1000:
            raise ConfigurationError(f"fps is {self.fps}; valid: 1 to 1000")
        if not self.robots:
            raise ConfigurationError("no robot is to be recorded; valid: at least one")
        keys = {camera.name: IMAGES + self._camera_key(camera.name) for camera in self.cameras}
        if self.environment and len(self.robots) > 1:
            raise ConfigurationError(
                f"bodies are recorded in the base frame of one robot; given {', '.join(robot.name for robot in self.robots)}"
            )
        if len(set(keys.values())) != len(self.cameras):
            raise ConfigurationError(f"cameras {', '.join(keys)} would share a name; valid: every camera once")
        object.__setattr__(self, "keys", keys)

    def names(self, suffix: str = POSITION) -> list[str]:
        """Return the names of a vector's elements."""
        several = len(self.robots) > 1
        return [
            (f"{robot.name}_{name}" if several else name) + suffix
            for robot in self.robots
            for name in robot.codec.names
        ]

    def features(self) -> dict[str, dict[str, Any]]:
        """Return the features as LeRobotDataset.create takes them."""
        size = len(self.names())
        features: dict[str, dict[str, Any]] = {
            ACTION: _vector(size, self.names()),
            STATE: _vector(size, self.names()),
        }
        if self.with_velocity:
            features[VELOCITIES] = _vector(size, self.names(VELOCITY))
        if self.with_effort:
            features[EFFORTS] = _vector(size, self.names(EFFORT))
        if self.environment:
            features[ENVIRONMENT] = _vector(len(self.environment), [entry.name for entry in self.environment])
        for camera in self.cameras:
            features[self.keys[camera.name]] = {
                "dtype": "video",
                "shape": (camera.height, camera.width, 1 if camera.is_depth else 3),
                "names": ["height", "width", "channels"],
                **({"info": {"is_depth_map": True}} if camera.is_depth else {}),
            }
        if self.with_outcome:
            features[REWARD] = {"dtype": "float32", "shape": (1,), "names": None}
            features[DONE] = {"dtype": "bool", "shape": (1,), "names": None}
            features[SUCCESS] = {"dtype": "bool", "shape": (1,), "names": None}
        if self.with_intervention:
            features[INTERVENTION] = {"dtype": "bool", "shape": (1,), "names": None}
        return features

    def vector(self, parts: Sequence[FloatArray]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the robots' positions (D,) [rad] or [m] as one vector of the dataset's numbers."""
        return np.concatenate([r.codec.to_lerobot(p) for r, p in zip(self.robots, parts)]).astype(np.float32)

    def velocity_vector(self, parts: Sequence[FloatArray]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the robots' velocities (D,) [rad/s] or [m/s] as one vector of the dataset's numbers."""
        return np.concatenate([r.codec.velocity_to_lerobot(p) for r, p in zip(self.robots, parts)]).astype(np.float32)

    def effort_vector(self, parts: Sequence[FloatArray]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the robots' efforts (D,) [Nm] or [N] as one vector; efforts stay as they are."""
        return np.concatenate(list(parts)).astype(np.float32)

    def split(self, vectors: FloatArray) -> dict[str, FloatArray]:
        """Return the dataset's numbers (N, D) as positions (N, D_robot) [rad] or [m] by robot."""
        parts: dict[str, FloatArray] = {}
        start = 0
        for robot in self.robots:
            end = start + len(robot.codec.names)
            parts[robot.name] = robot.codec.to_si(np.asarray(vectors, dtype=np.float64)[..., start:end])
            start = end
        return parts

    def to_json(self) -> dict[str, Any]:
        """Return the schema for meta/strands_robots/schema.json."""
        return {
            "format": FORMAT,
            "fps": self.fps,
            "units": self.units,
            "robot_type": self.robot_type,
            "robots": [
                {
                    "name": robot.name,
                    "joints": [
                        {"joint": u.joint, "unit": u.unit, "scale": u.scale, "offset": u.offset}
                        for u in robot.codec.units
                    ],
                }
                for robot in self.robots
            ],
            "cameras": [
                {"name": c.name, "key": self.keys[c.name], "height": c.height, "width": c.width} for c in self.cameras
            ],
            "velocity": self.with_velocity,
            "effort": self.with_effort,
            "outcome": self.with_outcome,
            **({"intervention": True} if self.with_intervention else {}),
            **({"environment": [asdict(entry) for entry in self.environment]} if self.environment else {}),
        }

    def _camera_key(self, name: str) -> str:
        robot, separator, camera = name.partition("/")
        camera = camera.replace("/", "_")
        if not separator:
            return name
        owners = [part.name for part in self.robots]
        return camera if len(owners) == 1 and robot in owners else f"{robot}_{camera}"


def schema_from_json(data: Mapping[str, Any]) -> Schema:
    """Return the schema that `Schema.to_json` gave.

    Raises:
        ConfigurationError: If it is of another format or not complete.
    """
    try:
        if data["format"] != FORMAT:
            raise ConfigurationError(f"the dataset's schema has format {data['format']}; valid here: {FORMAT}")
        robots = tuple(
            RobotPart(
                robot["name"],
                JointCodec([JointUnit(j["joint"], j["unit"], j["scale"], j["offset"]) for j in robot["joints"]]),
            )
            for robot in data["robots"]
        )
        cameras = tuple(CameraPart(c["name"], c["height"], c["width"]) for c in data["cameras"])
        return Schema(
            data["fps"], robots, cameras, data["units"], data["velocity"], data["effort"], data["outcome"],
            data["robot_type"], tuple(BodyQuantity(**entry) for entry in data.get("environment", ())),
            data.get("intervention", False),
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise ConfigurationError(f"the dataset's schema is not complete: {error!r}") from error


def _vector(size: int, names: list[str]) -> dict[str, Any]:
    return {"dtype": "float32", "shape": (size,), "names": names}
