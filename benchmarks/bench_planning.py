"""Collision checks and planners: their speed, and MotionBenchMaker's problems for the Panda and the UR5 solved by them.

Checks: random joint positions that are free, among 15 boxes. Plans: joint goals at full speed, each played curve checked again at 1 mm.
CPU time of the planning thread everywhere, compiling the scene included, so that other work on the machine counts less. OMPL's planner
gets the same problems, the same collision checks and the same shortcuts in the same run.

    python benchmarks/bench_planning.py [--problems FOLDER] [--each 5] [--planners rrt_connect ompl_rrt_connect]

FOLDER is resources/ of the repository KavrakiLab/vamp (Apache-2.0), panda/problems.tar.bz2 and ur5/problems.tar.bz2 unpacked where they
are. The Panda is ours; the UR5 is the one of these problems, from ur5/ur5_spherized.urdf.
Source: Chamzas et al. 2022, "MotionBenchMaker: a tool to generate and benchmark motion planning datasets".
"""

from __future__ import annotations

import argparse
import atexit
import dataclasses
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from _report import report

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, pose_from_quaternion
from strands_robots.core.types import JointLimits
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.description.robot_model import describe_model
from strands_robots.motion.arm import Arm
from strands_robots.motion.move_to import JointTarget
from strands_robots.motion.path import TimedPath
from strands_robots.planning.checked_curve import first_hit
from strands_robots.planning.planner import PLANNERS
from strands_robots.planning.planning_scene import PlanningScene, Shape
from strands_robots.planning.scene_checker import SceneChecker
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner
from strands_robots.planning.time_law import MARGIN, load_time_laws, timed

CHECKS = 800
TURNS = 5
FINE = 0.001  # [m]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=Path, default=Path("problems"))
    parser.add_argument("--each", type=int, default=5, help="problems of each kind")
    parser.add_argument("--planners", nargs="+", default=["rrt_connect", "ompl_rrt_connect"], choices=list(PLANNERS))
    options = parser.parse_args()
    load_time_laws()  # what planning processes do before they are asked
    figures: dict[str, float] = {f"{robot}_check_us": _check_time(robot) for robot in ("so101", "panda")}
    reference: dict[str, float] = {"so101_check_us_target": 40.0, "panda_check_us_target": 60.0}
    for robot in ("panda", "ur5"):
        folder = options.problems / robot / "problems"
        if not folder.is_dir():
            print(f"skipped: no MotionBenchMaker problems in {folder} (see --help)")
            continue
        config = load_robot("panda") if robot == "panda" else _ur5(options.problems / robot)
        for name in options.planners:
            if PLANNERS[name].is_there:
                into = figures if name == "rrt_connect" else reference
                solved = _solve(folder, config, options.each, name)
                into.update({f"{robot}_{name}_{key}": value for key, value in solved.items()})
        reference |= {
            "solved_rate_target": 0.99,
            "cpu_median_s_target": 0.1,
            "length_over_direct_target": 1.15,
            "duration_over_toppra_target": 1.1,
        }
    report("planning", figures, reference)


def _check_time(robot: str) -> float:
    """Return the CPU time of one check [us], the best of some turns."""
    rng = np.random.default_rng(1)
    shapes = tuple(
        Shape(
            f"box{i}",
            "box",
            (0.05,) * 3,
            Pose(np.array([0.4 * np.cos(a), 0.4 * np.sin(a), rng.uniform(0.1, 0.5)]), np.eye(3)),
        )
        for i, a in enumerate(rng.uniform(-np.pi, np.pi, 15))
    )
    checker = SceneChecker(Arm(load_robot(robot)), PlanningScene(shapes))
    limits = checker.arm.limits
    drawn = rng.uniform(
        np.maximum(limits.lower, -np.pi), np.minimum(limits.upper, np.pi), (5 * CHECKS, len(limits.names))
    )
    free = [position for position in drawn if checker.is_free(position)][:CHECKS]
    best = np.inf
    for _ in range(TURNS):
        begin = time.process_time()
        for position in free:
            checker.is_free(position)
        best = min(best, time.process_time() - begin)
    return 1e6 * best / len(free)


def _ur5(folder: Path) -> RobotConfig:
    """Return the UR5 of the problems; its pictures are not among the files."""
    text = (folder / "ur5_spherized.urdf").read_text(encoding="utf-8")
    path = Path(tempfile.mkdtemp(prefix="bench_planning_")) / "ur5.urdf"
    path.write_text(re.sub(r"<visual>.*?</visual>", "", text, flags=re.DOTALL), encoding="utf-8")
    atexit.register(shutil.rmtree, path.parent)
    return describe_model(path)


def _solve(folder: Path, config: RobotConfig, each: int, name: str) -> dict[str, float]:
    planner = ScenePlanner(Arm(config, avoid_ground=False))
    limits = config.limits()
    # What the law keeps back is given to it, so that this is TOPP-RA at the robot's own limits.
    full = dataclasses.replace(limits, velocity=limits.velocity / MARGIN, acceleration=limits.acceleration / MARGIN)
    cpu, lengths, durations, times_quintic, reached, direct, invalid, unsolved, hits = [], [], [], [], [], [], 0, 0, 0
    for scene, request in _problems(folder, limits, each, name):
        try:
            plan = planner.plan(request, scene)
        except MotionError as error:
            invalid += error.reason == "collision"  # start or goal touches something in our model of the hand
            unsolved += error.reason != "collision"
            continue
        move = plan.move(limits)
        columns = list(move.columns)
        cpu.append(plan.planning_time)
        lengths.append(plan.length / plan.direct_length)
        reached.append(plan.length)
        direct.append(plan.direct_length)
        optimal = timed("toppra", move.path, full, columns, 1.0).duration
        durations.append(plan.duration / optimal)
        times_quintic.append(TimedPath(move.path, limits, columns, 1.0).duration / plan.duration)
        hits += first_hit(planner.checker(scene), move.path, columns, request.start, FINE) is not None
    return {
        "solved_rate": len(cpu) / max(len(cpu) + unsolved, 1),
        "problems": float(len(cpu) + unsolved),
        "left_out_in_collision": float(invalid),
        "cpu_median_s": float(np.median(cpu)),
        "cpu_p90_s": float(np.quantile(cpu, 0.9)),
        "cpu_mean_s": float(np.mean(cpu)),
        "length_over_direct_median": float(np.median(lengths)),
        "length_over_direct_total": float(np.sum(reached) / np.sum(direct)),
        "duration_over_toppra_median": float(np.median(durations)),
        "quintic_over_toppra_median": float(np.median(times_quintic)),
        "curves_with_contact_at_1_mm": float(hits),
    }


def _problems(folder: Path, limits: JointLimits, each: int, name: str) -> Iterator[tuple[PlanningScene, PlanRequest]]:
    for kind in sorted(path for path in folder.iterdir() if path.is_dir()):
        for number in range(1, each + 1):
            scene, request = (_read(kind / f"{part}{number:04d}.yaml") for part in ("scene", "request"))
            state = request["start_state"]["joint_state"]
            begin = dict(zip(state["name"], state["position"]))
            start = np.array([begin[joint] for joint in limits.names]).clip(limits.lower, limits.upper)
            goal = {c["joint_name"]: c["position"] for c in request["goal_constraints"][0]["joint_constraints"]}
            columns = [limits.index[joint] for joint in goal]
            target = np.array(list(goal.values())).clip(limits.lower[columns], limits.upper[columns])
            shapes = tuple(_shape(thing) for thing in scene["world"]["collision_objects"])
            yield PlanningScene(shapes), PlanRequest(JointTarget(tuple(columns), target), start, name, speed=1.0)


def _shape(thing: dict[str, Any]) -> Shape:
    primitive, place = thing["primitives"][0], thing["primitive_poses"][0]
    base = thing.get("pose", {"position": [0.0, 0.0, 0.0], "orientation": [0.0, 0.0, 0.0, 1.0]})
    pose = pose_from_quaternion(base["position"], base["orientation"]).at(
        pose_from_quaternion(place["position"], place["orientation"])
    )
    kind, size = primitive["type"], primitive["dimensions"]
    sizes = {"box": [value / 2.0 for value in size], "cylinder": [size[-1], size[0] / 2.0], "sphere": size[:1]}
    return Shape(thing["id"], kind, tuple(sizes[kind]), pose)


def _read(path: Path) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), loader)
    return content


if __name__ == "__main__":
    main()
