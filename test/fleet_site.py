"""A fleet with a real router on loopback: members enrolled the way a person does it."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from strands_robots.fleet.authority import Authority, create_authority
from strands_robots.fleet.fleet_file import RouterEntry
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


class Site:
    """A router and three robots, an operator and an auditor, all enrolled the way a person does it."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        router = RouterEntry(listen=f"tls/127.0.0.1:{port}", connect=f"tls/127.0.0.1:{port}", name="127.0.0.1")
        self.folder = folder
        self.authority = create_authority(folder / "authority", "lab", router)
        enrol(self.authority, folder, "arm1", MemberKind.ROBOT, Right.STOP_CELL, cell="left")
        enrol(self.authority, folder, "arm2", MemberKind.ROBOT, cell="left")
        enrol(self.authority, folder, "sim1", MemberKind.SIM)
        enrol(self.authority, folder, "eve", MemberKind.AUDITOR)
        enrol(self.authority, folder, "anna", MemberKind.OPERATOR, Right.TELL, Right.RESUME)
        self.refresh()
        self.router: Any = None
        self.start_router()

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
