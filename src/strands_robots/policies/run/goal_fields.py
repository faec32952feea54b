"""What a goal of run_policy asks for, and the fields of its result. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from strands_robots.policies.host.opening import PolicyKey
from strands_robots.policies.run.policy_run import RunReason


@dataclass(frozen=True)
class PolicyGoal:
    """What was asked for.

    Attributes:
        goal_id: Identity of the goal, hexadecimal.
        robot: Name of the robot.
        policy: Name of the provider.
        config: Its settings, YAML or JSON.
        task: What the robot shall do, in words.
        rate: Wanted rows a second [Hz]; 0 for the provider's own.
        duration: End after this much ROS time [s]; 0 is no limit.
        steps: End after this many rows; 0 is no limit.
        seed: Seed of the policy.
        lockstep: Step a world instead of following a robot that moves in its own time.
        adapter: Adapter: name, path or YAML; empty for policies that speak the robot's own words.
        stop_when: Condition on the robot's joints or the time that ends the run, YAML or JSON; empty for none.
        blending: "splice", "ensemble" or "rtc"; empty takes "rtc" where the policy can, else "splice".
        execute_rows: Rows of a chunk to play before the policy is asked again; 0: half of it.
        keep_loaded: Keep the policy for the next goal with the same policy, config, adapter, rate and robot.
        success_when: Condition that must hold when the run has ended, YAML or JSON; empty for what the policy says itself.
    """

    goal_id: str
    robot: str
    policy: str
    config: str = ""
    task: str = ""
    rate: float = 0.0
    duration: float = 0.0
    steps: int = 0
    seed: int = 0
    lockstep: bool = False
    adapter: str = ""
    stop_when: str = ""
    blending: str = ""
    execute_rows: int = 0
    keep_loaded: bool = False
    success_when: str = ""

    @property
    def key(self) -> PolicyKey:
        """What makes a kept policy this goal's."""
        return PolicyKey(self.robot, self.policy, self.config, self.adapter, self.rate)


@dataclass(frozen=True)
class RunOutcome:
    """The fields of RunPolicy's result."""

    success: bool
    message: str
    reason: RunReason
    chunks: int = 0
    steps: int = 0
    elapsed: float = 0.0
    joint_names: tuple[str, ...] = ()
    motion: tuple[float, ...] = ()
    underruns: int = 0
    latency_p50: float = field(default=0.0, compare=False)  # of the wall's clock, never the same twice
    latency_p99: float = field(default=0.0, compare=False)
    task_checked: bool = False
    task_done: bool = False
    measured: str = ""
