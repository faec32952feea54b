"""Which transport of Fast DDS a process uses: shared memory where pictures flow, UDP everywhere else.

A writer that opens the shared-memory port of a process that is just starting waits until that process answers. On a busy machine this held
the whole writing process, its control loop included, for 0.3 s when a process joined, which is longer than the gate's heartbeat timeout.
With UDP no process waits. So only processes that exchange pictures carry shared memory.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

_PROFILES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_TRANSPORTS = "FASTDDS_BUILTIN_TRANSPORTS"
_OURS = os.path.join("strands_robots", "config", "fastdds.xml")
_UDP = os.path.join("strands_robots", "config", "fastdds_udp.xml")


def use_udp_only(environ: MutableMapping[str, str] = os.environ) -> None:
    """Keep this process to UDP; call it before rclpy is initialised. What the user chose stays, and other middlewares ignore it."""
    if _TRANSPORTS in environ or any(not environ.get(name, _OURS).endswith(_OURS) for name in _PROFILES):
        return
    for name in _PROFILES:
        if name in environ:
            environ[name] = environ[name].removesuffix(_OURS) + _UDP
    if not any(name in environ for name in _PROFILES):
        environ[_TRANSPORTS] = "UDPv4"
