"""torch and LeRobot, which only learned policies and datasets need."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

from strands_robots.doctor.machine import Machine
from strands_robots.doctor.result import Result, absent, failed, ok, warning

_TORCH = "import torch; print(torch.__version__, torch.cuda.is_available(), torch.version.cuda)"
_HINT = "make setup-learning (several gigabytes)"


def check_torch(machine: Machine) -> Result:
    """torch, imported in a child process, and whether it sees the graphics processor."""
    if not _version("torch"):
        return absent("torch", f"not installed; learned policies need it: {_HINT}")
    answer = machine.run_python(_TORCH, 120.0)
    if answer.code != 0:
        return failed(
            "torch",
            f"{_version('torch')} cannot be imported: {answer.last_words}",
            f"{machine.python} -m pip install --force-reinstall torch",
            "or: make setup-learning",
        )
    found, has_gpu, cuda = answer.output.strip().splitlines()[-1].split()
    if has_gpu != "True" and (machine.root / "proc" / "driver" / "nvidia" / "version").exists():
        return warning(
            "torch",
            f"{found} does not see the GPU (built for CUDA {cuda})",
            "compare the CUDA version of nvidia-smi with that of torch",
            "then install the matching build: https://pytorch.org/get-started/locally",
        )
    return ok("torch", f"{found}, {'with' if has_gpu == 'True' else 'without'} GPU")


def check_lerobot(machine: Machine) -> Result:
    """LeRobot in a version that fits this Python."""
    found = _version("lerobot")
    if not found:
        return absent("lerobot", f"not installed; datasets need it: {_HINT}")
    series = ".".join(found.split(".")[:2])
    wanted = "0.6" if sys.version_info >= (3, 12) else "0.4"
    if series != wanted:
        return warning(
            "lerobot",
            f"{found}; tested with this Python: {wanted}",
            "make setup-learning",
            f"or: {machine.python} -m pip install 'lerobot=={wanted}.*'",
        )
    return ok("lerobot", found)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
