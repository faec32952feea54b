"""All checks, at the same time because the slow ones wait for child processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

from strands_robots.core.errors import UnknownNameError
from strands_robots.doctor.building import check_compiler, check_inner_loop
from strands_robots.doctor.devices import check_buttons, check_cameras, check_serial_ports
from strands_robots.doctor.graphics import check_gl, check_gpu
from strands_robots.doctor.learning import check_lerobot, check_torch
from strands_robots.doctor.machine import Machine
from strands_robots.doctor.middleware import check_domain, check_rmw, check_router
from strands_robots.doctor.result import Result
from strands_robots.doctor.ros import check_interfaces, check_python, check_ros
from strands_robots.doctor.storage import check_disk, check_shared_memory

CHECKS: Mapping[str, Callable[[Machine], Result]] = MappingProxyType(
    {
        "python": check_python,
        "ros": check_ros,
        "interfaces": check_interfaces,
        "rmw": check_rmw,
        "router": check_router,
        "domain": check_domain,
        "gl": check_gl,
        "gpu": check_gpu,
        "torch": check_torch,
        "lerobot": check_lerobot,
        "compiler": check_compiler,
        "inner_loop": check_inner_loop,
        "disk": check_disk,
        "shared_memory": check_shared_memory,
        "cameras": check_cameras,
        "serial_ports": check_serial_ports,
        "stop_buttons": check_buttons,
    }
)
"""Every check by its name, in the order in which they are shown."""


def examine(machine: Machine, names: Sequence[str] = ()) -> list[Result]:
    """Return the result of each check.

    Args:
        machine: What is looked at.
        names: Checks to make; empty for all.

    Raises:
        UnknownNameError: If there is no check of a name.
    """
    for name in names:
        if name not in CHECKS:
            raise UnknownNameError("check", name, CHECKS)
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(lambda check: check(machine), (CHECKS[name] for name in names or CHECKS)))
