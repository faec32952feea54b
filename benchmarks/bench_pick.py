"""Picking and placing in clutter: 50 seeded tasks among walls, a shelf and other objects, planned and played in simulation.

Each task draws a box or a cylinder, where it lies, walls beside it and across its way, two other objects, and where it shall go: to a place
on the ground, or on a shelf for every third one. A task has succeeded when the object has been within 25 mm of its place, and no link of
the gripper has touched it, for 1.2 s. Contacts are looked at in every control period: what the robot touches besides the object and the
ground under its base, and what the object touches besides what it stood on and stands on.

    python benchmarks/bench_pick.py [--tasks 50] [--first 0] [--into FILE] [--strip docs/images/pick.png]

With FILE the outcomes are added to it, a line each, and the figures are of all of its lines: a run in several parts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _report import report

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.evaluation.episode import EpisodeRunner, PolicyChoice
from strands_robots.evaluation.local_world import LocalWorld
from strands_robots.evaluation.statistics import wilson_interval
from strands_robots.evaluation.task import TaskConfig

ROBOTS = ("so101", "panda")
SETTLED = 1.2  # [s]
DURATION = 30.0  # [s]
FRAMES = 8
PICTURE_PERIOD = 1.0  # [s]
TOUCHING = -2e-4  # [m]; shapes that overlap by less do not press


@dataclass(frozen=True)
class Room:
    """Where things may be for one robot.

    Attributes:
        near, far: Distances of places from the base [m].
        sector: Largest angle to either side of straight ahead [rad].
        scale: Size of walls and shelf against those of the SO-101.
        width: Widths of objects [m].
        clear: Free room around the object and its place [m].
        gripper: Links that hold.
    """

    near: float
    far: float
    sector: float
    scale: float
    width: tuple[float, float]
    clear: float
    gripper: tuple[str, ...]


ROOMS = {
    "so101": Room(0.17, 0.27, 1.0, 1.0, (0.018, 0.028), 0.05, ("gripper_link", "moving_jaw_so101_v1_link")),
    "panda": Room(0.38, 0.62, 0.9, 1.8, (0.03, 0.055), 0.1, ("panda_hand", "panda_leftfinger", "panda_rightfinger")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="seed of the first task")
    parser.add_argument("--into", type=Path, help="file of outcomes, which is added to")
    parser.add_argument(
        "--strip", type=Path, help="PNG file for pictures of the first task of the SO-101 that puts on the shelf"
    )
    options = parser.parse_args()
    outcomes = [] if options.into is None or not options.into.is_file() else read(options.into)
    for seed in range(options.first, options.first + options.tasks):
        wants_strip = options.strip is not None and seed % 2 == 0 and seed % 3 == 2
        outcomes.append(run(seed, options.strip if wants_strip else None))
        if wants_strip and outcomes[-1].is_done:
            options.strip = None
        print(f"  {outcomes[-1].line}", flush=True)
        if options.into is not None:
            with options.into.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(outcomes[-1])) + "\n")
    done = sum(outcome.is_done for outcome in outcomes)
    low, high = wilson_interval(done, len(outcomes))
    reasons = Counter(outcome.reason for outcome in outcomes if not outcome.is_done)
    figures: dict[str, float | str] = {
        "tasks": float(len(outcomes)),
        "succeeded": float(done),
        "success_rate": done / len(outcomes),
        "interval_95_low": low,
        "interval_95_high": high,
        "tasks_with_a_collision": float(sum(bool(outcome.collisions) for outcome in outcomes)),
        "tasks_whose_object_touched_another": float(sum(bool(outcome.brushes) for outcome in outcomes)),
        "planned_cpu_and_simulation_s": sum(outcome.cpu for outcome in outcomes) / len(outcomes),
        "not_done": "; ".join(f"{count} x {reason}" for reason, count in reasons.items()) or "none",
    }
    for robot in ROBOTS:
        own = [outcome.is_done for outcome in outcomes if outcome.robot == robot]
        figures[f"succeeded_{robot}"] = f"{sum(own)} of {len(own)}"
    report("pick", figures, {"tasks_with_a_collision_target": 0.0, "tasks_target": 50.0})


@dataclass(frozen=True)
class Outcome:
    """What became of one task."""

    robot: str
    is_done: bool
    reason: str
    collisions: list[list[str]]
    brushes: list[str]
    line: str
    cpu: float


def read(path: Path) -> list[Outcome]:
    """Return the outcomes of earlier parts."""
    return [Outcome(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def run(seed: int, strip: Path | None = None) -> Outcome:
    """Run one task."""
    begin = time.process_time()
    robot = ROBOTS[seed % len(ROBOTS)]
    task, place = task_of(seed, robot)
    where = ", ".join(f"{value:.4f}" for value in place)
    lift = 0.06 * ROOMS[robot].scale
    pick = f"{{object: {{body: target}}, place: [{where}], lift: {lift:.3f}}}"
    settings = f"{{model: {robot}, speed: 0.5, pick: {pick}}}"
    runner = EpisodeRunner(task, PolicyChoice("scripted", settings))
    watch = Watch(runner.world, strip)
    try:
        result = runner.run(seed, on_begin=watch.begin)
    finally:
        runner.close()
    if strip is not None and result.success:
        watch.write(strip)
    why = "" if result.success else f": {result.message}"
    touched = "".join(f", {one} touched {other}" for one, other in sorted(watch.collisions))
    touched += "".join(f", the object touched {name}" for name in sorted(watch.brushes))
    line = f"seed {seed} {robot}: {'done' if result.success else 'not done'} after {result.time:.1f} s{touched}{why}"
    collisions, brushes = sorted(map(list, watch.collisions)), sorted(watch.brushes)
    cpu = time.process_time() - begin
    return Outcome(robot, result.success, _short(result.message), collisions, brushes, line, cpu)


class Watch:
    """Looks at the contacts of a world in every control period, and draws a few pictures.

    Args:
        world: The world.
        strip: File for the pictures; None draws none.
    """

    def __init__(self, world: LocalWorld, strip: Path | None) -> None:
        self.collisions: set[tuple[str, str]] = set()
        self.brushes: set[str] = set()
        self._world, self._strip = world, strip
        self._pictures: list[tuple[float, Any]] = []

    def begin(self) -> None:
        """Begin to look, when everything lies where the seed says."""
        self._world.on_period = self._look

    def _look(self) -> None:
        model, data = self._world.world.model, self._world.world.data
        robot = f"{self._world.robot}/"
        base = int(next(i for i in range(model.nbody) if model.body(i).name.startswith(robot)))
        for i in range(data.ncon):
            if data.contact.dist[i] > TOUCHING:
                continue
            bodies = [int(model.geom_bodyid[geom]) for geom in data.contact.geom[i]]
            names = [model.body(body).name for body in bodies]
            own = [name.startswith(robot) for name in names]
            if all(own) or base in bodies:
                continue
            if any(own):
                mine, other = (names[0], names[1]) if own[0] else (names[1], names[0])
                if other != "target":
                    self.collisions.add((mine.removeprefix(robot), other))
            elif "target" in names:
                other = names[1 - names.index("target")]
                if other not in ("world", "board"):
                    self.brushes.add(other)
        if self._strip is not None and self._world.time >= len(self._pictures) * PICTURE_PERIOD:
            self._pictures.append((self._world.time, self._world.draw("watch", 480, 360)))

    def write(self, path: Path) -> None:
        """Write the strip: pictures at equal times, four in a row."""
        from PIL import Image

        chosen = [self._pictures[round(i * (len(self._pictures) - 1) / (FRAMES - 1))][1] for i in range(FRAMES)]
        rows = [np.concatenate(chosen[i : i + 4], axis=1) for i in range(0, FRAMES, 4)]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate(rows, axis=0)).save(path, optimize=True)


def task_of(seed: int, robot: str) -> tuple[TaskConfig, FloatArray]:
    """Return a task, and where the middle of its object shall be (3,) in the base frame [m]."""
    random, room = np.random.default_rng(seed), ROOMS[robot]
    on_shelf = seed % 3 == 2
    while True:
        start, goal = (_place(room, random) for _ in range(2))
        if np.linalg.norm(start - goal) > 2.4 * room.clear:
            break
    objects: dict[str, Any] = {}
    taken = [(start, room.clear), (goal, room.clear * (1.4 if on_shelf else 1.0))]
    target, half = _object(room, random)
    objects["target"] = {**target, **_at(start, half), "yaw": float(random.uniform(-np.pi, np.pi))}
    height = half
    if on_shelf:
        board = 0.06 * room.scale
        height = board + 0.004 * room.scale + half
        objects |= _shelf(goal, board, room, float(np.arctan2(goal[1], goal[0])))
    # One wall across the way, where it has to be gone over or round, and others wherever there is room.
    middle, way = 0.5 * (start + goal), goal - start
    spots = [(middle, float(np.arctan2(way[1], way[0]) + 0.5 * np.pi))]
    spots += [(_place(room, random), float(random.uniform(-np.pi, np.pi))) for _ in range(12)]
    for spot, yaw in spots:
        length, tall = (float(random.uniform(*span)) * room.scale for span in ((0.02, 0.035), (0.015, 0.035)))
        if len([name for name in objects if name.startswith("wall")]) < 3 and _is_clear(spot, length, taken):
            name = f"wall_{len(objects)}"
            size = [length, 0.003 * room.scale, tall]
            objects[name] = {
                "shape": "box",
                "size": size,
                "is_free": False,
                "color": [0.5, 0.45, 0.4],
                "yaw": yaw,
                **_at(spot, tall),
            }
            taken.append((spot, length))
    for spot in (_place(room, random) for _ in range(20)):
        if len([name for name in objects if name.startswith("other")]) < 2 and _is_clear(spot, room.width[1], taken):
            thing, high = _object(room, random)
            objects[f"other_{len(objects)}"] = {**thing, "color": [0.2, 0.4, 0.7], **_at(spot, high)}
            taken.append((spot, room.width[1]))
    place = np.array([*goal, height])
    away = [{"not": {"contact": ["target", link]}} for link in room.gripper]
    near = {"body": "target", "at": place.tolist(), "within": 0.025}
    success = {"holds": {"all": [near, *away]}, "for": SETTLED}
    task = TaskConfig.model_validate(
        {"name": f"pick_{seed}", "robot": robot, "objects": objects, "success": success, "duration": DURATION}
    )
    return task, place


def _object(room: Room, random: np.random.Generator) -> tuple[dict[str, Any], float]:
    """Return a box or a cylinder, and half its height [m]."""
    half = 0.5 * float(random.uniform(*room.width))
    tall = half * float(random.uniform(1.0, 1.6))
    if random.random() < 0.5:
        return {"shape": "cylinder", "size": [half, tall], "mass": 0.03}, tall
    return {"shape": "box", "size": [half, half * float(random.uniform(0.8, 1.6)), tall], "mass": 0.03}, tall


def _shelf(goal: FloatArray, board: float, room: Room, yaw: float) -> dict[str, Any]:
    """Return a board on two posts, its top at `board` and a little more [m]."""
    half = 0.04 * room.scale
    thick = 0.004 * room.scale
    side = np.array([-np.sin(yaw), np.cos(yaw)]) * (half - thick)
    common = {"shape": "box", "is_free": False, "yaw": yaw, "color": [0.75, 0.65, 0.45]}
    posts = {
        f"post_{i}": {
            **common,
            "size": [half, thick, 0.5 * (board - thick)],
            **_at(goal + sign * side, 0.5 * (board - thick)),
        }
        for i, sign in enumerate((-1.0, 1.0))
    }
    return {"board": {**common, "size": [half, half, thick], **_at(goal, board)}, **posts}


def _place(room: Room, random: np.random.Generator) -> FloatArray:
    distance, angle = random.uniform(room.near, room.far), random.uniform(-room.sector, room.sector)
    return np.array([distance * np.cos(angle), distance * np.sin(angle)])


def _is_clear(spot: FloatArray, radius: float, taken: list[tuple[FloatArray, float]]) -> bool:
    return all(float(np.linalg.norm(spot - other)) > radius + clear for other, clear in taken)


def _at(spot: FloatArray, z: float) -> dict[str, float]:
    return {"x": float(spot[0]), "y": float(spot[1]), "z": float(z)}


def _short(message: str) -> str:
    """Return the beginning of a failure's message, without the numbers of this one."""
    return " ".join(message.split())[:60]


if __name__ == "__main__":
    try:
        main()
    except StrandsRobotsError as error:
        raise SystemExit(str(error)) from error
