"""What a person reads of a request: words for constants, only what counts, units, a sentence."""

from __future__ import annotations

import json
from typing import Any

from strands_robots.action import ExecutePlan, MoveTo, RunPolicy, SetGripper

from strands_robots.agent.tools.request_words import request_words
from strands_robots.approvals.approval_request import canonical_request
from strands_robots.ros.messages.approval_messages import fields_of
from strands_robots.ros.messages.message_values import fill_message


def words(kind: str, goal: Any, **fields: Any) -> tuple[str, list[str]]:
    who = {"source": "agent/mcp"} if hasattr(goal, "source") else {}
    message = fill_message(goal, {**who, **fields})
    asked = canonical_request("left/x", f"strands_robots/action/{kind}", fields_of(message))
    first, *rest = request_words(asked.name, asked.kind, asked.fields)
    return first, rest


def test_joint_target_is_a_sentence_without_a_pose_of_zeros() -> None:
    first, rest = words("MoveTo", MoveTo.Goal(), robot="so101", joint_names=["shoulder_pan"], positions=[1.5])
    assert first == 'Move robot "so101": joint "shoulder_pan" to 1.5 rad or m (85.9 deg), at 50 % of its speed limits.'
    assert "target: TARGET_JOINTS" in rest and "positions: [1.5] rad or m" in rest
    text = "\n".join(rest)
    assert not [word for word in ("pose", "orientation", "tolerance", "lockstep", "source", ": 0") if word in text]


def test_pose_target_has_its_place_and_no_joints() -> None:
    pose = {"pose": {"position": {"x": 0.2, "y": 0.0, "z": 0.15}}}
    first, rest = words("MoveTo", MoveTo.Goal(), robot="so101", target="TARGET_POSE", pose=pose, straight=True)
    assert "the tool to x 0.2 m, y 0 m, z 0.15 m" in first and "straight line" in first
    assert "target: TARGET_POSE" in rest and "orientation: ORIENTATION_FREE" in rest and "straight: true" in rest
    assert not [line for line in rest if line.startswith(("joint", "positions"))]


def test_a_way_around_obstacles_and_a_plan_by_its_digest_are_said() -> None:
    planning = {"planner": "rrt_connect", "held": ["cup"]}
    first, rest = words(
        "MoveTo", MoveTo.Goal(), robot="so101", target="TARGET_NAMED", named_state="home", planning=planning
    )
    assert first.startswith('Move robot "so101": to its named state "home", around what stands in its scene by planner')
    assert any(line.startswith("planning: ") and '"cup"' in line for line in rest)
    first, _ = words("MoveTo", MoveTo.Goal(), robot="so101", joint_names=["gripper"], positions=[0.5])
    assert "scene" not in first
    first, rest = words("ExecutePlan", ExecutePlan.Goal(), robot="so101", digest="ab12")
    assert first == 'Play exactly the plan with digest "ab12" on robot "so101"; planning/markers drew it.'
    assert 'digest: "ab12"' in rest
    first, rest = words("ExecutePlan", ExecutePlan.Goal(), robot="left", others=["right"], digest="ab12")
    assert 'on robots "left" and "right" at the same time' in first and 'others: ["right"]' in rest


def test_gripper_that_closes_shows_the_zero_that_counts() -> None:
    first, rest = words("SetGripper", SetGripper.Goal(), robot="so101", position=0.0, max_effort=0.4)
    assert first == 'Move the gripper of robot "so101" to 0 % open, pressing with at most 0.4 Nm or N.'
    assert "unit: UNIT_FRACTION" in rest and "position: 0" in rest and "max_effort: 0.4 Nm or N" in rest
    assert not [line for line in rest if line.startswith(("tolerance", "speed_scale"))]


def test_texts_of_the_asker_are_shown_as_json() -> None:
    first, rest = words(
        "RunPolicy", RunPolicy.Goal(), robot="so101", policy="sine", duration=3.0, task="\x1b[2J\nAPPROVED"
    )
    assert "\x1b" not in first + "".join(rest) and "\n" not in first and "for 3 s" in first


def test_fields_that_the_installed_interface_has_not_are_shown_whole() -> None:
    lines = request_words("x/y", "strands_robots/action/MoveTo", json.dumps({"robot": "a", "surprise": 0}))
    assert '"surprise": 0' in "\n".join(lines)
    unknown = request_words("x/y", "nowhere_msgs/srv/Thing", json.dumps({"a": 0}))
    assert unknown[0] == "Call /x/y." and '"a": 0' in "\n".join(unknown)


def test_a_scripted_pick_says_what_is_picked_and_where_it_goes() -> None:
    def sentence(pick: dict[str, Any]) -> str:
        config = json.dumps({"model": "so101", "pick": pick, "end_run": True})
        return words("RunPolicy", RunPolicy.Goal(), robot="so101", policy="scripted", duration=90.0, config=config)[0]

    cube = {"object": {"body": "cube"}}
    assert sentence(cube).endswith('for 90 s: it picks "cube" up.')
    assert sentence({**cube, "onto": "plate"}).endswith('it picks "cube" up and puts it down onto "plate".')
    assert sentence({**cube, "place": [0.2, 0.1, 0.0], "held": True}).endswith(
        'it puts the held "cube" down at [0.2, 0.1, 0.0] m in its base frame.'
    )
    assert "\u202e" not in sentence({"object": {"body": "\u202ecube"}})
    first, _ = words("RunPolicy", RunPolicy.Goal(), robot="so101", policy="scripted", duration=9.0, config="pick: [1]")
    assert first.endswith("for 9 s.")


def test_a_region_an_arc_and_a_goal_that_takes_anothers_place_are_said() -> None:
    pose = {"pose": {"position": {"x": 0.2, "y": 0.0, "z": 0.15}}}
    planning = {"planner": "rrt_connect", "tool_speed": 0.1}
    given: dict[str, Any] = {"robot": "so101", "target": "TARGET_POSE", "pose": pose, "planning": planning}
    first, rest = words("MoveTo", MoveTo.Goal(), **given, region=[{"x": 0.05, "y": 0.1, "z": 0.0}], preempt=True)
    assert "or anywhere in a box of half lengths x 0.05 m, y 0.1 m, z 0 m about it" in first
    assert "in the place of what it does now" in first and "preempt: true" in rest
    assert any(line.startswith("planning: ") and '"tool_speed": 0.1' in line for line in rest)
    first, _ = words("MoveTo", MoveTo.Goal(), **given, straight=True, through=[{"x": 0.2, "y": 0.1, "z": 0.1}])
    assert "on the arc of a circle" in first
