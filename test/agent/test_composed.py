"""Composed tools: thin, and every argument that an interface has is described by its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from strands_robots.agent.tools.composed import composed_tools
from strands_robots.agent.tools.composing import DESCRIBE, EPISODE, MOVE, OPEN, RUN, service_timeout
from strands_robots.agent.tools.endpoint import Endpoint, Tool
from strands_robots.agent.tools.schema import request_schema
from strands_robots.agent.tools.tool_answer import ToolAnswer, approval_answer, data_answer, error_answer
from strands_robots.agent.tools.toolset import Toolset
from strands_robots.policies.scripted.script_options import ScriptedOptions

from .ports import FakePort

jsonschema = pytest.importorskip("jsonschema")

RECORDER = [Endpoint("recorder/start", OPEN), Endpoint("recorder/episode", EPISODE)]
BEGIN = {"do": "begin", "repo_id": "me/pick", "task": "pick"}


class RecorderPort(FakePort):
    """A graph with a recorder; what it answers is in `answers`, else everything is done."""

    def __init__(self) -> None:
        super().__init__([*RECORDER, Endpoint("move_to", MOVE)])
        self.answers: list[ToolAnswer] = []

    def call(self, endpoint: Endpoint, fields: Mapping[str, Any], timeout: float) -> ToolAnswer:
        self.calls.append((endpoint.name, fields))
        return self.answers.pop(0) if self.answers else data_answer({"success": True})

    def stop(self, reason: str) -> ToolAnswer:
        self.calls.append(("stop", {"reason": reason}))
        return data_answer({"stop_id": 1})

    start = call


@pytest.fixture
def port() -> RecorderPort:
    return RecorderPort()


@pytest.fixture
def tools(port: RecorderPort) -> Toolset:
    return Toolset(port)  # type: ignore[arg-type]


def composed(port: RecorderPort) -> dict[str, Tool]:
    return {tool.name: tool for tool in composed_tools(port)}  # type: ignore[arg-type]


def test_arguments_that_interfaces_have_take_their_schema_from_the_files(port: RecorderPort) -> None:
    found = composed(port)
    for tool in found.values():
        jsonschema.Draft202012Validator.check_schema(dict(tool.schema))
    for name, kinds in (("move_to", (MOVE,)), ("run_policy", (RUN,)), ("record_episode", (OPEN, EPISODE))):
        fields = {key: value for kind in kinds for key, value in request_schema(kind)["properties"].items()}
        same = fields.keys() & found[name].schema["properties"].keys() - {"duration"}
        assert same >= {"robot"} or same >= {"repo_id", "task", "outcome", "cameras"}
        for field in same:
            assert found[name].schema["properties"][field] == fields[field]


def test_recorder_is_given_longer_to_answer_than_others() -> None:
    assert service_timeout(OPEN) == service_timeout(EPISODE) > service_timeout("std_srvs/srv/Trigger")


def test_episode_opens_its_dataset_once_and_close_ends_it(tools: Toolset, port: RecorderPort) -> None:
    for given in (BEGIN, {"do": "end", "outcome": "SUCCEEDED"}, {**BEGIN, "task": "place"}, {"do": "discard"}):
        assert not tools.run("record_episode", given).is_error
        tools.refresh()
    assert not tools.run("record_episode", {"do": "close"}).is_error
    names = [(name, fields.get("command", fields.get("mode"))) for name, fields in port.calls]
    episode = "recorder/episode"
    assert names == [
        ("recorder/start", "NEW"), (episode, "BEGIN"), (episode, "END"), (episode, "BEGIN"), (episode, "DISCARD"),
        (episode, "STOP"),
    ]  # fmt: skip
    assert port.calls[0][1]["cameras"] == ["*"] and port.calls[2][1]["outcome"] == "SUCCEEDED"
    assert not tools.run("record_episode", {**BEGIN, "resume": True}).is_error
    assert port.calls[-2][1]["mode"] == "RESUME"


def test_call_that_waited_for_a_person_goes_on_where_it_was(tools: Toolset, port: RecorderPort) -> None:
    port.answers = [approval_answer("r1", "waits")]
    assert tools.run("record_episode", BEGIN).approval == "r1"
    port.answers = [data_answer({"success": True}), approval_answer("r2", "waits")]
    assert tools.run("record_episode", BEGIN).approval == "r2"
    assert not tools.run("record_episode", BEGIN).is_error
    assert [name for name, _ in port.calls] == ["recorder/start", "recorder/start", *["recorder/episode"] * 2]


def test_dataset_that_cannot_be_opened_is_not_taken_for_open(tools: Toolset, port: RecorderPort) -> None:
    port.answers = [error_answer("refused", "is not empty; valid: a new folder, or mode resume")]
    assert "resume" in tools.run("record_episode", BEGIN).text
    assert not tools.run("record_episode", {**BEGIN, "repo_id": "me/other"}).is_error
    assert "close it first" in tools.run("record_episode", BEGIN).text
    port.answers = [error_answer("refused", "no dataset is open")]
    tools.run("record_episode", {"do": "close"})
    assert not tools.run("record_episode", BEGIN).is_error, "a recorder that started anew has none open"


def test_dataset_that_the_recorder_closed_is_opened_again_by_the_next_begin(tools: Toolset, port: RecorderPort) -> None:
    tools.run("record_episode", BEGIN)
    port.answers = [
        data_answer({"success": False, "message": "no dataset is open", "state": {"state": 0}}, is_error=True)
    ]
    answer = json.loads(tools.run("record_episode", {"do": "end"}).text)
    assert "resume true" in answer["next"]
    assert not tools.run("record_episode", {**BEGIN, "resume": True}).is_error
    assert [fields.get("mode") for name, fields in port.calls if name == "recorder/start"] == ["NEW", "RESUME"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"do": "begin", "task": "pick"}, "repo_id"),
        ({"do": "begin", "repo_id": "me/pick", "task": " "}, "task"),
        ({"do": "pause"}, "begin, end, discard, close"),
        ({**BEGIN, "root": "/etc"}, "unknown argument 'root'"),
        ({}, "lacks do"),
    ],
)
def test_recording_that_cannot_be_meant_is_refused_with_what_is_valid(
    tools: Toolset, port: RecorderPort, given: dict[str, Any], words: str
) -> None:
    answer = tools.run("record_episode", given)
    assert answer.is_error and words in json.loads(answer.text)["message"]
    assert not port.calls


def test_graph_without_a_recorder_says_so() -> None:
    answer = Toolset(FakePort([])).run("record_episode", BEGIN)  # type: ignore[arg-type]
    assert json.loads(answer.text)["error"] == "not_there"


def test_move_and_policy_pass_on_what_was_given(tools: Toolset, port: RecorderPort) -> None:
    tools.run("move_to", {"robot": "so101", "position": [0.2, 0.0, 0.1], "speed": 0.3})
    fields = port.calls[-1][1]
    assert (fields["target"], fields["speed_scale"]) == ("TARGET_POSE", 0.3)
    assert tools.run("move_to", {"robot": "so101"}).is_error
    assert tools.run("move_to", {"robot": "so101", "joints": {}, "position": [0, 0, 0]}).is_error
    port.given.append(Endpoint("run_policy", RUN))
    tools.run("run_policy", {"robot": "so101", "policy": "act", "duration": 2.0, "adapter": "so101", "wait": 1.0})
    assert port.calls[-1][1] == {"robot": "so101", "policy": "act", "duration": 2.0, "adapter": "so101"}


def test_stop_needs_no_server_to_be_found(tools: Toolset, port: RecorderPort) -> None:
    port.given.clear()
    assert not tools.run("stop", {"reason": "smoke"}).is_error
    assert port.calls == [("stop", {"reason": "smoke"})]


class PickPort(FakePort):
    """A graph whose motion_node says what kind of robot so101 is."""

    def __init__(self) -> None:
        super().__init__([Endpoint("run_policy", RUN), Endpoint("robots/describe", DESCRIBE)])
        self.started: list[Mapping[str, Any]] = []

    def call(self, endpoint: Endpoint, fields: Mapping[str, Any], timeout: float) -> ToolAnswer:
        self.calls.append((endpoint.name, fields))
        return data_answer({"success": True, "kind": "so101"})

    def start(self, endpoint: Endpoint, fields: Mapping[str, Any], wait: float) -> ToolAnswer:
        self.started.append(fields)
        return data_answer({"state": "succeeded"})


@pytest.mark.parametrize(
    ("tool", "given", "pick", "task"),
    [
        ("pick", {}, {"object": {"body": "cube"}}, "pick up cube"),
        (
            "pick",
            {"onto": "plate"},
            {"object": {"body": "cube"}, "onto": "plate"},
            "pick up cube and put it onto plate",
        ),
        (
            "place",
            {"onto": "plate"},
            {"object": {"body": "cube"}, "onto": "plate", "held": True},
            "put cube onto plate",
        ),
        (
            "place",
            {"position": [0.2, 0.1, 0.0125]},
            {"object": {"body": "cube"}, "place": [0.2, 0.1, 0.0125], "held": True},
            "put cube at x 0.2, y 0.1, z 0.0125 m",
        ),
    ],
)
def test_pick_and_place_are_runs_of_the_scripted_policy_that_end_when_they_are_done(
    tool: str, given: dict[str, Any], pick: dict[str, Any], task: str
) -> None:
    port = PickPort()
    answer = Toolset(port).run(tool, {"robot": "so101", "object": "cube", **given})  # type: ignore[arg-type]
    assert not answer.is_error, answer.text
    (fields,) = port.started
    assert (fields["policy"], fields["robot"], fields["task"]) == ("scripted", "so101", task)
    options = ScriptedOptions.model_validate(json.loads(fields["config"]))
    assert options.end_run and options.model == "so101"
    assert json.loads(fields["config"])["pick"] == pick


@pytest.mark.parametrize(
    ("tool", "given", "words"),
    [
        ("place", {}, "give either onto or position"),
        ("pick", {"onto": "plate", "position": [0.2, 0.0, 0.1]}, "not both"),
        ("pick", {"lift": 2.0}, "lift"),
    ],
)
def test_a_pick_that_makes_no_sense_starts_nothing(tool: str, given: dict[str, Any], words: str) -> None:
    port = PickPort()
    answer = Toolset(port).run(tool, {"robot": "so101", "object": "cube", **given})  # type: ignore[arg-type]
    assert answer.is_error and words in answer.text and not port.started


def test_a_pick_that_waits_for_a_person_asks_once_what_kind_of_robot_it_is() -> None:
    port = PickPort()
    tools = Toolset(port)  # type: ignore[arg-type]
    start = port.start
    port.start = lambda *_: approval_answer("r1", "waits")  # type: ignore[method-assign]
    given = {"robot": "so101", "object": "cube"}
    assert tools.run("pick", given).approval == "r1"
    port.start = start  # type: ignore[method-assign]
    assert not tools.run("pick", given).is_error
    assert [name for name, _ in port.calls] == ["robots/describe"], (
        "another permit for the same question would never end"
    )
    assert not tools.run("pick", given).is_error and len(port.calls) == 2, "later the robot may be another one"
