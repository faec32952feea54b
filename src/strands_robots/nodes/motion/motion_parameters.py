"""Parameters of motion_node."""

from __future__ import annotations

from dataclasses import dataclass

from strands_robots.ros.process.parameters import parameter


@dataclass(frozen=True)
class MotionParameters:
    """Parameters of motion_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log.")
    robots: tuple[str, ...] = parameter(
        ("so101=so101",), "Robots as sim_node has them, '<name>=<robot>'; a known robot or a YAML, MJCF or URDF file."
    )
    avoid_ground: bool = parameter(True, "Keep the robots clear of the plane under the lowest shape of their bases.")
    path_tolerance: float = parameter(
        0.0, "Largest error of a joint while a trajectory is followed [rad] or [m]; 0: none.", minimum=0.0, maximum=10.0
    )
    goal_tolerance: float = parameter(
        0.02, "Largest error of a joint at the end of a trajectory [rad] or [m]; 0: none.", minimum=0.0, maximum=10.0
    )
    stopped_velocity_tolerance: float = parameter(
        0.01,
        "Largest velocity of a joint at the end of a trajectory [rad/s] or [m/s]; 0: none.",
        minimum=0.0,
        maximum=10.0,
    )
    goal_time: float = parameter(
        2.0, "How long after the end of a trajectory its joints may need [s].", minimum=0.01, maximum=60.0
    )
    allow_stalling: bool = parameter(True, "A goal of a gripper's controller that met an object succeeds.")
