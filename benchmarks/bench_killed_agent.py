"""How long a robot goes on after its agent was killed: until the goal's end is recorded, and until the robot rests. SIGKILL, amid a motion.

Starts a simulated graph of its own, with the gate's braking included in the time to rest.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from _report import report
from graph import Graph, Process, wait_for
from strands_robots.msg import AuditEvent, GateState

from strands_robots.core.share import share_directory
from strands_robots.ros.messages import qos

ROUNDS = 6
AGENT = """
import sys, time
from pathlib import Path
from strands_robots.agent.tools.toolset import Toolset
from strands_robots.clients.agent_graph import AgentGraph
tools = Toolset(AgentGraph("", "killed", Path(sys.argv[1])))
joints = {"shoulder_pan": float(sys.argv[2])}
print(tools.run("move_to", {"robot": "so101", "joints": joints, "speed": 0.1, "wait": 0.5}).text, flush=True)
time.sleep(120)
"""


def measure() -> dict[str, float]:
    """Return the figures."""
    policy = share_directory() / "config" / "approval_policy_simulation.yaml"
    with Graph() as graph, tempfile.TemporaryDirectory() as folder:
        os.environ.update(graph.environment)
        graph.start("sim_node", robots=["so101=so101"], cameras=False, heartbeat_timeout=2.0)
        graph.start("safety_node", latch_folder=folder, arm_on_start=True, gate_state_timeout=2.0)
        graph.start("motion_node", use_sim_time=True)
        client = graph.client("bench")
        gates = client.listen(GateState, "so101/gate_state", qos.HEARTBEAT_READER)
        events = client.listen(AuditEvent, "audit/events", qos.AUDIT_READER)
        wait_for(lambda: gates and not gates[-1].latched, 60.0, "armed")
        ended, rested = [], []
        for number in range(ROUNDS):
            agent = Process([sys.executable, "-c", AGENT, str(policy), str(1.2 * (-1) ** number)], graph.environment)
            graph.processes.append(agent)
            wait_for(lambda: '"running"' in agent.text, 60.0, "the goal")  # noqa: B023
            wait_for(lambda: gates[-1].playing and not gates[-1].at_rest, 20.0, "motion")
            before = sum(event.kind == "goal_end" for event in events)
            killed = time.monotonic()
            agent.send(signal.SIGKILL)
            wait_for(lambda: not gates[-1].playing and gates[-1].at_rest, 10.0, "rest")
            rested.append(time.monotonic() - killed)
            wait_for(lambda: sum(event.kind == "goal_end" for event in events) > before, 10.0, "the goal's end")  # noqa: B023
            ended.append(time.monotonic() - killed)
            last = [event for event in events if event.kind == "goal_end"][-1]
            assert json.loads(last.details)["termination_reason"] == "cancelled", last.details
    return {
        "rounds": float(ROUNDS),
        "to_rest_p50_s": statistics.median(rested),
        "to_rest_longest_s": max(rested),
        "to_recorded_end_p50_s": statistics.median(ended),
        "to_recorded_end_longest_s": max(ended),
    }


def main() -> None:
    """Measure and report."""
    report("killed_agent", measure(), {"to_recorded_end_longest_s": 1.0})


if __name__ == "__main__":
    main()
