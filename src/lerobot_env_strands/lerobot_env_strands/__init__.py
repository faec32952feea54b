"""LeRobot plug-in: tasks of strands_robots as the environment type `strands`, in lockstep and through the robot's gate.

LeRobot finds it by its name once it is installed: `pip install -e src/lerobot_env_strands` in a shell that has sourced the workspace.
"""

from .config_strands_env import StrandsEnvConfig
from .env import StrandsEnv

__all__ = ["StrandsEnv", "StrandsEnvConfig"]
