"""Discovery and transports, decided in one place for nodes, commands and Robot(); cmake/middleware.sh decides the same for shells. No I/O.

A graph stays on its machine unless STRANDS_ROBOTS_DISCOVERY_RANGE=SUBNET or ROS_STATIC_PEERS says otherwise, so that it never moves a
neighbour's arm. ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET and ROS_LOCALHOST_ONLY=0 say nothing: the setup.bash of every ROS installation
sets them. What keeps a graph on its machine depends on the middleware:

* Fast DDS: a profile that binds its sockets to 127.0.0.1. The variables of ROS would add a transport on all addresses, and one in shared
  memory, to those of the profile (Fast DDS 2.6 and 2.14), so a process of this package takes them out of its own environment.
* Zenoh: its sessions listen on localhost by themselves, and bringup keeps the router there.
* Any other, as Cyclone DDS: the variable that the ROS distribution knows. Cyclone DDS then numbers the processes of a machine, up to
  10 on Humble and 33 on Jazzy, and refuses the next one; a graph and its commands are more, so it is told of more.

Shared memory is for processes with pictures only. A writer that opens the shared-memory port of a process that is just starting waits
until that process answers. On a busy machine this held the whole writing process, its control loop included, for 0.3 s whenever a
process joined, which is longer than the gate's heartbeat timeout. With UDP nothing waits.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from strands_robots.core.errors import ConfigurationError

PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
"""Fast DDS 3 reads the first, Fast DDS 2 (Humble, Jazzy) the second.

Kilted's rmw_fastrtps_cpp reads both, warns of the second, and loads a profile twice that both name.
"""

_FASTDDS_2 = ("humble", "iron", "jazzy")

TRANSPORTS_VARIABLE = "FASTDDS_BUILTIN_TRANSPORTS"
CYCLONE_VARIABLE = "CYCLONEDDS_URI"
RANGE_VARIABLE = "STRANDS_ROBOTS_DISCOVERY_RANGE"
"""How far a graph reaches, for a person who wants more than this machine; ROS's own variables cannot say that (`_OF_INSTALLATIONS`)."""

RANGES = ("LOCALHOST", "SUBNET")
DISCOVERY_VARIABLES = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS")
GRAPH_VARIABLES = (
    "RMW_IMPLEMENTATION", RANGE_VARIABLE, *DISCOVERY_VARIABLES, *PROFILE_VARIABLES, TRANSPORTS_VARIABLE, CYCLONE_VARIABLE,
    "ZENOH_SESSION_CONFIG_URI", "ZENOH_CONFIG_OVERRIDE",
)  # fmt: skip
"""What has to be the same in two processes that are to find each other."""

_OF_INSTALLATIONS = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "ROS_LOCALHOST_ONLY": "0"}
"""What the setup.bash of a ROS installation sets in every shell, so that it is no choice of a person.

Source: ros/ros_environment, env-hooks/1.ros_localhost_only (Humble) and 1.ros_discovery (Iron and later): set-if-unset.
"""

_CYCLONE_LOCAL = (
    "<CycloneDDS><Domain><General><AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto</ParticipantIndex>"
    "<MaxAutoParticipantIndex>99</MaxAutoParticipantIndex></Discovery>"
    "<Internal><WriterLingerDuration>100 ms</WriterLingerDuration></Internal></Domain></CycloneDDS>"
)
"""As many processes as there are ports for in one domain, nearly; and no multicast, for want of which on the loopback interface each
process of Humble's would complain in a line.

A publisher or client that is given up waits, with all of Python, for the receipts of its readers: 1 s by default while one of them was
killed and is not forgotten yet. A gate stops its robot after 0.25 s without a heartbeat.

Source: Cyclone DDS 0.10 configuration, Discovery/MaxAutoParticipantIndex: 9, and Internal/WriterLingerDuration: 1 s; rmw_cyclonedds_cpp of
Jazzy: 32 processes.
"""

_FASTDDS = ("", "rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp")
_FILES = ("fastdds.xml", "fastdds_udp.xml", "fastdds_local.xml", "fastdds_udp_local.xml")


def is_local(environ: Mapping[str, str]) -> bool:
    """Return whether a graph in this environment stays on its machine; of two that disagree the narrower range holds.

    Source: docs.ros.org/en/jazzy, "Improved Dynamic Discovery"; Humble knows only ROS_LOCALHOST_ONLY.
    """
    if environ.get("ROS_LOCALHOST_ONLY") == "1":
        return True
    if environ.get("ROS_STATIC_PEERS"):
        return False
    chosen = environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "")
    return chosen == "LOCALHOST" or (chosen in ("", "SUBNET") and environ.get(RANGE_VARIABLE) != "SUBNET")


def check_range(environ: Mapping[str, str]) -> None:
    """Check the range that a person asks for.

    Raises:
        ConfigurationError: If it is none.
    """
    given = environ.get(RANGE_VARIABLE, "")
    if given not in ("", *RANGES):
        raise ConfigurationError(f"{RANGE_VARIABLE} is {given!a}; valid: {', '.join(RANGES)}")


def is_of_installation(name: str, value: str) -> bool:
    """Return whether a variable has the value that a ROS installation gives it in every shell."""
    return _OF_INSTALLATIONS.get(name) == value


def is_own_profile(value: str) -> bool:
    """Return whether a profile of Fast DDS is one that comes with this package, and so no choice of the user's."""
    path = Path(value)
    return path.name in _FILES and path.parent.name == "config"


def transport_variables(environ: Mapping[str, str], share: Path | None, has_pictures: bool) -> dict[str, str | None]:
    """Return the variables to set, or with None to take away, before a process loads the middleware.

    Args:
        environ: Its environment. What the user chose stays.
        share: Folder with config/ and the profiles; None when there is none.
        has_pictures: It publishes or reads images, so that it needs shared memory.
    """
    local = is_local(environ)
    if environ.get("RMW_IMPLEMENTATION", "") not in _FASTDDS:
        if not local or environ.get("RMW_IMPLEMENTATION") == "rmw_zenoh_cpp":
            return {}
        needs_more = environ.get("RMW_IMPLEMENTATION") == "rmw_cyclonedds_cpp" and not environ.get(CYCLONE_VARIABLE)
        return {**_local_variable(environ), **({CYCLONE_VARIABLE: _CYCLONE_LOCAL} if needs_more else {})}
    if environ.get(TRANSPORTS_VARIABLE) or any(
        value and not is_own_profile(value) for value in map(environ.get, PROFILE_VARIABLES)
    ):
        return _local_variable(environ) if local else {}
    name = f"fastdds{'' if has_pictures else '_udp'}{'_local' if local else ''}.xml"
    profile = share / "config" / name if share else None
    if profile is None or not profile.is_file():
        without = {} if has_pictures else {TRANSPORTS_VARIABLE: "UDPv4"}
        return {**without, **(_local_variable(environ) if local else {})}
    newer, older = PROFILE_VARIABLES
    variables: dict[str, str | None] = {newer: str(profile)}
    if environ.get("ROS_DISTRO", "jazzy") in _FASTDDS_2:
        variables[older] = str(profile)
    elif older in environ:
        variables[older] = None
    if local:
        variables.update(dict.fromkeys(name for name in DISCOVERY_VARIABLES if name in environ))
    return variables


def prepare_process(share: Path | None, has_pictures: bool, environ: MutableMapping[str, str] = os.environ) -> None:
    """Give this process its transports; call it before rclpy is initialised."""
    for name, value in transport_variables(environ, share, has_pictures).items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value


def _local_variable(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return the distribution's own variable that keeps discovery on this machine; nothing where it does so already."""
    if environ.get("ROS_LOCALHOST_ONLY") == "1":
        return {}
    if environ.get("ROS_DISTRO") == "humble":
        return {"ROS_LOCALHOST_ONLY": "1"}
    if environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE") == "LOCALHOST":
        return {}
    return {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
