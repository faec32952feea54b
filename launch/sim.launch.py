"""Start a simulation: `ros2 launch strands_robots sim.launch.py robot:=so101`. bringup/sim.py lists the nodes."""

from launch import LaunchDescription
from strands_robots.bringup.ros_launch import sim_description


def generate_launch_description() -> LaunchDescription:
    """Return the declared arguments and the nodes."""
    return sim_description()
