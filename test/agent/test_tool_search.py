"""find_tool: the right tool is among the first three, whatever words a model uses, and what cannot be used is said."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from strands_robots.agent.tools.endpoint import Endpoint
from strands_robots.agent.tools.tool_answer import LONGEST_ANSWER, data_answer
from strands_robots.agent.tools.tool_words import tool_words
from strands_robots.agent.tools.toolset import MOST_SHOWN, SHOWN_CHARACTERS, Toolset, _size

from .graphs import SIMULATION
from .ports import FakePort

QUERIES: dict[str, set[str]] = {
    "add an object to the scene": {"add_object", "world_edit"},
    "put a red cube on the table": {"add_object", "world_edit"},
    "spawn a box": {"add_object", "world_edit"},
    "remove the cube from the world": {"world_edit"},
    "delete an object": {"world_edit"},
    "change the friction of a shape": {"world_edit"},
    "what objects are there": {"world_describe"},
    "describe the environment": {"world_describe"},
    "which robots are on the graph": {"describe_robot", "robots_describe"},
    "how far can the arm reach": {"describe_robot", "robots_describe"},
    "joint limits of the arm": {"describe_robot", "robots_describe"},
    "how wide does the gripper open": {"describe_robot", "robots_describe", "start_set_gripper"},
    "take a picture": {"look", "world_render", "world_render_cameras"},
    "what does the camera see": {"look", "world_render", "world_render_cameras"},
    "show me the wrist camera": {"look", "read_so101_wrist_image_raw"},
    "move the arm to a position": {"move_to", "start_move_to"},
    "move joint shoulder_pan by 0.3 rad": {"move_to", "start_move_to"},
    "drive the tool along a straight line": {"start_move_to"},
    "move without waiting": {"start_move_to", "move_to"},
    "close the gripper": {"start_set_gripper"},
    "grasp the object": {"start_set_gripper", "pick"},
    "pick up the cube": {"pick"},
    "put the cube onto the plate": {"place", "pick"},
    "run a learned policy": {"run_policy", "start_run_policy"},
    "settings of a policy": {"policies_describe"},
    "what does run_policy.config need": {"policies_describe"},
    "which policies exist": {"policies_describe"},
    "load a model before it is needed": {"policies_load"},
    "record a demonstration": {"record_episode"},
    "save three episodes into a dataset": {"record_episode"},
    "replay a recorded episode": {"start_replay_episode"},
    "play back the demonstration": {"start_replay_episode"},
    "how often does the policy succeed": {"start_evaluate"},
    "evaluate the success rate of a task": {"start_evaluate"},
    "reset the simulation": {"world_reset"},
    "start over from the beginning": {"world_reset"},
    "save the state of the world to go back to it": {"world_checkpoint"},
    "restore a checkpoint": {"world_checkpoint"},
    "emergency stop": {"stop"},
    "halt everything": {"stop"},
    "freeze the simulated time": {"world_pause"},
    "abort the running motion": {"cancel_goal"},
    "is the motion finished": {"goal_status"},
    "where is the cube": {"world_query", "world_describe"},
    "measure the contact force between bodies": {"world_query", "world_apply_wrench"},
    "does the cube touch the gripper": {"world_query"},
    "push the cube with a force": {"world_apply_wrench"},
    "teleport an object": {"world_set_state", "world_edit"},
    "randomize colours and masses": {"world_randomize"},
    "distance to an obstacle along a ray": {"world_cast_rays"},
    "jacobian and inertia": {"world_compute_dynamics"},
    "open another scene file": {"world_load"},
    "camera intrinsics": {
        "read_overhead_camera_info",
        "read_so101_wrist_camera_info",
        "read_overhead_depth_camera_info",
    },
    "depth image": {"read_overhead_depth_image_raw", "read_so101_wrist_depth_image_raw", "world_render"},
    "current joint angles": {"describe_robot", "read_so101_joint_states", "robots_describe"},
    "advance the physics by some steps": {"world_step"},
}


@pytest.fixture(scope="module")
def tools() -> Toolset:
    return Toolset(FakePort(SIMULATION))  # type: ignore[arg-type]


def found(tools: Toolset, query: str) -> Any:
    return json.loads(tools.run("find_tool", {"query": query}).text)


def test_right_tool_is_among_the_first_three_for_nine_of_ten_queries(tools: Toolset) -> None:
    assert len(QUERIES) >= 40
    names = {query: [tool["name"] for tool in found(tools, query)["tools"]] for query in QUERIES}
    assert all(len(each) <= 3 for each in names.values())
    missed = {query: got for query, got in names.items() if not QUERIES[query] & set(got)}
    assert len(missed) <= len(QUERIES) // 10, missed


def test_words_that_say_nothing_find_nothing(tools: Toolset) -> None:
    assert found(tools, "an of the to")["error"] == "nothing_found"
    assert "tools" in found(tools, "add an object to the scene") and "stop" not in [
        tool["name"] for tool in found(tools, "add an object to the scene")["tools"]
    ]


@pytest.mark.parametrize("query", ["world/cast_rays", "world_cast_rays", "/world/cast_rays"])
def test_name_of_a_tool_or_interface_finds_it_first(tools: Toolset, query: str) -> None:
    assert found(tools, query)["tools"][0]["name"] == "world_cast_rays"


def test_shown_tools_are_what_a_task_needs(tools: Toolset) -> None:
    shown = [tool.name for tool in tools.shown()]
    assert {
        "look", "describe_robot", "move_to", "run_policy", "pick", "place", "record_episode", "add_object", "goal_status", "cancel_goal",
        "stop", "find_tool", "call_tool", "start_set_gripper", "world_describe", "policies_describe", "world_reset", "world_query",
        "start_evaluate", "start_replay_episode",
    } <= set(shown)  # fmt: skip
    plumbing = {
        "read_goals_alive",
        "read_diagnostics",
        "start_move_to",
        "start_run_policy",
        "safety_stop",
        "policies_load",
    }
    assert not plumbing & set(shown)
    assert len(shown) <= MOST_SHOWN and sum(_size(tool) for tool in tools.shown()) <= SHOWN_CHARACTERS


@pytest.mark.parametrize(
    ("like", "better"), [("start_move_to", "move_to"), ("safety_stop", "stop"), ("start_run_policy", "run_policy")]
)
def test_tool_that_has_a_simpler_one_names_it(tools: Toolset, like: str, better: str) -> None:
    (tool,) = [tool for tool in found(tools, like)["tools"] if tool["name"] == like]
    assert tool["description"].find(f"{better} does the same and is simpler") >= 0


def test_every_word_for_a_model_is_ascii_and_points_to_no_document(tools: Toolset) -> None:
    for name in tools.names():
        entry = json.dumps([tool for tool in found(tools, name)["tools"] if tool["name"] == name])
        assert name in entry and entry.isascii()
        assert "docs/" not in entry and ".md" not in entry and "std_srvs/srv/SetBool" not in entry


def test_words_of_the_file_fit_the_longest_end_of_a_name() -> None:
    words = tool_words()
    assert "compressed" in words.say("so101/wrist/image_raw/compressed")
    assert words.say("nothing/like/it") == "" and words.say("xworld/pause") == ""
    assert words.is_last("left/gate_state") and not words.is_last("world/describe")


def test_tool_without_its_server_is_not_shown_and_says_what_starts_it() -> None:
    port = FakePort([entry for entry in SIMULATION if not entry.name.startswith("recorder/")])
    tools = Toolset(port)  # type: ignore[arg-type]
    assert "record_episode" not in [tool.name for tool in tools.shown()] and "record_episode" not in tools.names()
    assert "--recorder" in json.loads(tools.run("record_episode", {"do": "close"}).text)["message"]
    assert "--recorder" in found(tools, "record a demonstration")["next"]
    port.given = SIMULATION
    tools.refresh()
    assert "record_episode" in [tool.name for tool in tools.shown()]


class LongPort(FakePort):
    """A graph with a long list and a long text."""

    VALUES: ClassVar[dict[str, Any]] = {
        "success": True,
        "text": "\n".join(f"object thing_{index}: box, at (0.1, 0.2, 0.3) m" for index in range(200)),
        "bodies": [{"name": f"body_{index}", "mass": float(index)} for index in range(200)],
    }

    def call(self, endpoint: Endpoint, fields: Any, timeout: float) -> Any:
        return data_answer(self.VALUES)


def test_what_an_answer_cuts_can_be_read_page_by_page() -> None:
    tools = Toolset(LongPort(SIMULATION))  # type: ignore[arg-type]
    answer = tools.run("world_describe", {})
    cut = json.loads(answer.text)["cut"]
    assert "read_more with answer 1" in cut and len(answer.text) <= LONGEST_ANSWER
    names, start = [], 0
    while True:
        page = json.loads(tools.run("read_more", {"answer": 1, "path": "bodies", "start": start}).text)["data"]
        names += [body["name"] for body in page["part"]]
        if "next_start" not in page:
            break
        assert page["next_start"] > start and page["in_all"] == 200
        start = page["next_start"]
    assert names == [body["name"] for body in LongPort.VALUES["bodies"]]
    lines = json.loads(tools.run("read_more", {"answer": 1, "path": "text", "start": 199}).text)["data"]["part"]
    assert lines == ["object thing_199: box, at (0.1, 0.2, 0.3) m"]
    one = json.loads(tools.run("read_more", {"answer": 1, "path": "bodies[7].mass"}).text)["data"]
    assert one == {"bodies[7].mass": 7.0}


@pytest.mark.parametrize(
    ("given", "words"),
    [({"answer": 9, "path": "text"}, "unknown_answer"), ({"answer": 1, "path": "bodys"}, "unknown_part")],
)
def test_part_that_is_not_there_is_named_with_what_is(given: dict[str, Any], words: str) -> None:
    tools = Toolset(LongPort(SIMULATION))  # type: ignore[arg-type]
    tools.run("world_describe", {})
    answer = json.loads(tools.run("read_more", given).text)
    assert answer["error"] == words and answer["valid"]


def test_text_of_642_characters_is_whole() -> None:
    text = "x" * 642
    assert json.loads(data_answer({"text": text}).text)["data"]["text"] == text
    lines = json.loads(data_answer({"text": "one\ntwo"}).text)["data"]["text"]
    assert lines == ["one", "two"]
