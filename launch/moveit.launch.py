"""Start MoveIt beside a graph: `ros2 launch strands_robots moveit.launch.py robot:=so101`."""

from launch import LaunchDescription
from strands_robots.bringup.moveit_launch import moveit_description


def generate_launch_description() -> LaunchDescription:
    """Return the declared arguments and move_group."""
    return moveit_description()
