"""A fleet with a real router on loopback: members enrolled the way a person does it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

from strands_robots.fleet.authority import Authority, create_authority
from strands_robots.fleet.fleet_file import MqttEntry, RouterEntry
from strands_robots.fleet.member import MemberKind, Right
from strands_robots.fleet.member_folder import MemberFolder, accept_grant, make_request_files
from strands_robots.fleet.zenoh_transport import ZenohTransport, open_session


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def enrol(authority: Authority, folder: Path, name: str, kind: MemberKind, *may: Right, cell: str = "") -> MemberFolder:
    request = make_request_files(folder / name, name)
    token = authority.invite(name, kind, cell, may, request.fingerprint)
    accept_grant(folder / name, json.dumps(authority.enrol(request, token)))
    return MemberFolder(folder / name)


def mosquitto() -> str:
    """Return the path of Debian's broker; empty where it is not installed."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""


class Broker:
    """Mosquitto with the configuration that the authority generated."""

    def __init__(self, folder: Path) -> None:
        self._config = str(folder / "authority" / "mosquitto.conf")
        self.start()

    def start(self) -> None:
        command = [mosquitto(), "-c", self._config]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "running" in line:
                break
        else:
            raise AssertionError(f"mosquitto ended with {self.process.wait()}")
        self._reader = threading.Thread(target=self.process.stdout.read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10.0)
        self._reader.join(5.0)


class Site:
    """A router and three robots, an operator and an auditor, all enrolled the way a person does it."""

    def __init__(self, folder: Path, has_broker: bool = False) -> None:
        port = free_port()
        mqtt = MqttEntry(host="127.0.0.1", port=free_port()) if has_broker else None
        router = RouterEntry(listen=f"tls/127.0.0.1:{port}", connect=f"tls/127.0.0.1:{port}", name="127.0.0.1")
        self.folder = folder
        self.authority = create_authority(folder / "authority", "lab", router, mqtt=mqtt)
        enrol(self.authority, folder, "arm1", MemberKind.ROBOT, Right.STOP_CELL, cell="left")
        enrol(self.authority, folder, "arm2", MemberKind.ROBOT, cell="left")
        enrol(self.authority, folder, "sim1", MemberKind.SIM)
        enrol(self.authority, folder, "eve", MemberKind.AUDITOR)
        enrol(self.authority, folder, "anna", MemberKind.OPERATOR, Right.TELL, Right.RESUME)
        self.refresh()
        self.router: Any = None
        self.start_router()
        self.broker = Broker(folder) if has_broker else None

    def refresh(self) -> None:
        for name in self.authority.file.members:
            request = make_request_files(self.folder / name, name)
            accept_grant(self.folder / name, json.dumps(self.authority.renew(request)))

    def start_router(self) -> None:
        self.router = open_session(json.loads((self.folder / "authority" / "router.json").read_text()))

    def transport(self, name: str) -> ZenohTransport:
        return ZenohTransport(MemberFolder(self.folder / name).zenoh_config())

    def close(self) -> None:
        self.router.close()
        if self.broker is not None:
            self.broker.close()
