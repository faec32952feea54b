"""Collision checks and planners: their speed, and MotionBenchMaker's problems for the Panda and the UR5 solved by them.

Checks: random joint positions that are free, among 15 boxes. Plans: joint goals at full speed, each played curve checked again at 1 mm.
CPU time of the planning thread everywhere, compiling the scene included, so that other work on the machine counts less. OMPL's planner
gets the same problems, the same collision checks and the same shortcuts in the same run.

    python benchmarks/bench_planning.py [--problems FOLDER] [--each 5] [--planners rrt_connect ompl_rrt_connect]
        [--into FILE] [--seconds 400]

The first problem of every kind comes first, then the second, each solved by all planners. With FILE the outcomes are added to it, a line
each, and what it has is not solved again: a run in several parts. The figures are of all of its lines.

FOLDER is resources/ of the repository KavrakiLab/vamp (Apache-2.0), panda/problems.tar.bz2 and ur5/problems.tar.bz2 unpacked where they
are. The Panda is ours; the UR5 is the one of these problems, from ur5/ur5_spherized.urdf.
Source: Chamzas et al. 2022, "MotionBenchMaker: a tool to generate and benchmark motion planning datasets".
"""

from __future__ import annotations

import argparse
import atexit
import itertools
import json
import re
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, replace
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
    parser.add_argument("--into", type=Path, help="file of outcomes, which is added to")
    parser.add_argument("--seconds", type=float, default=np.inf, help="no problem is begun after this time")
    parser.add_argument("--robots", nargs="+", default=["panda", "ur5"], choices=["panda", "ur5"])
    options = parser.parse_args()
    ends = time.monotonic() + options.seconds
    planners = [name for name in options.planners if PLANNERS[name].is_there]
    load_time_laws()  # what planning processes do before they are asked
    figures: dict[str, float] = {f"{robot}_check_us": _check_time(robot) for robot in ("so101", "panda")}
    reference: dict[str, float] = {"so101_check_us_target": 40.0, "panda_check_us_target": 60.0}
    for robot in options.robots:
        folder = options.problems / robot / "problems"
        if not folder.is_dir():
            print(f"skipped: no MotionBenchMaker problems in {folder} (see --help)")
            continue
        config = load_robot("panda") if robot == "panda" else _ur5(options.problems / robot)
        outcomes = _outcomes(folder, config, options.each, planners, options.into, ends)
        for name in planners:
            own = [outcome for outcome in outcomes if (outcome.robot, outcome.planner) == (robot, name)]
            if own:
                into = figures if name == "rrt_connect" else reference
                into.update({f"{robot}_{name}_{key}": value for key, value in _summary(own).items()})
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


@dataclass(frozen=True)
class Outcome:
    """What became of one problem.

    Attributes:
        robot, planner, kind, number: Which it was.
        reason: Empty where it was solved; "collision" where start or goal touches something in our model, else why there is no plan.
        cpu: CPU time [s].
        length, direct: Lengths of the way and of the straight one between its ends, in joint space [rad].
        over_toppra: Duration over that of TOPP-RA on the same path at the robot's own limits.
        quintic_over: Duration of a quintic over this one.
        touches: Whether the played curve touches something, looked at in steps of `FINE`.
    """

    robot: str
    planner: str
    kind: str
    number: int
    reason: str
    cpu: float = 0.0
    length: float = 0.0
    direct: float = 0.0
    over_toppra: float = 0.0
    quintic_over: float = 0.0
    touches: bool = False


def _outcomes(
    folder: Path, config: RobotConfig, each: int, planners: list[str], into: Path | None, ends: float
) -> list[Outcome]:
    robot = folder.parent.name
    outcomes: list[Outcome] = []
    if into is not None and into.is_file():
        outcomes = [Outcome(**json.loads(line)) for line in into.read_text(encoding="utf-8").splitlines()]
    known = {(one.robot, one.planner, one.kind, one.number) for one in outcomes}
    planner = ScenePlanner(Arm(config, avoid_ground=False))
    kinds = sorted(path.name for path in folder.iterdir() if path.is_dir())
    for number, kind in itertools.product(range(1, each + 1), kinds):
        left = [name for name in planners if (robot, name, kind, number) not in known]
        if not left or time.monotonic() > ends:
            continue
        scene, request = _problem(folder / kind, config.limits(), number)
        for name in left:
            outcome = _solve(planner, scene, replace(request, planner=name), Outcome(robot, name, kind, number, ""))
            outcomes.append(outcome)
            if into is not None:
                with into.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(outcome)) + "\n")
    return outcomes


def _solve(planner: ScenePlanner, scene: PlanningScene, request: PlanRequest, outcome: Outcome) -> Outcome:
    limits = planner.arm.limits
    # What the law keeps back is given to it, so that this is TOPP-RA at the robot's own limits.
    full = replace(limits, velocity=limits.velocity / MARGIN, acceleration=limits.acceleration / MARGIN)
    began = time.thread_time()
    try:
        plan = planner.plan(request, scene)
    except MotionError as error:
        return replace(outcome, reason=error.reason, cpu=time.thread_time() - began)
    move = plan.move(limits)
    columns = list(move.columns)
    touching = SceneChecker(planner.arm, replace(scene, clearance=0.0))
    touching.start_at(request.start)
    return replace(
        outcome,
        cpu=plan.planning_time,
        length=plan.length,
        direct=plan.direct_length,
        over_toppra=plan.duration / timed("toppra", move.path, full, columns, 1.0).duration,
        quintic_over=TimedPath(move.path, limits, columns, 1.0).duration / plan.duration,
        touches=first_hit(touching, move.path, columns, request.start, FINE) is not None,
    )


def _summary(outcomes: list[Outcome]) -> dict[str, float]:
    solved = [one for one in outcomes if not one.reason]
    valid = [one for one in outcomes if one.reason != "collision"]
    counts = {
        "solved_rate": len(solved) / max(len(valid), 1),
        "problems": float(len(valid)),
        "left_out_in_collision": float(len(outcomes) - len(valid)),
    }
    if not solved:
        return counts
    cpu, lengths = [one.cpu for one in solved], [one.length / one.direct for one in solved]
    return {
        **counts,
        "cpu_median_s": float(np.median(cpu)),
        "cpu_p90_s": float(np.quantile(cpu, 0.9)),
        "cpu_mean_s": float(np.mean(cpu)),
        "length_over_direct_median": float(np.median(lengths)),
        "length_over_direct_total": sum(one.length for one in solved) / sum(one.direct for one in solved),
        "duration_over_toppra_median": float(np.median([one.over_toppra for one in solved])),
        "quintic_over_toppra_median": float(np.median([one.quintic_over for one in solved])),
        "curves_with_contact_at_1_mm": float(sum(one.touches for one in solved)),
    }


def _problem(folder: Path, limits: JointLimits, number: int) -> tuple[PlanningScene, PlanRequest]:
    scene, request = (_read(folder / f"{part}{number:04d}.yaml") for part in ("scene", "request"))
    state = request["start_state"]["joint_state"]
    begin = dict(zip(state["name"], state["position"]))
    start = np.array([begin[joint] for joint in limits.names]).clip(limits.lower, limits.upper)
    goal = {c["joint_name"]: c["position"] for c in request["goal_constraints"][0]["joint_constraints"]}
    columns = [limits.index[joint] for joint in goal]
    target = np.array(list(goal.values())).clip(limits.lower[columns], limits.upper[columns])
    shapes = tuple(_shape(thing) for thing in scene["world"]["collision_objects"])
    return PlanningScene(shapes), PlanRequest(JointTarget(tuple(columns), target), start, "", speed=1.0)


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
