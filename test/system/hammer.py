"""Calls every service of a simulated world as fast as it answers, as a process of its own, and prints what it found as JSON.

Usage: python hammer.py <domain> <seed> <seconds>. It ends with 1 when an answer was late, torn, not finite or not in words.
"""

from __future__ import annotations

import json
import math
import random
import sys
import time
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Pose, Vector3, Wrench
from graph import Client, wait_for
from std_srvs.srv import SetBool
from strands_robots.msg import EntityState, SceneBody, SceneShape
from strands_robots.srv import (
    ApplyWrench,
    CastRays,
    Checkpoint,
    ComputeDynamics,
    DescribeWorld,
    EditScene,
    GetWorldState,
    LoadScene,
    QueryWorld,
    RenderCamera,
    ResetWorld,
    SetWorldState,
    StepWorld,
)

DEADLINE = 20.0
"""An answer that takes longer is one that never comes [s]; pictures are drawn in software, one after the other."""
ROBOTS = ("left", "right")


class Torn(Exception):
    """An answer that no instant of the world can have given."""


class Hammer:
    """One client that never rests."""

    def __init__(self, domain: int, seed: int) -> None:
        self.client = Client(domain, f"hammer_{seed}")
        self.random = random.Random(seed)
        self.seed = seed
        self.calls: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self.slowest = 0.0
        self.clients: dict[str, Any] = {}
        self.name = f"thing{seed}"

    def call(self, kind: Any, name: str, /, **fields: Any) -> Any:
        """Call a service; every answer must come in time and in words."""
        client = self.clients.setdefault(name, None) or self.client.create_client(kind, f"world/{name}")
        self.clients[name] = client
        assert client.wait_for_service(DEADLINE), name
        start = time.monotonic()
        future = client.call_async(kind.Request(**fields))
        wait_for(future.done, DEADLINE, f"answer of {name}")
        self.slowest = max(self.slowest, time.monotonic() - start)
        answer = future.result()
        self.calls[name] = self.calls.get(name, 0) + 1
        if not answer.success:
            self.refused[name] = self.refused.get(name, 0) + 1
            assert answer.message and answer.message.isascii(), f"{name}: {answer.message!r}"
        return answer

    def get_state(self) -> None:
        """The measured joints and the generalised state are of one instant, which is a whole number of steps old."""
        answer = self.call(GetWorldState, "get_state", full=True)
        qpos, qvel = np.array(answer.qpos), np.array(answer.qvel)
        if not (np.isfinite(qpos).all() and np.isfinite(qvel).all()):
            raise Torn("not finite")
        stamp = answer.stamp.sec + 1e-9 * answer.stamp.nanosec
        if abs(stamp - answer.physics_steps * answer.timestep) > 1e-6:
            raise Torn(f"{answer.physics_steps} steps at {stamp} s")
        at = 0
        for state in answer.joint_states:
            end = at + len(state.name)
            if list(state.position) != qpos[at:end].tolist() or list(state.velocity) != qvel[at:end].tolist():
                raise Torn(f"joint_states {list(state.position)} and qpos {qpos[at:end].tolist()}")
            at = end

    def query(self) -> None:
        """Parts of one query are of one instant: bodies at rest in the world stay where they are, joints are what the state says."""
        answer = self.call(QueryWorld, "query")
        for joint in answer.joints:
            if not all(math.isfinite(value) for value in [*joint.position, *joint.velocity]):
                raise Torn(f"joint {joint.name}")
        for body in answer.bodies:
            q = body.pose.orientation
            if abs(q.x**2 + q.y**2 + q.z**2 + q.w**2 - 1.0) > 1e-6:
                raise Torn(f"rotation of {body.name}")

    def dynamics(self) -> None:
        answer = self.call(ComputeDynamics, "compute_dynamics", robot=self.random.choice(ROBOTS), mass_matrix=True)
        if answer.success and not np.isfinite(answer.mass_matrix).all():
            raise Torn("mass matrix")

    def rays(self) -> None:
        self.call(CastRays, "cast_rays", ground=[Point(x=self.random.uniform(-2.0, 2.0), y=2.0)])

    def describe(self) -> None:
        self.call(DescribeWorld, "describe", mjcf=self.random.random() < 0.2)

    def push(self) -> None:
        force = Vector3(x=self.random.uniform(-1.0, 1.0))
        self.call(ApplyWrench, "apply_wrench", body="left/gripper_link", wrench=Wrench(force=force), duration=0.05)

    def edit(self) -> None:
        shape = SceneShape(kind="box", size=[0.02] * 3, mass=0.1)
        pose = Pose(position=Point(x=1.0 + 0.2 * self.seed, y=self.random.uniform(-1.0, 1.0), z=0.3))
        self.call(EditScene, "edit", bodies=[SceneBody(name=self.name, pose=pose, is_free=True, shapes=[shape])])
        self.call(EditScene, "edit", remove=[self.name])

    def place(self) -> None:
        self.call(
            SetWorldState, "set_state", entities=[EntityState(name=self.name, pose=Pose(position=Point(x=1.5, z=0.2)))]
        )

    def checkpoint(self) -> None:
        self.call(Checkpoint, "checkpoint", action=Checkpoint.Request.SAVE, name=f"c{self.seed}")
        self.call(Checkpoint, "checkpoint", action=Checkpoint.Request.LOAD, name=f"c{self.seed}")

    def load(self) -> None:
        self.call(LoadScene, "load")

    def reset(self) -> None:
        self.call(ResetWorld, "reset", seed=self.seed)

    def render(self) -> None:
        self.call(RenderCamera, "render", camera="overhead", width=32, height=24)

    def step(self) -> None:
        self.call(StepWorld, "step", client="hammer", steps=1)

    def pause(self) -> None:
        self.call(SetBool, "pause", data=True)
        self.call(SetBool, "pause", data=False)

    def run(self, seconds: float) -> None:
        """Call one service after the other, in random order; some rarely, because they end the robots' goals."""
        often = [
            self.get_state,
            self.query,
            self.dynamics,
            self.rays,
            self.describe,
            self.push,
            self.edit,
            self.place,
            self.checkpoint,
        ]
        rare = [self.load, self.reset, self.render, self.step, self.pause]
        for work in [*often, *rare]:
            work()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.random.choice(rare if self.random.random() < 0.05 else often)()


def main() -> int:
    domain, seed, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    hammer = Hammer(domain, seed)
    problem = ""
    try:
        hammer.run(seconds)
    except (AssertionError, Torn) as error:
        problem = f"{type(error).__name__}: {error}"
    finally:
        hammer.client.close()
    print(json.dumps({"problem": problem, "calls": hammer.calls, "refused": hammer.refused, "slowest": hammer.slowest}))
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
