"""Figures of the simulation besides stepping and pictures: batches, edits, and calls of services.

Batch: 256 futures of 20 control steps of one SO-101, one thread against two, in turns; the fastest of each. The reference is what
the machine's two cores give to MuJoCo alone, in the same turns: the same steps in one process, in two, and in two threads of one. Two
cores that are threads of one core, or that others use, give less than twice; the goal is a part of what they give.
Edit: one object more in a scene of 200 free boxes, in the core.
Services: round trip to sim_node with one SO-101 in real time: a query of six joints, and an edit of an almost empty scene.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import strands_robots.sim  # chooses the OpenGL backend, so before mujoco  # noqa: F401

# isort: split
import mujoco
import numpy as np
from _report import report

from strands_robots.description.robot_config import load_robot
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody, DeleteBody
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.run.rollout import BatchRollout
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

FUTURES, HORIZON, SUBSTEPS = 256, 20, 10
BARE_STEPS = 10000
TURNS = 15
BODIES = 200
EDITS = 15
CALLS = 500


def main() -> None:
    figures: dict[str, float] = {}
    reference: dict[str, float] = {}
    figures.update(batch(reference))
    figures.update(edits())
    figures.update(services())
    goals = {"batch_speedup": "at least 1.8 on two real cores", "batch_share_of_bare": "at least 0.9"}
    report("simulation", figures, reference, goals)


def batch(reference: dict[str, float]) -> dict[str, float]:
    world = World(WorldConfig(robots=(RobotSpec("so101", load_robot("so101")),)))
    robot = world.robots["so101"]
    way = robot.home + np.random.default_rng(0).uniform(-0.2, 0.2, (FUTURES, HORIZON, len(robot.home)))
    actions = np.clip(way, robot.limits.lower, robot.limits.upper)
    state = world.get_state()[None]
    with BareCores(world) as cores, BatchRollout(world, 1) as one, BatchRollout(world, 2) as two:
        pairs, work, bare = [], [], []
        for _ in range(TURNS):
            bare.append((cores.one(), cores.two_processes(), cores.two_threads()))
            before = _thread_times()
            first = _seconds(lambda: one.run(actions, state, SUBSTEPS))
            between = _thread_times()
            pairs.append((first, _seconds(lambda: two.run(actions, state, SUBSTEPS))))
            work.append((_busiest(before, between), _busiest(between, _thread_times())))
    # The fastest turn of each is the one that other work on the machine disturbed least.
    fastest_one, fastest_two = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    alone, processes, threads = (min(each) for each in zip(*bare))
    reference["bare_two_processes_speedup"] = 2.0 * alone / processes
    reference["bare_two_threads_speedup"] = 2.0 * alone / threads
    return {
        "batch_share_of_bare": fastest_one / fastest_two / reference["bare_two_processes_speedup"],
        "batch_one_thread_control_steps_per_s": FUTURES * HORIZON / fastest_one,
        "batch_two_threads_control_steps_per_s": FUTURES * HORIZON / fastest_two,
        "batch_speedup": fastest_one / fastest_two,
        # What two free cores would give: processor time of the busiest thread, no matter what else wants the cores.
        "batch_speedup_by_processor_time": min(pair[0] for pair in work) / min(pair[1] for pair in work),
    }


class BareCores:
    """What the machine gives to MuJoCo alone: the time of the same steps in one process, in two at once, and in two threads at once."""

    def __init__(self, world: World) -> None:
        self._parts = [(world.model, mujoco.MjData(world.model)) for _ in range(2)]
        self._pipes = []
        self._processes = []
        context = multiprocessing.get_context("fork")
        for part in self._parts:
            mine, other = context.Pipe()
            self._pipes.append(mine)
            self._processes.append(context.Process(target=self._serve, args=(other, part), daemon=True))
        for process in self._processes:
            process.start()
        self._pool = ThreadPoolExecutor(2)

    def one(self) -> float:
        """Return the seconds that one process takes."""
        return _seconds(lambda: self._run(self._pipes[:1]))

    def two_processes(self) -> float:
        """Return the seconds until both of two processes have done as much as `one` each."""
        return _seconds(lambda: self._run(self._pipes))

    def two_threads(self) -> float:
        """Return the same of two threads of this process, which hold no lock while MuJoCo steps."""
        return _seconds(lambda: list(self._pool.map(self._steps, self._parts)))

    def __enter__(self) -> BareCores:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()
        for process in self._processes:
            process.kill()

    @staticmethod
    def _run(pipes: Sequence[Connection]) -> None:
        for pipe in pipes:
            pipe.send(True)
        for pipe in pipes:
            pipe.recv()

    def _serve(self, pipe: Connection, part: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        while pipe.recv():
            self._steps(part)
            pipe.send(True)

    @staticmethod
    def _steps(part: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, data = part
        mujoco.mj_resetData(model, data)
        mujoco.mj_step(model, data, nstep=BARE_STEPS)


def _thread_times() -> dict[str, float]:
    """Return the processor time [s] of every thread of this process; proc_schedstat."""
    tasks = Path("/proc/self/task")
    return {task.name: 1e-9 * int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()}


def _busiest(before: dict[str, float], after: dict[str, float]) -> float:
    return max(spent - before.get(thread, 0.0) for thread, spent in after.items())


def edits() -> dict[str, float]:
    world = World(WorldConfig(robots=(RobotSpec("so101", load_robot("so101")),)))
    edit(world, [_box(f"box{i}", i) for i in range(BODIES)])
    times = []
    for _ in range(EDITS):
        times.append(_seconds(lambda: edit(world, [_box("more", BODIES)])))
        edit(world, [DeleteBody("more")])
    return {f"add_object_to_{BODIES}_bodies_ms": 1e3 * statistics.median(times)}


def services() -> dict[str, float]:
    from graph import Graph, wait_for
    from rclpy.client import Client
    from strands_robots.msg import SceneBody, SceneShape
    from strands_robots.srv import EditScene, QueryWorld

    figures: dict[str, float] = {}
    with Graph() as graph:
        graph.start("sim_node", robots=["so101=so101"], cameras=False)
        node = graph.client()

        def call(client: Client, request: object) -> float:
            start = time.perf_counter()
            future = client.call_async(request)
            done: list[float] = []
            future.add_done_callback(lambda _: done.append(time.perf_counter()))
            wait_for(lambda: done, 20.0, "an answer")
            assert future.result().success, future.result().message
            return done[0] - start

        query = node.create_client(QueryWorld, "world/query")
        change = node.create_client(EditScene, "world/edit")
        assert query.wait_for_service(30.0) and change.wait_for_service(30.0)
        joints = QueryWorld.Request(what=QueryWorld.Request.JOINTS, names=["so101/"])
        times = sorted(call(query, joints) for _ in range(CALLS))[:]
        figures["query_p50_ms"], figures["query_p99_ms"] = 1e3 * times[CALLS // 2], 1e3 * times[int(0.99 * CALLS)]
        cube = SceneBody(name="cube", is_free=True, shapes=[SceneShape(kind="box", size=[0.02] * 3, mass=0.1)])
        times = []
        for _ in range(EDITS):
            times.append(call(change, EditScene.Request(bodies=[cube])))
            call(change, EditScene.Request(remove=["cube"]))
        figures["edit_service_ms"] = 1e3 * statistics.median(times)
    return figures


def _box(name: str, number: int) -> AddBody:
    place = (0.5 + 0.1 * (number % 15), -0.7 + 0.1 * (number // 15), 0.02)
    return AddBody(name, [Shape("box", [0.02] * 3, mass=0.1)], position=place, is_free=True)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
