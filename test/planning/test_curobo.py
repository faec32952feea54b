"""What cuRobo is given and what is made of its answer, with a stand-in that has the names and shapes of its sources; it has never run."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning import curobo_planner, planner
from strands_robots.planning.planning_scene import PlanningScene, Shape
from strands_robots.planning.scene_checker import SceneChecker
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner
from strands_robots.planning.tool_limits import ToolLimits

from .scenes import wall

START = np.array([0.9, 0.3, 0.0, 0.4, 0.0, 0.2])


class StandIn:
    """The names of NVlabs/curobo a35a708 that are used, with its argument names; plans by points that the test gives."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows, self.urdf, self.worlds, self.asked = rows, "", [], []
        rig = self

        class RobotBuilder:
            def __init__(self, urdf_path: str, asset_path: str = "", tool_frames: Any = None, device_cfg: Any = None):
                rig.urdf = Path(urdf_path).read_text(encoding="utf-8")

            def fit_collision_spheres(self, sphere_density: float = 1.0, use_collision_mesh: bool = False) -> None:
                assert use_collision_mesh, "the links have no visual shapes"

            def compute_collision_matrix(self, prune_collisions: bool = True) -> None: ...

            def build(self) -> str:
                return "built"

            def save(self, config: str, output_path: str, include_cspace: bool = True) -> None:
                Path(output_path).write_text(config, encoding="ascii")

        class MotionPlannerCfg:
            @staticmethod
            def create(robot: str, collision_cache: dict[str, int], random_seed: int = 123) -> str:
                assert Path(robot).read_text(encoding="ascii") == "built" and collision_cache["cuboid"] >= 64
                return robot

        class MotionPlanner:
            def __init__(self, config: str) -> None:
                names = [
                    joint.get("name")
                    for joint in ElementTree.fromstring(rig.urdf).iter("joint")
                    if joint.get("type") == "revolute"
                ]
                self.joint_names = names[::-1]  # cuRobo has its own order

            def warmup(self, enable_graph: bool, num_warmup_iterations: int) -> None: ...

            def clear_scene_cache(self) -> None: ...

            def update_world(self, scene_cfg: Any) -> None:
                rig.worlds.append(scene_cfg)

            def plan_cspace(self, goal_state: Any, current_state: Any, max_attempts: int = 5) -> Any:
                rig.asked.append((current_state.position.numpy(), goal_state.position.numpy()))
                rows = torch.from_numpy(rig.rows[:, ::-1].copy()).reshape(1, 1, *rig.rows.shape)
                plan = SimpleNamespace(position=rows)
                return SimpleNamespace(success=torch.tensor([[len(rig.rows) > 0]]), get_interpolated_plan=lambda: plan)

        class JointState:
            @staticmethod
            def from_position(position: Any, joint_names: list[str]) -> Any:
                return SimpleNamespace(position=position, joint_names=joint_names)

        self.modules = {
            "curobo": {},
            "curobo.robot_builder": {"RobotBuilder": RobotBuilder},
            "curobo.motion_planner": {"MotionPlanner": MotionPlanner, "MotionPlannerCfg": MotionPlannerCfg},
            "curobo.types": {"JointState": JointState},
            "curobo.scene": {"Scene": SimpleNamespace(create=lambda data: data)},
        }


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    def put(stand_in: StandIn) -> None:
        for name, entries in stand_in.modules.items():
            module = ModuleType(name)
            vars(module).update(entries)
            monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(planner.PlannerEntry, "is_there", True)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(curobo_planner, "DEVICE", "cpu")
        monkeypatch.setattr(curobo_planner, "_ROBOTS", {})

    return put


def plan(goal: float = -0.9, tool: ToolLimits | None = None) -> Any:
    arm = Arm(load_robot("so101"))
    target = JointTarget(tuple(range(5)), np.array([goal, *START[1:5]]))
    request = PlanRequest(target, START, "curobo", tool=tool or ToolLimits())
    return ScenePlanner(arm).plan(request, PlanningScene((wall(),)))


def over_the_wall(height: float) -> np.ndarray:
    """Return rows (N, 5) that lift the arm, turn it, and lower it."""
    turn = np.concatenate([np.full(20, 0.9), np.linspace(0.9, -0.9, 60), np.full(20, -0.9)])
    lift = height * np.concatenate([np.linspace(0.0, 1.0, 20), np.ones(60), np.linspace(1.0, 0.0, 20)])
    rows = np.tile(START[:5], (100, 1))
    rows[:, 0], rows[:, 1] = turn, START[1] - lift
    return rows


def test_a_way_comes_back_in_our_order_and_is_checked(install: Any) -> None:
    stand_in = StandIn(over_the_wall(1.2))
    install(stand_in)
    made = plan()
    assert made.planner == "curobo" and made.length > made.direct_length + 0.05
    begin, goal = stand_in.asked[0]
    assert begin[0][::-1] == pytest.approx(START[:5], abs=1e-6) and goal[0][::-1][0] == pytest.approx(-0.9)
    (world,) = stand_in.worlds
    assert world["cuboid"]["box0"]["dims"] == pytest.approx([0.244, 0.024, 0.204]), "as much larger as the clearance"
    assert world["cuboid"]["box0"]["pose"] == pytest.approx([0.28, 0.0, 0.10, 1.0, 0.0, 0.0, 0.0])
    links = {link.get("name") for link in ElementTree.fromstring(stand_in.urdf).iter("link")}
    assert "root" in links and len([name for name in links if name.startswith("shape")]) > 20


def test_a_way_through_the_wall_is_no_plan(install: Any) -> None:
    install(StandIn(over_the_wall(0.0)))
    with pytest.raises(
        MotionError, match="a way was found that is not free in MuJoCo's collision detection"
    ) as refused:
        plan()
    assert refused.value.reason == "no_path"


def test_what_it_cannot_do_is_refused(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install(StandIn(over_the_wall(1.2)))
    with pytest.raises(MotionError, match="knows no limits of the tool's place"):
        plan(tool=ToolLimits(upright=0.5))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MotionError, match="needs a CUDA device, and there is none; valid: rrt_connect"):
        plan()


def test_every_kind_of_shape_becomes_a_box_or_a_mesh() -> None:
    arm = Arm(load_robot("so101"))
    kinds = {
        "sphere": (0.05,),
        "cylinder": (0.02, 0.05),
        "capsule": (0.02, 0.05),
        "plane": (1.0, 1.0),
        "box": (0.1, 0.1, 0.1),
    }
    pose = Pose(np.array([0.0, 0.6, 0.5]), rotation_matrix(np.array([0.0, 0.0, 0.5])))
    scene = PlanningScene(tuple(Shape(kind, kind, size, pose) for kind, size in kinds.items()))
    made = curobo_planner.scene_model(SceneChecker(arm, scene), arm.base_pose)
    assert len(made["cuboid"]) == 3 and len(made["mesh"]) == 3
    for mesh in made["mesh"].values():
        assert np.array(mesh["faces"]).max() == len(mesh["vertices"]) - 1 and len(mesh["pose"]) == 7
    reach = np.abs(np.array(made["mesh"]["mesh0"]["vertices"])).max()
    assert reach == pytest.approx(0.052, abs=1e-3)


def test_without_it_the_answer_says_how_to_get_it() -> None:
    if planner.PLANNERS["curobo"].is_there:
        pytest.skip("curobo is installed")
    with pytest.raises(MotionError, match="needs curobo, which is not installed"):
        planner.planner("curobo")
