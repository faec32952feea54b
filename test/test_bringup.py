"""Which nodes a simulation has, with which parameters, arguments and environment, and what the end of one means."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from strands_robots.bringup.graph import (
    EndGraph,
    ExitRule,
    GoOn,
    Graph,
    NodeSpec,
    OnExit,
    Restart,
    ros_arguments,
)
from strands_robots.bringup.prepare import complete, find_executable
from strands_robots.bringup.robots import BringupRobot, parse_robot, parse_robots
from strands_robots.bringup.sim import (
    LAUNCH_ARGUMENTS,
    SimOptions,
    describe,
    options_from_text,
    sim_graph,
)
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.safety.graph_file import running_graphs

ONE = (BringupRobot("so101", "so101"),)


def by_name(graph: Graph) -> dict[str, NodeSpec]:
    return {spec.name: spec for spec in graph.nodes}


def test_sim_graph_has_its_nodes_and_their_ends() -> None:
    nodes = by_name(sim_graph(SimOptions(ONE)))
    assert {name: spec.on_exit for name, spec in nodes.items()} == {
        "sim_node": OnExit.END_GRAPH,
        "safety_node": OnExit.RESTART,
        "audit_node": OnExit.OPTIONAL,
        "incident_node": OnExit.OPTIONAL,
        "policy_node": OnExit.RESTART,
        "motion_node": OnExit.RESTART,
        "resident": OnExit.IGNORE,
    }
    assert "resident" not in by_name(sim_graph(SimOptions(ONE, resident=False)))


def test_every_node_has_the_same_run_id_and_two_graphs_differ() -> None:
    first, second = (sim_graph(SimOptions(ONE)) for _ in range(2))
    ids, others = ({spec.parameters["run_id"] for spec in graph.nodes if spec.is_ros_node} for graph in (first, second))
    assert len(ids) == 1 and ids.isdisjoint(others)
    assert (
        by_name(first)["safety_node"].parameters["latch_folder"]
        != by_name(second)["safety_node"].parameters["latch_folder"]
    )


def test_safety_node_has_no_simulated_time_and_is_armed_as_asked() -> None:
    safety = by_name(sim_graph(SimOptions(ONE, arm_on_start=False)))["safety_node"].parameters
    assert safety["use_sim_time"] is False and safety["arm_on_start"] is False


def test_first_arming_waits_for_the_other_nodes_of_the_graph() -> None:
    nodes = by_name(sim_graph(SimOptions(ONE, rviz=True)))
    awaited = nodes["safety_node"].parameters["start_nodes"]
    assert set(awaited) == nodes.keys() - {"sim_node", "safety_node", "rviz2", "resident"}
    assert "start_nodes" not in by_name(sim_graph(SimOptions(ONE, arm_on_start=False)))["safety_node"].parameters


def test_a_parameter_file_comes_after_the_parameters(tmp_path: Path) -> None:
    path = tmp_path / "parameters.yaml"
    path.write_text("/**:\n  ros__parameters:\n    camera_rate: 5.0\n", encoding="utf-8")
    graph = sim_graph(SimOptions(ONE, params_file=str(path)))
    for spec in filter(lambda spec: spec.is_ros_node, graph.nodes):
        arguments = ros_arguments(spec, graph)
        assert arguments[arguments.index("--params-file") + 1] == str(path)
        assert "-p" not in arguments[arguments.index("--params-file") :]


def test_options_reach_sim_node() -> None:
    options = SimOptions(
        (BringupRobot("left", "so101"), BringupRobot("right", "so101")),
        mode="lockstep",
        seed=7,
        cameras=False,
        headless=False,
    )
    sim = by_name(sim_graph(options))["sim_node"].parameters
    assert sim["robots"] == ("left=so101", "right=so101")
    assert (sim["mode"], sim["seed"], sim["cameras"], sim["headless"]) == ("lockstep", 7, False, False)
    assert Path(str(sim["output_folder"])).is_absolute()


def test_ros_arguments_keep_the_type_of_every_value() -> None:
    spec = NodeSpec(
        "a",
        "b",
        parameters={"text": "12", "number": 0.5, "flag": True, "list": ("x=1", 'with "quotes"')},
        remappings=(("from", "to"),),
        arguments=("--own",),
    )
    arguments = ros_arguments(spec, Graph((spec,), namespace="cell/", log_level="warn"))
    assert arguments[:4] == ["--own", "--ros-args", "-r", "__node:=b"]
    assert "__ns:=/cell" in arguments and "from:=to" in arguments and arguments[-2:] == ["--log-level", "warn"]
    given = dict(word.split(":=", 1) for word in arguments if ":=" in word)
    assert (
        json.loads(given["text"]) == "12"
        and json.loads(given["flag"]) is True
        and json.loads(given["list"]) == ["x=1", 'with "quotes"']
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("so101", BringupRobot("so101", "so101")),
        ("left:=so101", BringupRobot("left", "so101")),
        (" left=so101 ", BringupRobot("left", "so101")),
        ("left:=so101@0,-.2,1e-1,1.57", BringupRobot("left", "so101", "0,-.2,1e-1,1.57")),
    ],
)
def test_parse_robot_reads_names_and_models(text: str, expected: BringupRobot) -> None:
    assert parse_robot(text) == expected


def test_parse_robot_of_a_file_takes_its_stem(tmp_path: Path) -> None:
    path = tmp_path / "My-Arm.urdf"
    path.write_text("<robot name='a'/>", encoding="utf-8")
    assert parse_robot(str(path)) == BringupRobot("my_arm", str(path))
    assert parse_robot(f"left:={path}") == BringupRobot("left", str(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("so10", "so101"),
        ("left:=", "names no model"),
        ("Left:=so101", "lower-case"),
        ("a:=missing.urdf", "existing file"),
        ("a:=/etc/hostname", ".urdf"),
        ("so101@1,2", "<yaw>"),
    ],
)
def test_parse_robot_refuses_and_says_what_is_valid(text: str, words: str) -> None:
    with pytest.raises((ConfigurationError, UnknownNameError), match=words):
        parse_robot(text)


def test_parse_robots_wins_over_robot_and_refuses_a_name_twice() -> None:
    assert parse_robots("so101", "") == ONE
    assert [robot.name for robot in parse_robots("so101", "a:=so101, b:=so101")] == ["a", "b"]
    assert [str(robot) for robot in parse_robots("", "a:=so101@0,0.2,0,b:=so101@0,-0.2,0")] == [
        "a=so101@0,0.2,0",
        "b=so101@0,-0.2,0",
    ]
    with pytest.raises(ConfigurationError, match="given twice"):
        parse_robots("", "a:=so101 a:=so101")
    with pytest.raises(ConfigurationError, match="no robot"):
        parse_robots("", "")


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "turbo"},
        {"log_level": "loud"},
        {"real_time_factor": 0.0},
        {"camera_rate": float("nan")},
        {"namespace": "a b"},
        {"params_file": "/no/such/file"},
        {"scene": "/no/such/file"},
    ],
)
def test_options_refuse_what_is_not_valid(change: dict[str, object]) -> None:
    with pytest.raises((ConfigurationError, UnknownNameError), match=f"{next(iter(change))}.*valid"):
        SimOptions(ONE, **change)  # type: ignore[arg-type]


def test_options_from_text_reads_what_a_launch_file_gives() -> None:
    options = options_from_text({**LAUNCH_ARGUMENTS, "headless": "False", "namespace": "cell"})
    assert options.robots == ONE and not options.headless and options.namespace == "cell"
    with pytest.raises(ConfigurationError, match="true or false"):
        options_from_text({**LAUNCH_ARGUMENTS, "cameras": "perhaps"})


def test_defaults_of_the_launch_file_are_those_of_the_options() -> None:
    given = options_from_text(LAUNCH_ARGUMENTS)
    assert given == dataclasses.replace(SimOptions(ONE), run_id=given.run_id)
    assert all(describe(name) for name in LAUNCH_ARGUMENTS)


def test_exit_rule_restarts_three_times_with_longer_waits_then_ends_the_graph() -> None:
    rule = ExitRule("safety_node", OnExit.RESTART)
    decisions = [rule.process_ended(-9) for _ in range(4)]
    assert [decision.delay for decision in decisions[:3] if isinstance(decision, Restart)] == [0.5, 1.0, 2.0]
    assert isinstance(decisions[3], EndGraph) and "safety_node was killed by SIGKILL" in decisions[3].text


def test_exit_rule_of_an_optional_node_never_ends_the_graph_and_says_so() -> None:
    told: list[tuple[str, int, str]] = []
    rule = ExitRule("audit_node", OnExit.OPTIONAL, tell=lambda *end: told.append(end))
    assert [type(rule.process_ended(-9)) for _ in range(4)] == [Restart, Restart, Restart, GoOn]
    assert [(name, code) for name, code, _ in told] == [("audit_node", -9)] * 4
    assert "3 restarts did not help; THE GRAPH GOES ON WITHOUT audit_node" in told[-1][2]


def test_optional_node_that_refuses_its_configuration_is_not_started_again() -> None:
    decision = ExitRule("audit_node", OnExit.OPTIONAL).process_ended(2)
    assert isinstance(decision, GoOn) and "refuses what it was given" in decision.text


def test_evaluation_node_is_there_when_it_is_wanted_and_its_end_ends_nothing() -> None:
    assert "evaluation_node" not in by_name(sim_graph(SimOptions(ONE)))
    node = by_name(sim_graph(options_from_text({"robot": "so101", "evaluation": "true"})))["evaluation_node"]
    assert (node.on_exit, node.parameters["use_sim_time"]) == (OnExit.OPTIONAL, False)
    assert LAUNCH_ARGUMENTS["evaluation"] == "false"


def test_incident_node_is_there_unless_it_is_not_wanted() -> None:
    assert "incident_node" not in by_name(sim_graph(SimOptions(ONE, incidents=False)))


def test_exit_rule_of_a_robot_node_ends_the_graph_even_without_an_error() -> None:
    decision = ExitRule("sim_node", OnExit.END_GRAPH).process_ended(0)
    assert isinstance(decision, EndGraph) and "sim_node ended with exit code 0" in decision.text
    assert isinstance(ExitRule("rviz2", OnExit.IGNORE).process_ended(1), GoOn)


def test_graph_has_the_watch_over_the_router_only_where_zenoh_needs_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_zenoh_cpp")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{os.environ.get('AMENT_PREFIX_PATH', '')}{os.pathsep}{tmp_path}")
    with pytest.raises(ConfigurationError, match="rmw_zenohd was not found"):
        complete(sim_graph(SimOptions(ONE)))
    router = tmp_path / "lib" / "rmw_zenoh_cpp" / "rmw_zenohd"
    router.parent.mkdir(parents=True)
    router.write_text("#!/bin/sh\n", encoding="utf-8")
    router.chmod(0o755)
    assert complete(sim_graph(SimOptions(ONE))).nodes[0].name == "zenoh_router"
    monkeypatch.setenv("ZENOH_SESSION_CONFIG_URI", "/home/me/session.json5")
    assert "zenoh_router" not in by_name(complete(sim_graph(SimOptions(ONE))))


def test_graph_says_in_its_run_how_it_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    monkeypatch.delenv("RMW_IMPLEMENTATION", raising=False)
    monkeypatch.setenv("ROS_DOMAIN_ID", "17")
    graph = complete(sim_graph(SimOptions(ONE, namespace="cell")))
    found = running_graphs({"ROS_HOME": str(tmp_path)})
    assert [(said.pid, said.domain, said.namespace) for said in found] == [(os.getpid(), 17, "cell")]
    assert graph.environment.items() >= found[0].variables.items() - os.environ.items()


def test_find_executable_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="lib/rviz2/rviz2 was not found below"):
        find_executable("rviz2", "rviz2")
    path = tmp_path / "lib" / "rviz2" / "rviz2"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    assert find_executable("rviz2", "rviz2") == path


def test_paths_of_robots_may_have_blanks_commas_and_capitals(tmp_path: Path) -> None:
    folder = tmp_path / "my robots, old"
    folder.mkdir()
    for name in ("arm one.URDF", "two@home.xml"):
        (folder / name).write_text("<robot/>", encoding="utf-8")
    given = f"a:={folder}/arm one.URDF@0,0.2,0 so101, b:={folder}/two@home.xml@1,0,0"
    robots = parse_robots("", given)
    assert [(robot.name, robot.model, robot.pose) for robot in robots] == [
        ("a", f"{folder}/arm one.URDF", "0,0.2,0"), ("so101", "so101", ""), ("b", f"{folder}/two@home.xml", "1,0,0"),
    ]  # fmt: skip
    assert parse_robot(f"{folder}/arm one.URDF").name == "arm_one"


def test_xacro_is_refused_with_a_remedy() -> None:
    with pytest.raises(ConfigurationError, match=r"xacro robot\.urdf\.xacro > robot\.urdf"):
        parse_robot("a:=/x/arm.urdf.xacro")
