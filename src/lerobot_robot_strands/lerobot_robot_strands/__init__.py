"""LeRobot plug-in: the ROS 2 graph of strands_robots as a robot (`strands`) and a teleoperator (`strands_leader`).

LeRobot finds it by its name once it is installed: `pip install -e src/lerobot_robot_strands` in a shell that has sourced the workspace.
"""

from .config_strands import StrandsLeaderConfig, StrandsRobotConfig
from .strands import StrandsLeader, StrandsRobot

__all__ = ["StrandsLeader", "StrandsLeaderConfig", "StrandsRobot", "StrandsRobotConfig"]
