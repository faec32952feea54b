"""Which files LeRobot's commands may touch for an agent, and which variables of the environment they get. No I/O but looking."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from strands_robots.core.errors import ConfigurationError

_KEPT = re.compile(
    r"PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|PYTHONPATH|VIRTUAL_ENV|AMENT_PREFIX_PATH|ROS_\w+|RMW_\w+|FAST\w+|CYCLONEDDS_URI"
    r"|_ROS_WHEELS_\w+|CUDA_\w+|NVIDIA_\w+|HF_HOME|HF_LEROBOT_\w+|HF_HUB_CACHE|TORCH_HOME|XDG_\w+|OMP_NUM_THREADS|MUJOCO_GL|PYOPENGL_PLATFORM"
)
"""Variables that a job gets; keys of models and clouds are none of them."""

_HUB_KEYS = ("HF_TOKEN", "HF_ENDPOINT", "HF_TOKEN_PATH")
_SYSTEM = ("/etc", "/proc", "/sys", "/dev")


class LeRobotFolders:
    """The folders in which LeRobot's commands may read and write for an agent.

    Args:
        folders: The folders; jobs run in the first, and relative paths are below it.
        kept_out: Files and folders that an agent must not reach: the approval policy, keys, permits, the audit log.

    Raises:
        ConfigurationError: If one is missing, or holds what an agent must not reach.
    """

    def __init__(self, folders: Sequence[Path], kept_out: Sequence[Path] = ()) -> None:
        if not folders:
            raise ConfigurationError("no folder is given; valid: at least one in which LeRobot may read and write")
        self.folders = [folder.expanduser().resolve() for folder in folders]
        for folder in self.folders:
            if not folder.is_dir():
                raise ConfigurationError(
                    f"'{folder}' is no folder; valid: an existing one for LeRobot's datasets and runs"
                )
            if folder in (Path(folder.anchor), Path.home().resolve()) or any(map(folder.is_relative_to, _SYSTEM)):
                raise ConfigurationError(f"'{folder}' holds more than datasets and runs; valid: a folder of their own")
            for secret in (path.expanduser().resolve() for path in kept_out):
                if secret.is_relative_to(folder) or folder.is_relative_to(secret):
                    raise ConfigurationError(
                        f"'{secret}' is not an agent's to reach, and '{folder}' would let it; valid: a folder apart from it"
                    )

    @property
    def home(self) -> Path:
        """Folder that jobs run in."""
        return self.folders[0]

    def inside(self, text: str) -> Path:
        """Return a path, links followed, that is in one of the folders; raises ConfigurationError."""
        if "\x00" in text or not text.isprintable() or len(text) > 1024:
            raise ConfigurationError(f"the path {ascii(text)[:80]} is not printable, or too long")
        path = (self.home / Path(text).expanduser()).resolve()
        if not any(path.is_relative_to(folder) for folder in self.folders):
            valid = ", ".join(str(folder) for folder in self.folders)
            raise ConfigurationError(f"the path {ascii(text)[:200]} is not in an allowed folder; valid: below {valid}")
        return path

    def existing(self, text: str) -> Path:
        """Return an existing path in one of the folders; raises ConfigurationError."""
        path = self.inside(text)
        if not path.exists():
            raise ConfigurationError(f"nothing is at '{path}'; valid: {self._nearest(path)}")
        return path

    def new(self, text: str) -> Path:
        """Return a path in one of the folders at which nothing is yet; raises ConfigurationError."""
        path = self.inside(text)
        if path.exists():
            raise ConfigurationError(f"something is at '{path}' already; valid: a new path, nothing is overwritten")
        return path

    def _nearest(self, path: Path) -> str:
        parent = next(folder for folder in path.parents if folder.is_dir())
        names = sorted(entry.name for entry in parent.iterdir() if not entry.name.startswith("."))[:12]
        return f"in '{parent}': {', '.join(names) or 'nothing'}"


def job_environment(network: str, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables of a job, without keys of anything that it does not need.

    Args:
        network: "none", "download" (without a token) or "upload".
        given: This process's variables.
    """
    given = os.environ if given is None else given
    found = {name: value for name, value in given.items() if _KEPT.fullmatch(name)}
    found |= {"PYTHONUNBUFFERED": "1", "WANDB_MODE": "disabled", "HF_HUB_DISABLE_TELEMETRY": "1", "NO_COLOR": "1"}
    if network == "none":
        found |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    if network == "upload":
        found |= {name: given[name] for name in _HUB_KEYS if name in given}
    else:
        # Not even the token that `hf auth login` stored: a download of what is public needs none.
        found |= {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "HF_TOKEN_PATH": os.devnull}
    return found
