"""Cameras, serial ports of robots, and stop buttons: are they there, may this user open them, does another process hold them?"""

from __future__ import annotations

import os
from pathlib import Path

from strands_robots.doctor.machine import Machine
from strands_robots.doctor.result import Result, absent, failed, ok

OURS = ("driver_node", "stop_button_nod")
"""Names of our processes as the kernel cuts them; these hold their devices rightly."""

_SERIAL = ("ttyACM*", "ttyUSB*")


def check_cameras(machine: Machine) -> Result:
    """/dev/video*, without opening any."""
    found = sorted((machine.root / "dev").glob("video*"))
    return _judge(machine, "cameras", found, "video", os.R_OK | os.W_OK)


def check_serial_ports(machine: Machine) -> Result:
    """The USB serial ports on which servo buses are, by their lasting names where there are some."""
    found = sorted(path for pattern in _SERIAL for path in (machine.root / "dev").glob(pattern))
    return _judge(machine, "serial_ports", found, "dialout", os.R_OK | os.W_OK)


def check_buttons(machine: Machine) -> Result:
    """Input devices and GPIO chips, which can be stop buttons."""
    found = sorted((machine.root / "dev").glob("gpiochip*"))
    found += sorted((machine.root / "dev" / "input").glob("event*"))
    readable = [path for path in found if os.access(path, os.R_OK)]
    if not found:
        return absent("stop_buttons", "no input device and no GPIO chip")
    if not readable:
        return absent("stop_buttons", f"{len(found)} devices, none readable; for one: sudo usermod -aG input $USER")
    return ok("stop_buttons", f"{len(readable)} of {len(found)} input devices and GPIO chips can be read")


def _judge(machine: Machine, name: str, found: list[Path], group: str, mode: int) -> Result:
    if not found:
        return absent(name, "none")
    shown = ", ".join(_lasting_name(machine, path) for path in found)
    closed = [str(path) for path in found if not os.access(path, mode)]
    if closed:
        return failed(
            name,
            f"{', '.join(closed)} may not be opened by this user",
            f"sudo usermod -aG {group} $USER, then log out and in again",
            f"for now: sudo chmod a+rw {closed[0]}",
        )
    for path in found:
        strangers = [f"{program} ({pid})" for pid, program in machine.holders(path) if program not in OURS]
        if strangers:
            return failed(
                name,
                f"{path} is busy: {', '.join(strangers)} has it open",
                f"end that program: kill {strangers[0].rpartition('(')[2].rstrip(')')}",
                f"see who holds it: fuser -v {path}",
            )
    return ok(name, shown)


def _lasting_name(machine: Machine, path: Path) -> str:
    for link in sorted((machine.root / "dev" / "serial" / "by-id").glob("*")):
        if link.resolve() == path.resolve():
            return f"{path} ({link.name})"
    return str(path)
