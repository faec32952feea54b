"""Machines on a network, as network namespaces: each has its own loopback and one cable to a switch, which can be pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

SWITCH = "switch"
ADDRESS = "10.66.0.{}"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def missing() -> str:
    """Return what keeps this machine from having network namespaces; empty for nothing."""
    if sys.platform != "linux" or shutil.which("ip") is None or os.geteuid() != 0:
        return "network namespaces need Linux, iproute2 and root"
    try:
        with Networks([]):
            return ""
    except subprocess.CalledProcessError as error:
        return f"network namespaces cannot be made: {error.stderr.strip()}"


class Networks:
    """A namespace for the switch with address .1, and one for each machine with .2 and so on.

    Args:
        machines: Their names.
    """

    def __init__(self, machines: Sequence[str]) -> None:
        self.machines = tuple(machines)
        self._made: list[str] = []

    def __enter__(self) -> Networks:
        try:
            self._make(SWITCH)
            self._in(SWITCH, "link", "add", "bridge0", "type", "bridge")
            self._in(SWITCH, "addr", "add", ADDRESS.format(1) + "/24", "dev", "bridge0")
            self._in(SWITCH, "link", "set", "bridge0", "up")
            for number, machine in enumerate(self.machines, start=2):
                self._make(machine)
                self._in(
                    SWITCH,
                    "link",
                    "add",
                    f"to{number}",
                    "type",
                    "veth",
                    "peer",
                    "name",
                    "lan",
                    "netns",
                    self._name(machine),
                )
                self._in(SWITCH, "link", "set", f"to{number}", "master", "bridge0", "up")
                self._in(machine, "addr", "add", ADDRESS.format(number) + "/24", "dev", "lan")
                self._in(machine, "link", "set", "lan", "up")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self, machine: str, *words: str) -> list[str]:
        """Return the command that runs on a machine."""
        return ["ip", "netns", "exec", self._name(machine), *words]

    def pull(self, machine: str) -> None:
        """Pull a machine's cable."""
        self._in(SWITCH, "link", "set", f"to{self.machines.index(machine) + 2}", "down")

    def plug(self, machine: str) -> None:
        """Plug it in again."""
        self._in(SWITCH, "link", "set", f"to{self.machines.index(machine) + 2}", "up")

    def close(self) -> None:
        for name in reversed(self._made):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        self._made.clear()

    def _make(self, machine: str) -> None:
        ip("netns", "add", self._name(machine))
        self._made.append(self._name(machine))
        self._in(machine, "link", "set", "lo", "up")

    def _in(self, machine: str, *words: str) -> None:
        ip("-n", self._name(machine), *words)

    def _name(self, machine: str) -> str:
        return f"strands-{os.getpid()}-{machine}"
