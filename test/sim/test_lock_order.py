"""Locks of a running simulation are taken in one order, and no code waits while it holds the world's lock.

docs/reference/simulation.md has the order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.control.loop import ControlLoop, RobotLoop
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.sim.edit.checkpoints import Checkpoints
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody, DeleteBody
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.query.describe import describe_world
from strands_robots.sim.render.camera_worker import CameraWorker
from strands_robots.sim.run.runtime import RuntimeConfig, SimRuntime
from strands_robots.sim.world.inspection import take_snapshot

from .arms import two_arm_world
from .fake_world import FakePort

TIME = 1.5


class Watched:
    """A lock that notes which other ones its thread holds when it is taken."""

    orders: ClassVar[set[tuple[str, str]]] = set()
    used: ClassVar[set[str]] = set()
    _held = threading.local()

    def __init__(self, lock: Any, name: str) -> None:
        self._lock, self._name = lock, name

    def __enter__(self) -> None:
        held = self._held.__dict__.setdefault("names", [])
        Watched.orders.update((other, self._name) for other in held if other != self._name)
        self._lock.acquire()
        Watched.used.add(self._name)
        held.append(self._name)

    def __exit__(self, *error: object) -> None:
        self._held.names.remove(self._name)
        self._lock.release()


def test_locks_are_taken_in_one_order_while_five_threads_use_a_running_world() -> None:
    Watched.orders.clear()
    Watched.used.clear()
    world = two_arm_world()
    lock = Watched(world.lock, "world")
    world.lock = lock  # type: ignore[assignment]
    gates = []
    for robot in world.robots.values():
        robot._lock = lock  # type: ignore[assignment]
        gate = Gate(GateConfig(robot=robot.name, session="s"), robot.limits, robot.position)
        gate._lock = Watched(gate._lock, f"gate {robot.name}")  # type: ignore[assignment]
        gates.append(gate)
    loops = [RobotLoop(robot, gate, FakePort()) for robot, gate in zip(world.robots.values(), gates)]
    cameras = CameraWorker(lambda *_: None, [])
    cameras._lock = Watched(cameras._lock, "camera mail")  # type: ignore[assignment]
    runtime = SimRuntime(world, ControlLoop(world, loops, 0.002, 0.01), cameras, RuntimeConfig(), lambda _: None)
    checkpoints = Checkpoints(world)
    cube = AddBody("cube", [Shape("box", [0.02] * 3, mass=0.1)], position=(1.0, 1.0, 0.1), is_free=True)

    def command() -> None:
        gate = gates[np.random.default_rng().integers(2)]
        now = runtime.now()
        gate.submit(
            Chunk("operator/a", time.monotonic_ns(), now.ros, 1.0, gate.limits.names, np.zeros((1, 2))), "t", now
        )

    def beat() -> None:
        for gate in gates:
            counts = {gate.config.robot: gate.report(runtime.now()).latch_count}
            names = {gate.config.robot: "s"}
            gate.on_heartbeat(Heartbeat("sup", time.monotonic_ns(), True, 1, names, "", counts), runtime.now())

    def change() -> None:
        runtime.call(lambda: runtime.change(lambda: edit(world, [cube]), "edit")).exception(5.0)
        runtime.call(lambda: runtime.change(lambda: edit(world, [DeleteBody("cube")]), "edit")).exception(5.0)

    def go_back() -> None:
        runtime.call(lambda: checkpoints.save("a")).exception(5.0)
        runtime.call(lambda: runtime.go_back(lambda: checkpoints.load("a"), "checkpoint")).exception(5.0)

    def look() -> None:
        take_snapshot(world)
        describe_world(world)
        cameras.offer(world.time, world.get_state)
        cameras.forget()

    problems: list[BaseException] = []

    def repeat(work: Callable[[], None]) -> None:
        end = time.monotonic() + TIME
        try:
            while time.monotonic() < end:
                work()
                time.sleep(0.0)
        except (StrandsRobotsError, TimeoutError, ValueError, RuntimeError) as error:
            problems.append(error)

    runtime.start()
    threads = [threading.Thread(target=repeat, args=(work,)) for work in (command, beat, change, go_back, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIME + 10.0)
    assert not any(thread.is_alive() for thread in threads), "a deadlock"
    runtime.stop()
    assert not problems and runtime.failure is None
    assert Watched.used == {"world", "gate left", "gate right", "camera mail"}
    assert all(first == "world" for first, _ in Watched.orders), (
        f"only the world's lock is held when another is taken: {Watched.orders}"
    )
