"""Runs a promoted policy on a robot: a simulated one, the real driver on a simulated servo bus, or hardware. By Robot()."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from strands_robots.bringup.child_graph import Child
from strands_robots.core.errors import ConfigurationError, MotionError
from strands_robots.description.robot_config import load_robot
from strands_robots.learning.pipeline.deploy_stage import Deployment
from strands_robots.robot.robot import Robot

NAMESPACE = "pipeline_deployment"
"""Graphs that are started for a deployment have one of their own, and each has another: a killed one may still be ending."""

HARDWARE = ("port", "arm", "calibration", "second", "controllers")
"""Options of a real graph by which it reaches an arm."""

BUS_TIMEOUT = 30.0
_STEPS = 4096 / (2 * math.pi)
_MIDDLE = 2047


def deploy(wanted: Deployment, tell: Callable[[str], None]) -> Mapping[str, Any]:
    """Run a policy to its end, and return what it did.

    The arm of a servo bus is simulated, so it is resumed here. A real one stays stopped until a person resumes it.

    Args:
        wanted: What shall run where.
        tell: Told what happens.

    Raises:
        PolicyError: If the policy did not come to its end.
        MotionError: If no person resumed a real robot in time.
        StrandsRobotsError: If the graph does not come up.
    """
    namespace = f"{NAMESPACE}_{uuid.uuid4().hex[:8]}"
    with contextlib.ExitStack() as stack:
        robot = stack.enter_context(_robot(wanted, namespace, stack))
        tell(f"deploy: {robot}")
        if wanted.config.to == "bus":
            _resume(namespace)
        elif robot.observe().is_stopped:
            tell("deploy: the robot is stopped; when no person is near it: strands-robots resume")
        robot.wait_until_armed(wanted.config.wait)
        result = robot.run_policy(
            "lerobot", task=wanted.instruction, duration=wanted.config.duration, adapter=wanted.adapter,
            stop_when=wanted.config.stop_when, path=str(wanted.policy), device=wanted.device,
        )  # fmt: skip
        tell(f"deploy: the policy ended '{result.reason}' after {result.steps} steps")
        return {
            "reason": result.reason, "message": result.message, "steps": result.steps, "chunks": result.chunks,
            "underruns": result.underruns, "latency_p50": result.latency_p50, "elapsed": result.elapsed,
            "motion": dict(result.motion),
        }  # fmt: skip


def _robot(wanted: Deployment, namespace: str, stack: contextlib.ExitStack) -> Robot:
    given = wanted.config
    if given.to == "sim":
        return Robot(wanted.robot, mode="sim", namespace=namespace, **given.options)
    if given.to == "bus":
        # The pipeline resumes the arm of the bus itself, so no real one may hang on the same graph.
        if named := sorted(given.options.keys() & set(HARDWARE)):
            raise ConfigurationError(
                f"deploy to bus has {', '.join(named)} in its options; valid: to: real, or to leave {', '.join(HARDWARE)} out"
            )
        port, calibration = stack.enter_context(servo_bus(wanted.robot))
        return Robot(
            wanted.robot, mode="real", namespace=namespace, port=port, calibration=calibration, **given.options
        )
    return Robot(wanted.robot, mode="real", **given.options)


@contextlib.contextmanager
def servo_bus(robot: str) -> Iterator[tuple[str, str]]:
    """Run a simulated servo bus with an arm behind it, and give its port and a calibration file as LeRobot writes them.

    Raises:
        ConfigurationError: If it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="strands_bus_") as name:
        port, calibration = Path(name) / "bus", Path(name) / "calibration.json"
        entries = {
            joint: {
                "id": number, "drive_mode": 0, "homing_offset": 0, "range_min": _MIDDLE + round(limit.lower * _STEPS),
                "range_max": _MIDDLE + round(limit.upper * _STEPS),
            }
            for number, (joint, limit) in enumerate(load_robot(robot).joints.items(), 1)
        }  # fmt: skip
        calibration.write_text(json.dumps(entries), encoding="ascii")
        bus = Child(
            [sys.executable, "-m", "strands_robots.cli.entry", "servo-bus", "--robot", robot, "--link", str(port)]
        )
        try:
            _await_port(bus, port)
            yield str(port), str(calibration)
        finally:
            bus.end()


def _await_port(bus: Child, port: Path) -> None:
    deadline = time.monotonic() + BUS_TIMEOUT
    while not port.exists():
        if not bus.is_running or time.monotonic() > deadline:
            raise ConfigurationError(f"the servo bus did not start: {bus.log()}")
        time.sleep(0.02)


def _resume(namespace: str) -> None:
    """Resume the graph of the simulated bus, which was started here; nothing real can move."""
    import getpass

    from strands_robots.clients.client import GraphClient
    from strands_robots.clients.resume_client import resume_graph

    with contextlib.closing(GraphClient(namespace)) as client:
        report = resume_graph(
            client, f"operator/{getpass.getuser()}"[:64], "the arm of the servo bus is simulated", None, _no_key
        )
    if not report.is_armed:
        raise MotionError("stopped", f"the arm on the servo bus was not resumed ({report.refusal}): {report.message}")


def _no_key() -> Any:
    raise ConfigurationError("the graph of the servo bus wants a signature; valid: options without a keyring")
