"""Drive a real robot: `ros2 launch strands_robots real.launch.py robot:=so101 port:=/dev/ttyACM0 arm:=my_arm`."""

from launch import LaunchDescription
from strands_robots.bringup.ros_launch import real_description


def generate_launch_description() -> LaunchDescription:
    """Return the declared arguments and the nodes."""
    return real_description()
