"""The standard's services and action of a real sim_node, where the package simulation_interfaces is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from geometry_msgs.msg import Point, PoseStamped, Quaternion, Vector3
from graph import Graph, wait_for
from std_srvs.srv import SetBool
from strands_robots.msg import GateState
from strands_robots.srv import GetWorldState

from strands_robots.ros.messages import qos

from .world_under_test import WorldUnderTest

srv = pytest.importorskip("simulation_interfaces.srv", reason="the package simulation_interfaces is not installed")
from rclpy.action import ActionClient  # noqa: E402
from simulation_interfaces import action, msg  # noqa: E402

INVALID_POSE = getattr(srv.SetEntityState.Response, "INVALID_POSE", 4)  # Older releases have no code of its own.

CUBE = '<mujoco><worldbody><body name="box"><freejoint/><geom type="box" size=".02 .02 .02" mass=".1"/></body></worldbody></mujoco>'
WALL = '<mujoco><worldbody><geom type="box" size=".02 .5 .5"/></worldbody></mujoco>'
URDF = (
    '<robot name="tin"><link name="tin"><inertial><mass value="0.2"/><inertia ixx="1e-4" iyy="1e-4" izz="1e-4" ixy="0" ixz="0" iyz="0"/>'
    '</inertial><collision><geometry><cylinder radius="0.03" length="0.1"/></geometry></collision></link></robot>'
)
ARM = (
    '<robot name="Lamp Arm"><link name="base"><inertial><mass value="1"/>'
    '<inertia ixx="1e-2" iyy="1e-2" izz="1e-2" ixy="0" ixz="0" iyz="0"/>'
    '</inertial></link><link name="arm"><inertial><mass value="0.2"/><inertia ixx="1e-3" iyy="1e-3" izz="1e-3" ixy="0" ixz="0" iyz="0"/>'
    '</inertial></link><joint name="swing" type="revolute"><parent link="base"/><child link="arm"/><axis xyz="0 0 1"/>'
    '<limit lower="-1" upper="1" effort="5" velocity="1"/></joint></robot>'
)
SDF = '<sdf version="1.9"><model name="box"/></sdf>'
NO_MESH = '<mujoco><asset><mesh name="m" file="{folder}/missing.stl"/></asset><worldbody><geom type="mesh" mesh="m"/></worldbody></mujoco>'
OK, UNSUPPORTED, NOT_FOUND, INCORRECT_STATE, FAILED = 1, 0, 2, 3, 4


class Standard(WorldUnderTest):
    """A world, asked by the standard's words."""

    def ask(self, kind: str, request: Any = None, /, **fields: Any) -> Any:
        """Call one of the standard's services, by the name of its type."""
        service = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind).strip("_")
        fields = (
            fields
            if request is None
            else {name: getattr(request, name) for name in request.get_fields_and_field_types()}
        )
        return self.call(getattr(srv, kind), service, **fields)

    def code(self, kind: str, request: Any = None, /, **fields: Any) -> int:
        """Return the code of the result."""
        found = self.ask(kind, request, **fields).result
        assert found.result == OK or (found.error_message and found.error_message.isascii())
        return int(found.result)

    def spawn(self, name: str, uri: str = "", text: str = "", **fields: Any) -> Any:
        request = srv.SpawnEntity.Request(name=name, **fields)
        resource = request.entity_resource if hasattr(request, "entity_resource") else request
        resource.uri, resource.resource_string = uri, text
        return self.ask("SpawnEntity", request)

    def entities(self, **filters: Any) -> list[str]:
        answer = self.ask("GetEntities", filters=msg.EntityFilters(**filters))
        assert answer.result.result == OK, answer.result.error_message
        return list(answer.entities)

    def set_simulation(self, state: int) -> int:
        return self.code("SetSimulationState", state=msg.SimulationState(state=state))

    def place(self, entity: str, state: Any, **flags: bool) -> int:
        request = srv.SetEntityState.Request(entity=entity, state=state)
        for name, value in {"set_pose": True, "set_twist": True, **flags}.items():
            if hasattr(request, name):
                setattr(request, name, value)
        return self.code("SetEntityState", request)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standard]:
    folder: Path = tmp_path_factory.mktemp("models")
    (folder / "cube.xml").write_text(CUBE, encoding="utf-8")
    with Graph() as graph:
        yield Standard(graph, scene_folders=[str(folder)])


@pytest.fixture
def world(shared: Standard) -> Standard:
    """The world as it was at the start, playing."""
    if shared.ask("GetSimulationState").state.state != msg.SimulationState.STATE_PLAYING:
        shared.set_simulation(msg.SimulationState.STATE_PLAYING)
    assert shared.code("ResetSimulation") == OK
    return shared


def at(x: float, z: float, frame: str = "", rotation: Quaternion | None = None) -> PoseStamped:
    pose = PoseStamped()
    pose.header.frame_id = frame
    pose.pose.position = Point(x=x, y=0.5, z=z)
    pose.pose.orientation = rotation or Quaternion()
    return pose


def test_features_say_what_there_is(world: Standard) -> None:
    features = world.ask("GetSimulatorFeatures").features
    assert {msg.SimulatorFeatures.SPAWNING, msg.SimulatorFeatures.STEP_SIMULATION_ACTION} <= set(features.features)
    assert set(features.spawn_formats) == {"mjcf", "urdf"} and features.custom_info


@pytest.mark.parametrize(("uri", "text"), [("cube.xml", ""), ("file://cube.xml", ""), ("", CUBE), ("", URDF)])
def test_object_is_spawned_falls_and_is_deleted(world: Standard, uri: str, text: str) -> None:
    answer = world.spawn("thing", uri, text, initial_pose=at(1.0, 0.4))
    assert (answer.result.result, answer.entity_name) == (OK, "thing"), answer.result.error_message
    assert world.entities() == ["so101", "thing"]
    wait_for(lambda: world.ask("GetEntityState", entity="thing").state.pose.position.z < 0.2, what="a fall")
    assert world.ask("GetEntityState", entity="thing").state.header.frame_id == "world"
    assert world.code("DeleteEntity", entity="thing") == OK
    assert world.entities() == ["so101"]


def test_robot_is_spawned_with_its_topics_and_deleted(world: Standard) -> None:
    gates = world.client.listen(GateState, "helper/gate_state", qos.STATE)
    assert world.spawn("helper", "so101", initial_pose=at(0.0, 0.0)).result.result == OK
    wait_for(lambda: gates and gates[-1].at_rest, 10.0, "its gate")
    assert world.code("DeleteEntity", entity="helper") == OK
    assert gates[-1].retired and world.entities() == ["so101"]


def test_robot_as_text_is_spawned_under_its_own_name_and_deleted(world: Standard) -> None:
    gates = world.client.listen(GateState, "lamp_arm/gate_state", qos.STATE)
    answer = world.spawn("", text=ARM, initial_pose=at(0.0, 0.0))
    assert (answer.result.result, answer.entity_name) == (OK, "lamp_arm"), answer.result.error_message
    wait_for(lambda: gates and gates[-1].at_rest, 10.0, "its gate")
    assert world.code("DeleteEntity", entity="lamp_arm") == OK


def test_entity_is_spawned_in_the_frame_of_another(world: Standard) -> None:
    turned = Quaternion(z=2**-0.5, w=2**-0.5)
    assert world.spawn("wall", text=WALL, initial_pose=at(3.0, 0.5, rotation=turned)).result.result == OK
    assert world.spawn("post", text=WALL, initial_pose=at(1.0, 0.0, frame="wall")).result.result == OK
    position = world.ask("GetEntityState", entity="post").state.pose.position
    # (1, 0.5, 0) in the frame of the wall, which stands at (3, 0.5, 0.5) and is turned by a quarter about z.
    assert (position.x, position.y, position.z) == pytest.approx((2.5, 1.5, 0.5), abs=1e-6)


def test_asset_that_is_missing_has_its_code(world: Standard, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = next(iter(tmp_path_factory.getbasetemp().glob("models*")))
    assert world.spawn("a", text=NO_MESH.format(folder=folder)).result.result == 107


def test_stopping_resets_the_world_and_removes_what_was_spawned(world: Standard) -> None:
    world.spawn("one", "cube.xml")
    assert world.set_simulation(msg.SimulationState.STATE_STOPPED) == OK
    assert world.entities() == ["so101"]
    assert world.set_simulation(msg.SimulationState.STATE_STOPPED) == 101


def test_reset_removes_what_was_spawned(world: Standard) -> None:
    world.spawn("one", "cube.xml")
    assert world.code("ResetSimulation", scope=srv.ResetSimulation.Request.SCOPE_SPAWNED) == OK
    assert world.entities() == ["so101"]
    assert world.code("ResetSimulation", scope=srv.ResetSimulation.Request.SCOPE_TIME) == UNSUPPORTED


def test_names_that_are_taken_are_refused_or_changed(world: Standard) -> None:
    assert world.spawn("thing", "cube.xml").entity_name == "thing"
    assert world.spawn("thing", "cube.xml").result.result == 101
    assert world.spawn("thing", "cube.xml", allow_renaming=True).entity_name == "thing_2"
    assert world.spawn("", "cube.xml", allow_renaming=True).entity_name == "cube"
    assert world.spawn("", text=URDF).entity_name == "tin", "a model's own name counts"
    assert world.spawn("", text=URDF).result.result == 101


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "B\u00e4r"}, 102),
        ({"name": "a", "uri": "../secret.xml"}, 103),
        ({"name": "a", "uri": "model.sdf"}, 103),
        ({"name": "a", "uri": ""}, 104),
        ({"name": "a", "entity_namespace": "/other"}, UNSUPPORTED),
        ({"name": "a", "entity_namespace": "no namespace"}, 105),
        ({"name": "a", "uri": "", "text": SDF}, 103),
        ({"name": "a", "initial_pose": at(0.0, 0.0, rotation=Quaternion(w=0.0))}, 109),
        ({"name": "a", "uri": "", "text": "<mujoco"}, 106),
        ({"name": "a", "initial_pose": at(float("nan"), 0.0)}, 109),
        ({"name": "a", "initial_pose": at(0.0, 0.0, frame="moon")}, 109),
        ({"name": "a", "uri": "so101", "initial_pose": at(0.0, 0.0, rotation=Quaternion(x=1.0, w=1.0))}, 109),
    ],
)
def test_spawning_that_cannot_be_has_its_code(world: Standard, fields: dict[str, Any], code: int) -> None:
    fields = {"uri": "cube.xml", **fields}
    answer = world.spawn(fields.pop("name"), fields.pop("uri"), fields.pop("text", ""), **fields)
    assert answer.result.result == code and answer.result.error_message.isascii()
    assert world.entities() == ["so101"]


def test_filters_choose_by_name_kind_and_place(world: Standard) -> None:
    world.spawn("cube_a", "cube.xml", initial_pose=at(1.0, 0.02))
    world.spawn("wall", text=WALL, initial_pose=at(3.0, 0.5))
    assert world.entities(filter="^cube") == ["cube_a"]
    assert world.entities(categories=[msg.EntityCategory(category=1)]) == ["so101"]
    assert world.entities(categories=[msg.EntityCategory(category=5)]) == ["wall"]
    sphere = msg.Bounds(type=3, points=[Vector3(x=3.0, y=0.5, z=0.5), Vector3(x=0.3)])
    assert world.entities(bounds=sphere) == ["wall"]
    assert world.entities(filter="^[[:alpha:]]+$") == ["wall"]
    states = world.ask("GetEntitiesStates", filters=msg.EntityFilters(filter="a"))
    assert list(states.entities) == ["cube_a", "wall"] and len(states.states) == 2
    for wrong, code in (
        ({"filter": "(a+)+$"}, FAILED),
        ({"filter": "("}, FAILED),
        ({"bounds": msg.Bounds(type=1)}, UNSUPPORTED),
        ({"tags": msg.TagsFilter(tags=["t"])}, UNSUPPORTED),
    ):
        assert world.code("GetEntities", filters=msg.EntityFilters(**wrong)) == code


def test_state_is_set_where_it_can_be(world: Standard) -> None:
    world.spawn("cube", "cube.xml", initial_pose=at(1.0, 0.02))
    world.spawn("wall", text=WALL, initial_pose=at(3.0, 0.5))
    there = msg.EntityState(pose=at(2.0, 0.02).pose)
    assert world.place("cube", there) == OK and world.place("wall", there) == OK
    for name in ("cube", "wall"):
        assert world.ask("GetEntityState", entity=name).state.pose.position.x == pytest.approx(2.0, abs=0.06)
    moving = msg.EntityState(pose=there.pose)
    moving.twist.linear.x = 1.0
    assert world.place("wall", moving) == FAILED and world.place("so101", there) == FAILED
    assert world.place("nobody", there) == NOT_FOUND
    elsewhere = msg.EntityState(pose=there.pose)
    elsewhere.header.frame_id = "so101/base_link"
    assert world.place("cube", elsewhere) == INVALID_POSE
    nowhere = msg.EntityState(pose=at(float("nan"), 0.0).pose)
    assert world.place("cube", nowhere) == INVALID_POSE and world.place("wall", nowhere) == INVALID_POSE
    assert (
        world.code("GetEntityState", entity="nobody") == NOT_FOUND
        and world.code("DeleteEntity", entity="nobody") == NOT_FOUND
    )


def test_simulation_is_paused_stopped_and_played(world: Standard) -> None:
    kinds = msg.SimulationState
    assert world.set_simulation(kinds.STATE_PAUSED) == OK
    assert world.set_simulation(kinds.STATE_PAUSED) == srv.SetSimulationState.Response.ALREADY_IN_TARGET_STATE
    assert world.ok(GetWorldState, "world/get_state").paused
    assert world.set_simulation(kinds.STATE_STOPPED) == OK
    assert world.ask("GetSimulationState").state.state == kinds.STATE_STOPPED
    assert world.ok(GetWorldState, "world/get_state").physics_steps == 0
    assert world.set_simulation(kinds.STATE_QUITTING) == UNSUPPORTED
    assert world.set_simulation(kinds.STATE_PLAYING) == OK
    assert world.ask("GetSimulationState").state.state == kinds.STATE_PLAYING


def test_paused_simulation_is_stepped_and_a_playing_one_is_not(world: Standard) -> None:
    assert world.code("StepSimulation", steps=1) == INCORRECT_STATE
    assert world.call(SetBool, "world/pause", data=True).success
    before = world.ok(GetWorldState, "world/get_state")
    assert world.code("StepSimulation", steps=7) == OK
    after = world.ok(GetWorldState, "world/get_state")
    assert after.physics_steps - before.physics_steps == 7 * round(after.control_period / after.timestep)
    assert after.paused
    assert world.code("StepSimulation", steps=2**60) == FAILED


def test_action_steps_with_feedback_after_each(world: Standard) -> None:
    client = ActionClient(world.client, action.SimulateSteps, "simulate_steps")
    assert client.wait_for_server(10.0)

    def run(steps: int) -> tuple[Any, list[int]]:
        heard: list[int] = []
        goal = action.SimulateSteps.Goal(steps=steps)
        sent = client.send_goal_async(
            goal, feedback_callback=lambda message: heard.append(message.feedback.completed_steps)
        )
        wait_for(sent.done, what="the goal's acceptance")
        future = sent.result().get_result_async()
        wait_for(future.done, 20.0, "the result")
        return future.result().result.result, heard

    assert run(3)[0].result == INCORRECT_STATE, "it plays"
    assert world.set_simulation(msg.SimulationState.STATE_PAUSED) == OK
    before = world.ok(GetWorldState, "world/get_state")
    outcome, heard = run(5)
    assert outcome.result == OK, outcome.error_message
    wait_for(lambda: heard == [1, 2, 3, 4, 5], what="feedback after each step")
    after = world.ok(GetWorldState, "world/get_state")
    assert after.physics_steps - before.physics_steps == 5 * round(after.control_period / after.timestep)
    client.destroy()


def test_lockstep_world_counts_as_paused_and_its_latched_robot_as_a_failure(graph: Graph) -> None:
    kinds = msg.SimulationState
    world = Standard(graph, mode="lockstep")
    assert world.ask("GetSimulationState").state.state == kinds.STATE_PAUSED
    assert world.set_simulation(kinds.STATE_PLAYING) == srv.SetSimulationState.Response.STATE_TRANSITION_ERROR
    assert world.set_simulation(kinds.STATE_STOPPED) == OK
    assert world.ask("GetSimulationState").state.state == kinds.STATE_STOPPED
    answer = world.ask("StepSimulation", steps=1)
    assert answer.result.result == FAILED and "latched" in answer.result.error_message
