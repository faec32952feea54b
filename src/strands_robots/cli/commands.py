"""The commands of `strands-robots`: name, where each one is, and its first sentence, so that a list of them loads none of them.

test/cli/test_commands.py holds the sentences against the commands themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Entry(NamedTuple):
    """Where one command is.

    Attributes:
        name: What a person types.
        module: Module of strands_robots.cli.
        attribute: A function, or the Typer of a group of commands.
        help: First sentence of its help.
        takes_unknown: Whether words that begin with a dash may be values, as a negative number is.
    """

    name: str
    module: str
    attribute: str
    help: str
    takes_unknown: bool = False


_ENTRIES = (
    Entry("sim", "sim", "sim", "Simulate one or more robots, with safety supervision and policies."),
    Entry(
        "calibrate",
        "calibrate",
        "calibrate",
        "Calibrate an arm with LeRobot's own command, which asks for the arm to be moved by hand.",
    ),
    Entry(
        "doctor",
        "doctor",
        "doctor",
        "Examine this machine: Python, ROS 2, middleware, graphics, learning, compiler, disk, cameras, ports.",
    ),
    Entry("estop", "safety", "estop", "Stop every robot of the graph and latch the stop."),
    Entry(
        "resume",
        "safety",
        "resume",
        "Clear the latched stop and arm the robots again; signed with your operator key where the graph asks for it.",
    ),
    Entry("state", "state", "state", "Show joints, rates, gates and safety."),
    Entry(
        "console",
        "console",
        "console",
        "Serve the console for a running graph until Ctrl-C. The address that is printed works once, in one browser.",
    ),
    Entry(
        "render",
        "render",
        "render",
        "Write a picture of the simulated world, seen from one camera, at the present instant.",
    ),
    Entry(
        "view",
        "view",
        "view",
        "Show a camera of the graph, simulated or real, in the terminal, or write a picture or a film of it.",
    ),
    Entry(
        "move",
        "move",
        "move",
        "Move joints to positions, or the tool to a place; Ctrl-C cancels it.",
        takes_unknown=True,
    ),
    Entry(
        "grip", "move", "grip", "Open or close the gripper, until it is there or holds something; Ctrl-C cancels it."
    ),
    Entry(
        "moveit-config",
        "moveit_config",
        "moveit_config",
        "Write URDF, SRDF, kinematics, joint limits, controllers and OMPL settings of a robot for MoveIt.",
    ),
    Entry(
        "teleop",
        "teleop",
        "teleop",
        "Teleoperate a robot of a running graph; x or Ctrl-C ends it, and the robot holds.",
    ),
    Entry(
        "evaluate",
        "evaluate",
        "evaluate",
        "Run a policy on many seeded episodes of a task and print how many succeed, with the 95 % interval.",
    ),
    Entry(
        "compare",
        "compare",
        "compare",
        "Hold the results of B against those of A: results.jsonl of evaluate, eval_info.json of lerobot-eval, aggregates of vla-eval.",
    ),
    Entry(
        "sweep",
        "sweep",
        "sweep",
        "Run lerobot-train for every combination of options, and try every policy on the same episodes.",
    ),
    Entry("benchmark", "benchmark", "app", "Benchmarks of other people, in environments of their own."),
    Entry("critique", "critique", "critique", "Grade videos of episodes by a rubric; verdicts are kept beside them."),
    Entry(
        "demonstrate",
        "demonstrate",
        "demonstrate",
        "Record episodes of a task in a world of its own, in lockstep, and keep those that succeed as a LeRobot dataset.",
    ),
    Entry(
        "correct",
        "correct",
        "correct",
        "Record attempts of a policy that an expert corrects (DAgger), whole, and keep those that succeed as a LeRobot dataset.",
    ),
    Entry(
        "train",
        "train",
        "train",
        "Train a policy with LeRobot's trainer on chosen frames: all, a hand's, or all but those that led to a correction.",
    ),
    Entry(
        "train-online",
        "train_online",
        "train_online",
        "Learn a task while acting, with LeRobot's actor and learner, every action through the robot's gate.",
    ),
    Entry(
        "rollout",
        "rollout",
        "rollout",
        "Let a policy work, and record by a strategy: base, sentry, highlight, episodic or dagger.",
    ),
    Entry(
        "record",
        "record",
        "record",
        "Record episodes; exit code 0 when every one was saved, else 1. Ctrl-C discards the present one and closes the dataset.",
    ),
    Entry("mcp", "mcp", "mcp", "Serve the graph's tools to an MCP client until it goes, or until Ctrl-C."),
    Entry("chat", "chat", "chat", "Talk to the agent of a running graph (strands-robots sim --agent ...)."),
    Entry(
        "real",
        "real",
        "app",
        "Drive a real robot, with safety supervision and policies. It holds its position and moves only after a resume.",
    ),
    Entry("policy", "policy", "app", "Run policies."),
    Entry(
        "profile",
        "profile",
        "app",
        "Where time and memory of a policy's training go; what changed between two runs.",
    ),
    Entry(
        "pipeline",
        "pipeline",
        "app",
        "The loop in one file: record, train, evaluate, compare, deploy; every step resumable.",
    ),
    Entry("dataset", "dataset", "app", "Look at, check, repair and publish datasets."),
    Entry("audit", "audit", "app", "The audit log: what the robots were told and what they did."),
    Entry("approvals", "approvals", "app", "Requests of agents that need a person's approval."),
    Entry("graph", "graph", "app", "Nodes, topics, services and action servers: list, hear, publish, call."),
    Entry("fleet", "fleet", "app", "Many robots and operators: stop, status, resume, and who belongs to the fleet."),
    Entry("keys", "keys", "app", "Operator keys: who may resume and who may approve."),
    Entry("robots", "robots", "app", "Robots that can be simulated, and what each one is."),
    Entry("servo-bus", "servo_bus", "app", "Simulate an arm's servo bus until Ctrl-C; the first line says its port."),
    Entry(
        "check-calibration",
        "check_calibration",
        "app",
        "Marked poses of a real arm, and whether it still is where it was.",
    ),
)

COMMANDS: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Every command by its name, in the order of the help."""
