"""Parameters of recorder_node."""

from __future__ import annotations

from dataclasses import dataclass

from strands_robots.ros.process.parameters import parameter


@dataclass(frozen=True)
class RecorderParameters:
    """Parameters of recorder_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log and the provenance.")
    robots: tuple[str, ...] = parameter(
        ("so101=so101",),
        "Robots as the robot nodes have them, '<name>=<robot>'; a known robot or a YAML, MJCF or URDF file.",
    )
    folder: str = parameter(
        "", "Folder of datasets without a root; empty for strands_robots/datasets in $ROS_HOME or ~/.ros."
    )
