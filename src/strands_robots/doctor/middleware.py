"""The middleware: which one, its router, its domain and ports."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from strands_robots.core.graph_environment import RANGE_VARIABLE, is_local
from strands_robots.doctor.machine import Machine
from strands_robots.doctor.result import Result, absent, failed, ok, warning
from strands_robots.doctor.zenoh_router import ROUTER_ADDRESS, router_answers, uses_zenoh

ROUTER_PORT = ROUTER_ADDRESS[1]

_ROUTERS = ("rmw_zenohd", "zenohd")
_PARTICIPANTS = 100
_MOST_DOMAIN = 232
_EPHEMERAL = 32768
_LISTEN = "0A"
_LOOPBACK = {"127.0.0.1", "::1"}
_IDENTIFIER = "from rclpy.utilities import get_rmw_implementation_identifier as name; print(name())"


def installed_middlewares(prefixes: Iterable[Path]) -> list[str]:
    """Return the names of the RMW implementations that are installed.

    Source: the ament index, resource type "rmw_typesupport".
    """
    found = {
        entry.name
        for prefix in prefixes
        for entry in (prefix / "share" / "ament_index" / "resource_index" / "rmw_typesupport").glob("rmw_*")
    }
    return sorted(found - {"rmw_implementation"})


def _is_wheels(machine: Machine) -> bool:
    """Return whether ROS 2 comes from PyPI here: its librcl is linked with one middleware and loads no other."""
    return any(any(prefix.glob("lib/python3.*/site-packages/ros_rclpy-*.dist-info")) for prefix in machine.prefixes())


def check_rmw(machine: Machine) -> Result:
    """The RMW implementation, loaded in a child process."""
    wanted = machine.environ.get("RMW_IMPLEMENTATION", "")
    installed = installed_middlewares(machine.prefixes())
    others = f"installed: {', '.join(installed) or 'none'}"
    distro = machine.environ.get("ROS_DISTRO") or "<distribution>"
    install = f"or: sudo apt install ros-{distro}-{(wanted or 'rmw_zenoh_cpp').replace('_', '-')}"
    first = f"export RMW_IMPLEMENTATION={installed[0]}, or unset it" if installed else "make setup"
    if wanted and wanted not in installed and _is_wheels(machine):
        return failed(
            "rmw",
            f"RMW_IMPLEMENTATION is '{wanted}', but these are the ROS 2 wheels of PyPI, which are linked with Fast DDS",
            "unset RMW_IMPLEMENTATION",
            "or use a ROS installation, which can load another middleware: source it, make clean, make setup",
        )
    if wanted and wanted not in installed:
        return failed("rmw", f"RMW_IMPLEMENTATION is '{wanted}', which is not installed; {others}", first, install)
    answer = machine.run_python(_IDENTIFIER)
    if answer.code != 0:
        return failed("rmw", f"'{wanted or 'the default'}' cannot be loaded: {answer.last_words}", first, install)
    chosen = "RMW_IMPLEMENTATION" if wanted else "the default"
    return ok("rmw", f"{answer.output.strip().splitlines()[-1]} ({chosen}); {others}")


def check_router(machine: Machine, port: int = ROUTER_PORT) -> Result:
    """The Zenoh router, which only rmw_zenoh_cpp needs, and who else may hold its port."""
    if not uses_zenoh(machine.environ):
        return absent("router", "not needed: the middleware is not rmw_zenoh_cpp, or ZENOH_SESSION_CONFIG_URI is set")
    if not _answers(port):
        return warning(
            "router",
            f"no Zenoh router answers on port {port}; strands-robots sim starts one",
            "for other programs: ros2 run rmw_zenoh_cpp rmw_zenohd",
            "or set ZENOH_ROUTER_CHECK_ATTEMPTS=0 to let them wait for one",
        )
    holders = [holder for inode in _listening(machine, port) for holder in machine.holders(Path(f"socket:[{inode}]"))]
    strangers = [f"{name} ({pid})" for pid, name in holders if name not in _ROUTERS]
    if strangers:
        return failed(
            "router",
            f"port {port} of the Zenoh router is held by {', '.join(strangers)}",
            "end that program, or give it another port",
            "or give Zenoh another: ZENOH_ROUTER_CONFIG_URI and ZENOH_SESSION_CONFIG_URI",
        )
    if not router_answers(("localhost", port)):
        held = ", ".join(f"{name} ({pid})" for pid, name in holders) or "a process of another user"
        return failed(
            "router",
            f"{held} listens on port {port} and does not answer: the Zenoh router hangs",
            "end it: kill -9 <its number>; a running graph starts another",
            "until then programs that start find nothing of the graph",
        )
    outside = sorted(
        {address for address, number, state, _ in _tcp(machine) if number == port and state == _LISTEN} - _LOOPBACK
    )
    if outside:
        return warning(
            "router",
            f"answers on port {port}, and is reachable from other machines: it listens on {', '.join(outside)}, without TLS",
            f"end it, and let a graph start one, or: ZENOH_CONFIG_OVERRIDE='listen/endpoints=[\"tcp/localhost:{port}\"]'",
            "for a graph over several machines configure TLS and access control: ZENOH_ROUTER_CONFIG_URI",
        )
    return ok("router", f"answers on port {port}, on this machine only")


def check_domain(machine: Machine) -> Result:
    """ROS_DOMAIN_ID and the UDP ports of DDS: how many programs are in the domain on this machine.

    Source: DDS-RTPS 2.3, 9.6.1.1: port = 7400 + 250 domain + 10 + 2 participant.
    """
    given = machine.environ.get("ROS_DOMAIN_ID", "") or "0"
    if not given.isdigit() or int(given) > _MOST_DOMAIN:
        return failed(
            "domain",
            f"ROS_DOMAIN_ID is '{given}'; valid: 0 to 101",
            "export ROS_DOMAIN_ID=0, or unset it",
            "every program of one graph needs the same number",
        )
    domain = int(given)
    first = 7400 + 250 * domain + 10
    if first + 2 * _PARTICIPANTS > _EPHEMERAL:
        return warning(
            "domain",
            f"the ports of ROS_DOMAIN_ID {domain} reach into those that Linux gives away (from {_EPHEMERAL})",
            "export ROS_DOMAIN_ID=<0 to 101>",
            "in every shell of the graph",
        )
    taken = len(_udp_ports(machine) & set(range(first, first + 2 * _PARTICIPANTS, 2)))
    if taken >= _PARTICIPANTS:
        return failed(
            "domain",
            f"all {_PARTICIPANTS} DDS ports of domain {domain} are busy: no further node can start",
            "look for programs left behind: ps -ef | grep ros-args",
            f"or use another domain: export ROS_DOMAIN_ID={(domain + 1) % 102}",
        )
    reach = (
        f"this machine only ({RANGE_VARIABLE}=SUBNET: others too)"
        if is_local(machine.environ)
        else "other machines too"
    )
    return ok("domain", f"{domain}, {taken} DDS participants on this machine; graphs started here reach {reach}")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("localhost", port), timeout=0.5):
            return True
    except OSError:
        return False


def _udp_ports(machine: Machine) -> set[int]:
    return {port for name in ("udp", "udp6") for _, port, _, _ in _sockets(machine, name)}


def _tcp(machine: Machine) -> list[tuple[str, int, str, str]]:
    return [entry for name in ("tcp", "tcp6") for entry in _sockets(machine, name)]


def _listening(machine: Machine, port: int) -> list[str]:
    return [inode for _, number, state, inode in _tcp(machine) if number == port and state == _LISTEN]


def _sockets(machine: Machine, table: str) -> list[tuple[str, int, str, str]]:
    """Return (local address, local port, state, inode) of each socket.

    Source: proc_pid_net(5), /proc/net/udp.
    """
    try:
        lines = (machine.root / "proc" / "net" / table).read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return []
    words = [line.split() for line in lines]
    return [
        (_address(word[1].partition(":")[0]), int(word[1].rpartition(":")[2], 16), word[3], word[9])
        for word in words
        if len(word) > 9
    ]


def _address(digits: str) -> str:
    """Return an address from the kernel's table: words of 32 bits, each with its bytes in the order of the machine."""
    data = b"".join(struct.pack("=I", int(digits[i : i + 8], 16)) for i in range(0, len(digits), 8))
    address = ip_address(data)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
