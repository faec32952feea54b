"""Is there room for a model? Asked before it is loaded: a process that runs out of memory dies without a word."""

from __future__ import annotations

from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth")
RESERVE = 1.15
"""Memory that a model needs for what it computes, as a share of its weights; the weights included."""


def weights_of(folder: Path) -> int:
    """Return the size of the weights in a folder and below it [bytes]."""
    files = {path.resolve() for pattern in WEIGHTS for path in folder.rglob(pattern) if path.is_file()}
    return sum(path.stat().st_size for path in files)


def check_memory(folder: Path, device: str, factor: float = 1.0) -> None:
    """Return if a model's weights fit into what is free.

    Args:
        folder: Folder with its weights; nothing is checked where there are none.
        device: "cpu", "mps", or "cuda" with or without a number.
        factor: Size in memory as a multiple of the size on the disk, where it is loaded in another precision.

    Raises:
        ConfigurationError: If they do not fit; the message says how much is needed and free, or that there is no such device.
    """
    needed = RESERVE * factor * weights_of(folder)
    free = free_memory(device)
    if needed > free:
        raise ConfigurationError(
            f"the weights in '{printable(str(folder))}' need about {needed / 2**30:.1f} GiB on {device}, of which "
            f"{free / 2**30:.1f} GiB are free; valid: another device, a smaller model, or a server"
        )


def free_memory(device: str) -> float:
    """Return what is free on a device [bytes]; infinite where it cannot be asked.

    Raises:
        ConfigurationError: If it is a CUDA device that is not there.
    """
    if device.startswith("cuda"):
        import torch

        number = int(device.partition(":")[2] or 0)
        if not torch.cuda.is_available() or number >= torch.cuda.device_count():
            raise ConfigurationError(
                f"device '{device}' is not here; there are {torch.cuda.device_count()} CUDA devices"
            )
        return float(torch.cuda.mem_get_info(number)[0])
    if device == "cpu":
        import psutil

        return float(psutil.virtual_memory().available)
    return float("inf")
