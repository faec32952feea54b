"""Control steps a second in lockstep, every one through gate, player and report, against a bare loop of MuJoCo in the same run.

One SO-101, 2 ms timestep, 10 physics steps per control step. `chunk`: a chunk of 20 rows for each request, as a policy
sends it; `command`: one command for each control step; `hold`: nothing commanded. Both ways take short turns and the
fastest turn of each counts. `python_*` is the same with every tick made by the gate's Python specification
(control/inner_loop.py). Without ROS: what the messages cost on top is in bench_simulation.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import strands_robots.sim  # chooses the OpenGL backend, so before mujoco  # noqa: F401

# isort: split
import mujoco
import numpy as np
from _report import report

from strands_robots.control import inner_loop
from strands_robots.control.gate import Gate, GateConfig, GateReport, Setpoint
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.control.loop import ControlLoop, RobotLoop
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.description.robot_config import load_robot
from strands_robots.sim.run.lockstep import Stepper, StepRequest
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

ROWS = 20
REQUESTS = 10
TURNS = 41
SUBSTEPS = 10
TIMESTEP = 0.002
PERIOD = SUBSTEPS * TIMESTEP


class _NoPort:
    """Takes what the control loop publishes."""

    def publish_state(self, stamp: float, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        """Forget it."""

    def publish_applied(self, stamp: float, setpoint: Setpoint) -> None:
        """Forget it."""

    def publish_gate(self, stamp: float, report: GateReport) -> None:
        """Forget it."""


class _Lockstep:
    """A world in lockstep with an armed robot."""

    def __init__(self, compiled: bool = True) -> None:
        config = load_robot("so101")
        self.world = World(WorldConfig(robots=(RobotSpec("so101", config),), timestep=TIMESTEP))
        robot = self.robot = self.world.robots["so101"]
        gate_config = GateConfig("so101", "session", PERIOD, stall_timeout=float("inf"), heartbeat_timeout=3600.0)
        self.gate = Gate(gate_config, robot.limits, robot.position, robot.supervision(PERIOD), compiled=compiled)
        self.control = ControlLoop(self.world, [RobotLoop(robot, self.gate, _NoPort())], TIMESTEP, PERIOD)
        self.stepper = Stepper(self.control, 3600.0)
        self.sequence = 0
        for sequence in range(3):
            beat = Heartbeat("supervisor", sequence, True, 1, {"so101": "session"}, latch_counts={"so101": 0})
            self.gate.on_heartbeat(beat, self.control.now())
        assert not self.gate.is_latched
        phase = np.linspace(0.0, 6.0 * np.pi, ROWS * REQUESTS)[:, None]
        way = robot.home + 0.1 * (1.0 - np.cos(phase)) * np.linspace(
            1.0, -1.0, len(robot.home)
        )  # begins at home, at rest
        self.targets = np.ascontiguousarray(np.clip(way, robot.limits.lower, robot.limits.upper))

    def chunk(self, rows: FloatArray) -> Chunk:
        self.sequence += 1
        now = self.world.time
        return Chunk(
            "policy/bench", self.sequence, now, 1.0, self.robot.joint_names, rows, control_period=PERIOD if len(rows) > 1 else 0.0,
            observation_stamp=now if len(rows) > 1 else None,
        )  # fmt: skip

    def restart(self) -> None:
        self.world.reset(0)
        self.control.restart()
        self.sequence = 0
        self.gate.on_clock_jump(self.control.now())

    def play(self, rows: int) -> None:
        self.restart()
        self.sequence = int(time.monotonic_ns())
        for first in range(0, len(self.targets), rows):
            chunk = self.chunk(self.targets[first : first + rows])
            result = self.stepper.step(StepRequest("bench", rows, chunks=(("so101", chunk),)))
            assert result.success, result

    def hold(self) -> None:
        self.restart()
        for _ in range(REQUESTS):
            assert self.stepper.step(StepRequest("bench", ROWS)).success

    def bare(self) -> None:
        self.world.reset(0)
        model, data = self.world.model, self.world.data
        for target in self.targets:
            data.ctrl[:] = target
            mujoco.mj_step(model, data, nstep=SUBSTEPS)


def main() -> None:
    lockstep, python = _Lockstep(), _Lockstep(compiled=False)
    figures: dict[str, float] = {"is_compiled": float(not inner_loop.MISSING)}
    reference: dict[str, float] = {"peer_policy_loop_hz": 3250.0, "peer_bare_hz": 11600.0}
    ways: dict[str, Callable[[], None]] = {
        "chunk": lambda: lockstep.play(ROWS),
        "command": lambda: lockstep.play(1),
        "hold": lockstep.hold,
        "python_chunk": lambda: python.play(ROWS),
        "python_command": lambda: python.play(1),
    }
    for name, way in ways.items():
        pairs = [(_rate(way), _rate(lockstep.bare)) for _ in range(TURNS)]
        # The fastest turn of each is the one that other work on the machine disturbed least.
        mine, bare = max(mine for mine, _ in pairs), max(bare for _, bare in pairs)
        figures[f"{name}_control_steps_per_s"], figures[f"{name}_ratio"] = mine, mine / bare
        reference[f"{name}_bare_control_steps_per_s"] = bare
    report("lockstep", figures, reference, {"chunk_ratio": "at least 0.9", "command_ratio": "at least 0.75"})


def _rate(work: Callable[[], None]) -> float:
    start = time.process_time()  # this thread's work: others' load on the machine does not count
    work()
    return ROWS * REQUESTS / (time.process_time() - start)


if __name__ == "__main__":
    main()
