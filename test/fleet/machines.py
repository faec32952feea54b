"""Machines as network namespaces behind one bridge: each has its own loopback, so no graph hears another."""

from __future__ import annotations

import os
import shutil
import subprocess

HUB = "10.213.7.1"
"""Address of the bridge, where router and broker listen."""


def reason_against() -> str:
    """Return why there can be no namespaces here; empty when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "ip is not installed: sudo apt install iproute2"
    name = f"flt{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return "" if made.returncode == 0 else "network namespaces are not allowed here"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Machines:
    """Namespaces with the addresses 10.213.7.2 and up."""

    def __init__(self, *names: str) -> None:
        self._mark = f"{os.getpid() % 100000}"
        self._bridge = f"flb{self._mark}"
        self.names = names
        ip("link", "add", self._bridge, "type", "bridge")
        ip("addr", "add", f"{HUB}/24", "dev", self._bridge)
        ip("link", "set", self._bridge, "up")
        for number, name in enumerate(names):
            space, outer = self.space(name), self._outer(name)
            ip("netns", "add", space)
            ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", outer, "master", self._bridge, "up")
            ip("-n", space, "addr", "add", f"10.213.7.{number + 2}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "eth0", "up")
            ip("-n", space, "link", "set", "lo", "up")

    def space(self, name: str) -> str:
        return f"flt{self._mark}{name}"

    def on(self, name: str, *command: str) -> list[str]:
        """Return the command that runs another on a machine."""
        return ["ip", "netns", "exec", self.space(name), *command]

    def cut(self, name: str) -> None:
        """Pull a machine's cable."""
        ip("link", "set", self._outer(name), "down")

    def mend(self, name: str) -> None:
        ip("link", "set", self._outer(name), "up")

    def close(self) -> None:
        for name in self.names:
            subprocess.run(["ip", "netns", "del", self.space(name)], capture_output=True, check=False)
            subprocess.run(["ip", "link", "del", self._outer(name)], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", self._bridge], capture_output=True, check=False)

    def _outer(self, name: str) -> str:
        return f"fl{self._mark}{name}"
