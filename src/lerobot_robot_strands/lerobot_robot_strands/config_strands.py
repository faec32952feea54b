"""Options of the plug-in, as LeRobot's commands take them: --robot.type=strands --robot.robot=so101."""

from __future__ import annotations

from dataclasses import dataclass, field

from lerobot.robots.config import RobotConfig
from lerobot.teleoperators.config import TeleoperatorConfig


@dataclass(kw_only=True)
class GraphConfig:
    """Which robot of the graph.

    Attributes:
        robot: Its name on the graph.
        model: A known robot or a YAML file; gives joints and units.
        namespace: Namespace of the graph.
        timeout: How long `connect` waits for everything to be heard once [s].
        max_age: How old a measurement or picture may be; an older one is an error, not an observation [s].
    """

    robot: str = "so101"
    model: str = "so101"
    namespace: str = ""
    timeout: float = 10.0
    max_age: float = 1.0


@RobotConfig.register_subclass("strands")
@dataclass(kw_only=True)
class StrandsRobotConfig(RobotConfig, GraphConfig):
    """A robot of the graph.

    Attributes:
        source: Who commands, "class/name"; its class decides about the lease.
        graph_cameras: Cameras below the robot's name, with their sizes (height, width) [px].
        lifetime: How long a command may still be accepted after it was sent [s].
    """

    source: str = "teleop/lerobot"
    graph_cameras: dict[str, tuple[int, int]] = field(default_factory=dict)
    lifetime: float = 0.5


@TeleoperatorConfig.register_subclass("strands_leader")
@dataclass(kw_only=True)
class StrandsLeaderConfig(TeleoperatorConfig, GraphConfig):
    """A robot of the graph as the leader: its measured joints are the action.

    Attributes:
        follow: "joint_states" for an arm that is moved by hand, "command_applied" for the set-points of the source that moves the robot.
    """

    follow: str = "joint_states"
