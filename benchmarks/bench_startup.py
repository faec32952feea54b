"""How long a user waits: importing the package, and from `strands-robots sim` to the first joint state. Needs the installed package."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

from _processes import command_seconds, family, processor_seconds, proportional_bytes
from _report import report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from graph import Graph, wait_for
from sensor_msgs.msg import JointState
from strands_robots.msg import GateState

IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def import_seconds(module: str, repetitions: int = 7) -> float:
    """Return the median time of importing a module in a fresh interpreter [s]."""
    times = [
        float(
            subprocess.run(
                [sys.executable, "-c", IMPORT.format(module)], check=True, capture_output=True, text=True
            ).stdout
        )
        for _ in range(repetitions)
    ]
    return statistics.median(times)


NODES = ("sim", "safety", "audit", "policy", "motion", "incident")


def first_joint_state() -> tuple[float, float, float, float, float]:
    """Return times from the start of the command [s], processor time [s] and memory [MB].

    The times: to the first joint state and to the armed robot. The processor time and memory: of all processes once it is armed. Last, the
    time that Ctrl-C takes [s].
    """
    with Graph() as graph:
        client = graph.client()
        states = client.listen(JointState, "so101/joint_states")
        gates = client.listen(GateState, "so101/gate_state")
        start = time.monotonic()
        command = subprocess.Popen(
            ["strands-robots", "sim"],
            env=graph.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_for(lambda: states, 60.0, "the first joint state")
            first = time.monotonic() - start
            wait_for(lambda: gates and not gates[-1].latched, 60.0, "an armed robot")
            armed = time.monotonic() - start
            processes = family(command.pid)
            spent, memory = sum(processor_seconds(processes).values()), proportional_bytes(processes) / 1e6
        finally:
            asked = time.monotonic()
            command.send_signal(signal.SIGINT)
            command.wait(30.0)
    return first, armed, spent, memory, time.monotonic() - asked


def main() -> None:
    """Measure, print and write results/startup.json."""
    runs = [first_joint_state() for _ in range(5)]
    first, armed, spent, memory, end = (statistics.median(column) for column in zip(*runs))
    report(
        "startup",
        {
            "import_ms": 1e3 * import_seconds("strands_robots"),
            "import_robot_ms": 1e3 * import_seconds("strands_robots.robot.robot"),
            "first_joint_state_s": first,
            "armed_s": armed,
            "armed_processor_s": spent,
            "armed_memory_mb": memory,
            "end_after_interrupt_s": end,
        },
        {
            "import_ms": 60.0,
            "import_numpy_ms": 1e3 * import_seconds("numpy"),
            "first_joint_state_s": 3.0,
            "armed_s": 3.0,
            "imports_of_nodes_as_programs_processor_s": sum(
                command_seconds([sys.executable, "-c", f"import strands_robots.nodes.{name}.node"], 3)[0]
                for name in NODES
            ),
            "end_after_interrupt_s": 3.0,
        },
    )


if __name__ == "__main__":
    main()
