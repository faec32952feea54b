"""LeRobot plug-in: tasks of strands_robots as the environment type `strands`, in lockstep and through the robot's gate.

`strands_online` is the environment of LeRobot's online learning, see `online`: the same tasks, or a robot of the graph.

LeRobot finds it by its name once it is installed: `pip install -e src/lerobot_env_strands` in a shell that has sourced the workspace.
"""

from .config_strands_env import StrandsEnvConfig
from .config_strands_online import StrandsOnlineEnvConfig
from .env import StrandsEnv
from .online_env import OnlineEnv

__all__ = ["OnlineEnv", "StrandsEnv", "StrandsEnvConfig", "StrandsOnlineEnvConfig"]
