"""Two graphs, simulated and on a servo bus, on two machines; their operator on a third. Tell, stop, partition, resume, audit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drivers.simulated_bus import SimulatedBus, write_calibration
from graph import Process, wait_for

pytest.importorskip("zenoh")
pytest.importorskip("paho.mqtt.client")
from fleet_site import Broker, enrol, free_port, mosquitto

from strands_robots.fleet.authority import create_authority
from strands_robots.fleet.fleet_file import MqttEntry, RouterEntry
from strands_robots.fleet.member import MemberKind, Right
from strands_robots.fleet.member_folder import MemberFolder, accept_grant, make_request_files
from strands_robots.operators.keyring import Keyring, Operator, Role, save_keyring

from .machines import HUB, Machines, reason_against

pytestmark = [pytest.mark.long, pytest.mark.timeout(540)]

POLICY = "version: 1\nrules:\n  - {type: strands_robots/action/RunPolicy, class: audited}\n"
PARAMETERS = """\
/**/approval_node: {{ros__parameters: {{policy: {policy}}}}}
/**/driver_node: {{ros__parameters: {{heartbeat_timeout: 3.0, stall_timeout: 3.0, answer_timeout: 5.0}}}}
/**/sim_node: {{ros__parameters: {{heartbeat_timeout: 3.0}}}}
/**/safety_node: {{ros__parameters: {{gate_state_timeout: 3.0}}}}
"""
SWING = {"policy": "sine", "duration": 120.0, "config": "{joints: {shoulder_pan: [{amplitude: 0.15, frequency: 0.4}]}}"}
ROBOTS = {"arm1": "--hardware", "sim1": "--simulation"}


class Lab:
    """Three machines, a router and a broker between them, and all that runs there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.machines = folder, Machines("arm1", "sim1", "anna")
        self.processes: dict[str, Process] = {}
        self.broker: Broker | None = None
        self.bus: SimulatedBus | None = None
        port = free_port()
        router = RouterEntry(listen=f"tls/{HUB}:{port}", connect=f"tls/{HUB}:{port}", name=HUB)
        mqtt = MqttEntry(host=HUB, port=free_port(), bind=HUB)
        self.authority = create_authority(folder / "authority", "lab", router, mqtt=mqtt)
        enrol(self.authority, folder, "arm1", MemberKind.ROBOT)
        enrol(self.authority, folder, "sim1", MemberKind.SIM)
        enrol(self.authority, folder, "anna", MemberKind.OPERATOR, Right.TELL, Right.RESUME)
        for name in self.authority.file.members:
            accept_grant(folder / name, json.dumps(self.authority.renew(make_request_files(folder / name, name))))
        anna = MemberFolder(folder / "anna")
        save_keyring(
            folder / "keyring.yaml", Keyring([Operator(anna.key.public, frozenset({Role.RESUME, Role.APPROVE}))])
        )
        (folder / "policy.yaml").write_text(POLICY)
        (folder / "parameters.yaml").write_text(PARAMETERS.format(policy=folder / "policy.yaml"))

    def start(self) -> None:
        self.bus = SimulatedBus(self.folder)
        calibration = write_calibration(self.folder / "mine.json")
        common = [
            "--approvals",
            "--keyring",
            str(self.folder / "keyring.yaml"),
            "--params-file",
            str(self.folder / "parameters.yaml"),
        ]
        self.run(
            "arm1",
            "graph",
            "real",
            "--robot",
            "so101",
            "--port",
            self.bus.port,
            "--calibration",
            str(calibration),
            *common,
        )
        self.run("sim1", "graph", "sim", "--robots", "so101", "--no-cameras", "--no-state", *common)
        for name in ROBOTS:
            command = [_executable("fleet_node"), "--ros-args", "-p", f"folder:={self.folder / name}"]
            self.processes[f"{name} fleet_node"] = Process(self.machines.on(name, *command), self.environment(name))

    def run(self, machine: str, title: str, *words: str) -> Process:
        command = self.machines.on(machine, sys.executable, "-m", "strands_robots.cli.entry", *words)
        self.processes[f"{machine} {title}"] = process = Process(command, self.environment(machine))
        return process

    def fleet(self, *words: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a fleet command on the operator's machine."""
        command = self.machines.on(
            "anna",
            sys.executable,
            "-m",
            "strands_robots.cli.entry",
            "fleet",
            *words,
            "--member",
            str(self.folder / "anna"),
        )
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=self.environment("anna"), check=False
        )

    def router(self, is_on: bool) -> None:
        if is_on:
            command = [sys.executable, "-m", "strands_robots.cli.entry", "fleet", "router"]
            self.processes["router"] = Process(
                [*command, "--authority", str(self.folder / "authority")], self.environment("hub")
            )
            wait_for(lambda: "router of fleet" in self.processes["router"].text, 30.0, "the router")
        else:
            self.processes.pop("router").stop()

    def environment(self, machine: str) -> dict[str, str]:
        home = self.folder / f"{machine}-home"
        home.mkdir(exist_ok=True)
        return {
            **os.environ, "ROS_HOME": str(home), "ROS_DOMAIN_ID": "65", "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "PYTHONUNBUFFERED": "1", "STRANDS_ROBOTS_PARENT_PID": str(os.getpid()),
        }  # fmt: skip

    def report(self) -> str:
        """Return what every process has printed; the runner shows it when the test fails."""
        return "\n".join(f"--- {name}\n{process.text[-3000:]}" for name, process in self.processes.items())

    def close(self) -> None:
        for process in self.processes.values():
            process.stop(10.0)
        for each in (self.broker, self.bus):
            if each is not None:
                each.close()
        self.machines.close()


def _executable(name: str) -> str:
    from graph import executable

    return executable(name)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    reason = reason_against() or ("" if mosquitto() else "mosquitto is not installed: sudo apt install mosquitto")
    if reason:
        pytest.skip(reason)
    pytest.importorskip("lerobot.motors.feetech")
    made = Lab(tmp_path)
    try:
        yield made
    finally:
        made.close()


def states(lab: Lab) -> dict[str, str]:
    lines = lab.fleet("status", "--wait", "5").stdout.splitlines()
    return {line.split(" (")[0].strip(): line.partition("): ")[2] for line in lines if "): " in line}


def resumed(lab: Lab) -> None:
    for robot in ROBOTS:
        wait_for(lambda robot=robot: lab.fleet("resume", robot).returncode == 0, 60.0, f"{robot} is armed")


def tell_both(lab: Lab, title: str) -> dict[str, Process]:
    told = {}
    for robot, kind in ROBOTS.items():
        fields = json.dumps({**SWING, "robot": "so101"})
        told[robot] = lab.run(
            "anna",
            f"{title} {robot}",
            "fleet",
            "tell",
            robot,
            "run_policy",
            fields,
            kind,
            "--member",
            str(lab.folder / "anna"),
        )
    for robot, process in told.items():
        wait_for(lambda process=process: "running" in process.text, 60.0, f"{robot} runs")
    return told


def through(lab: Lab, way: str) -> None:
    """Tell, stop, cut a cable, stop what is left, mend it, resume: over one way only."""
    wait_for(
        lambda: all(states(lab).get(robot, "").startswith("stopped") for robot in ROBOTS),
        120.0,
        f"{way}: both heard, stopped",
    )
    resumed(lab)
    told = tell_both(lab, f"{way} first")
    stopped = lab.fleet("stop")
    assert stopped.returncode == 0 and "EVERY ROBOT IS STOPPED AND AT REST" in stopped.stdout, stopped.stdout
    for process in told.values():
        assert process.wait(60.0) == 1 and "NOT DONE" in process.text and "stopped" in process.text

    resumed(lab)
    told = tell_both(lab, f"{way} second")
    lab.machines.cut("arm1")
    partial = lab.fleet("stop", "--wait", "5")
    assert partial.returncode == 3
    words: dict[str, Any] = dict(
        line.strip().split(": ", 1) for line in partial.stdout.splitlines() if line.startswith("  ")
    )
    assert "STOPPED AT REST" in words["sim1"] and "NOT HEARD" in words["arm1"]
    lab.machines.mend("arm1")
    # What was told ends although nothing could be said to the robot: its operator was not heard.
    wait_for(lambda: "at rest" in states(lab).get("arm1", ""), 60.0, f"{way}: arm1 rests")
    assert lab.fleet("stop").returncode == 0
    for process in told.values():
        process.stop()


def test_tell_stop_partition_and_resume_over_zenoh_and_over_mqtt(lab: Lab) -> None:
    lab.router(True)
    lab.start()
    through(lab, "zenoh")
    lab.broker = Broker(lab.folder)
    lab.router(False)
    through(lab, "mqtt")
    for name in ROBOTS:
        lab.processes[f"{name} fleet_node"].stop()
        lab.processes[f"{name} graph"].stop(20.0)
    for name in ROBOTS:
        command = [sys.executable, "-m", "strands_robots.cli.entry", "audit", "verify"]
        checked = subprocess.run(command, capture_output=True, text=True, env=lab.environment(name), check=False)
        assert checked.returncode in (0, 3), checked.stdout
        shown = subprocess.run(
            [*command[:-1], "tail", "-n", "2000", "--json"],
            capture_output=True,
            text=True,
            env=lab.environment(name),
            check=False,
        )
        assert "fleet_joined" in shown.stdout and "fleet/anna" in shown.stdout and "run_policy" in shown.stdout
    ledgers = [str(lab.folder / name) for name in ROBOTS if (lab.folder / name / "witness.jsonl").exists()]
    if ledgers:
        assert lab.fleet("verify", *ledgers).returncode in (0, 3)
    assert shutil.which("ip")
