"""The graph for an agent's tools: every request is filled in, admitted by the guard, recorded, and then made."""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sensor_msgs.msg import JointState

from strands_robots.agent.tools.arguments import nearest
from strands_robots.agent.tools.endpoint import OWN_SERVERS, Endpoint
from strands_robots.agent.tools.guard import Guard
from strands_robots.agent.tools.permit_memory import PermitMemory
from strands_robots.agent.tools.schema import hidden_fields
from strands_robots.agent.tools.tool_answer import ToolAnswer, clean, data_answer, error_answer
from strands_robots.approvals.approval_policy import load_policy
from strands_robots.approvals.approval_request import CanonicalRequest, canonical_request
from strands_robots.approvals.permits import Asker
from strands_robots.clients.agent_answers import (
    LONGEST_LIST,
    failure_answer,
    gate_values,
    joint_values,
    not_admitted,
    response_answer,
)
from strands_robots.clients.agent_goals import AgentGoals
from strands_robots.clients.agent_pictures import pixels_answer, rgb_from_image
from strands_robots.clients.client import NoAnswerError
from strands_robots.clients.goal_check import GoalCheck
from strands_robots.clients.graph_calls import reader_profile
from strands_robots.clients.graph_survey import action_types, service_types, topic_types, wait_for_graph
from strands_robots.clients.permit_client import PermitClient
from strands_robots.clients.robot_words import RobotWords
from strands_robots.clients.spun_client import SpunClient
from strands_robots.clients.stop import GraphStop, stop_result
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.msg import GateState
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.messages.approval_messages import fields_of
from strands_robots.ros.messages.interfaces import load_interface
from strands_robots.ros.messages.message_values import fill_message, plain_values
from strands_robots.ros.process.graph_names import scope_of
from strands_robots.ros.robot.robot_discovery import await_robots, cameras_on_graph, robots_on_graph

FIND_TIMEOUT = 5.0
LOOK_PAUSE = 0.1
"""Between two looks while something is waited for [s]."""

LOOK_PERIOD = 2.0
"""What is on the graph is looked up again after this long [s]."""

STOP_WAIT = 3.0
"""How long a stop waits for rest [s]."""

_PICTURES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
_LARGEST_MESSAGE_KINDS = ("sensor_msgs/msg/PointCloud2", "rosgraph_msgs/msg/Clock", "rcl_interfaces/msg/Log")


_interface = lru_cache(maxsize=256)(load_interface)
"""The class of an interface; finding it reads the index of all that are installed."""


class AgentGraph:
    """Implements `agent.endpoint.GraphPort`. May be used by several threads; `close` cancels its goals and ends it.

    Args:
        namespace: The graph's namespace; empty for the root.
        name: Who asks; requests carry "agent/<name>".
        policy: The policy file.
        memory: Private folder in which permits that wait outlive the process; None for none.
        own_nodes: Nodes of this process, with the one that this makes.

    Raises:
        ConfigurationError: If ROS refuses to start, or the policy or the folder is not usable.
    """

    def __init__(self, namespace: str, name: str, policy: Path, memory: Path | None = None, own_nodes: int = 1) -> None:
        rules, self.policy_digest = load_policy(policy)
        self.source = f"agent/{clean(name, 64)}"
        self._permits = PermitMemory(memory)
        self.client = SpunClient(namespace)
        self.goals = AgentGoals(self.client)
        self._check = GoalCheck(self.client)
        self._stop = GraphStop(self.client.node)
        self._audit = audit_of(self.client.node)
        self._desk = PermitClient(self.client, Asker(self.source, self._permits.session))
        self._sessions: WeakSet[AgentGraph] = WeakSet()
        self.guard = Guard(rules, self._desk, memory=self._permits, namespace=namespace)
        self._identity = uuid.uuid5(uuid.NAMESPACE_OID, self._permits.session).hex
        self._endpoints: list[Endpoint] = []
        self._looked = float("-inf")
        self._own_nodes = own_nodes
        wait_for_graph(self.client.graph, own_nodes=own_nodes)
        self._discovered = time.monotonic() + FIND_TIMEOUT

    def session(self, name: str) -> AgentGraph:
        """Return the same graph for another asker, `<source>/<name>`: its own permits, goals and name in the audit log.

        It lives as long as this one, and is never closed itself.
        """
        made = copy.copy(self)
        made.source = f"{self.source}/{clean(name, 32)}"
        made._permits = PermitMemory()
        made._identity = uuid.uuid5(uuid.NAMESPACE_OID, made._permits.session).hex
        made.goals = self.goals.sibling()
        asker = Asker(made.source, made._permits.session)
        made.guard = self.guard.for_asker(self._desk.for_asker(asker), made._permits)
        self._sessions.add(made)
        return made

    def close(self) -> None:
        """Cancel every goal that was started here, then leave the graph."""
        for session in list(self._sessions):
            session.goals.cancel_all(0.0)
        self.goals.cancel_all()
        self._stop.close()
        self._audit.close(0.3)
        self.client.close()
        self._permits.close()

    def cancel_goals(self) -> int:
        """Cancel every goal that was started here; return how many have not ended within half a second."""
        return self.goals.cancel_all(0.5)

    def endpoints(self) -> list[Endpoint]:
        """Return what may be a tool, sorted by name."""
        now = time.monotonic()
        if now - self._looked > LOOK_PERIOD:
            self._looked, self._endpoints = now, self._survey()
        return self._endpoints

    def look_again(self) -> bool:
        """Let `endpoints` look anew; returns whether discovery may still bring more, after a moment, because this joined just now."""
        self._looked = float("-inf")
        is_new = time.monotonic() < self._discovered
        if is_new:
            time.sleep(LOOK_PAUSE)
        return is_new

    def find(self, kind: str) -> Endpoint | None:
        """Return the graph's server of a type; waits for discovery, and returns None when it brings none.

        What the graph's own nodes serve is found by its name only. Of anything else the shortest name counts.
        """
        deadline, own = time.monotonic() + FIND_TIMEOUT, OWN_SERVERS.get(kind, "")
        while True:
            fitting = [entry for entry in self.endpoints() if entry.kind == kind and own in ("", entry.local)]
            if fitting or time.monotonic() > deadline:
                return min(fitting, key=lambda entry: len(entry.name), default=None)
            if not self.look_again():
                time.sleep(LOOK_PAUSE)

    def call(self, endpoint: Endpoint, fields: Mapping[str, Any], timeout: float) -> ToolAnswer:
        """Call a service."""
        started = time.monotonic()
        try:
            kind = _interface(endpoint.kind, "srv")
            request = self._filled(endpoint.kind, kind.Request(), fields)
            refused = self._admitted(endpoint, request)
            if refused is not None:
                return refused
            response = self.client.call(kind, "/" + endpoint.name, request, timeout)
            answer = response_answer(response, endpoint.name)
        except StrandsRobotsError as error:
            answer = failure_answer(error)
        self.called(endpoint, answer, started)
        return answer

    def start(self, endpoint: Endpoint, fields: Mapping[str, Any], wait: float) -> ToolAnswer:
        """Send a goal and wait for its end, at most so long [s]."""
        started = time.monotonic()
        try:
            kind = _interface(endpoint.kind, "action")
            goal = self._filled(endpoint.kind, kind.Goal(), fields)
            refused = self._admitted(endpoint, goal)
            if refused is not None:
                return refused
            answer = self.goals.start(endpoint, kind, goal, wait)
        except StrandsRobotsError as error:
            answer = failure_answer(error)
        self.called(endpoint, answer, started)
        return answer

    def goal(self, goal_id: str, wait: float, cancel: bool) -> ToolAnswer:
        """Return a goal's state; cancels it first when asked. Cancelling needs no permission; both are recorded."""
        started = time.monotonic()
        answer = self.goals.state(goal_id, wait, cancel)
        name = "cancel_goal" if cancel else "goal_status"
        self.called(
            Endpoint(name, "action_msgs/srv/CancelGoal" if cancel else "action_msgs/msg/GoalStatus"), answer, started
        )
        return answer

    def stop(self, reason: object) -> ToolAnswer:
        """Stop every robot, by safety_node and past it. Needs no permission; recorded once it is out."""
        started = time.monotonic()
        report = self._stop.stop(self.source, reason, STOP_WAIT)
        try:
            answer = data_answer(asdict(stop_result(report)))
        except StrandsRobotsError as error:
            answer = failure_answer(error)
        self.called(Endpoint("stop", "strands_robots/srv/StopGraph"), answer, started)
        return answer

    def read(self, endpoint: Endpoint, timeout: float) -> ToolAnswer:
        """Return the latest message of a topic. Only what may be shown at all is read; reads are recorded."""
        started = time.monotonic()
        try:
            if not self.guard.is_shown(endpoint.name, endpoint.kind):
                answer = error_answer("forbidden", f"'{endpoint.name}' is never a tool")
                self.called(endpoint, answer, started)
                return answer
            kind = _interface(endpoint.kind, "msg")
            topic = "/" + endpoint.name
            message = self.client.latest(kind, topic, reader_profile(self.client.graph, topic, 1), timeout)
            answer = (
                pixels_answer(rgb_from_image(message), 320, endpoint.name)
                if endpoint.kind in _PICTURES
                else data_answer(plain_values(message, LONGEST_LIST), name=endpoint.name)
            )
        except StrandsRobotsError as error:
            answer = failure_answer(error)
        self.called(endpoint, answer, started)
        return answer

    def picture(self, camera: str, width: int) -> ToolAnswer:
        """Return a picture of a camera: the topic of the camera, in a simulation as on a real robot."""
        plain = camera.strip("/")
        names, may_come = self._cameras(), True
        while plain not in names and may_come:
            may_come = self.look_again()
            names = self._cameras()
        if plain not in names:
            valid = list(dict.fromkeys([*nearest(plain, list(names)), *names]))
            answer = error_answer("unknown_camera", f"no camera '{plain[:80]}' publishes pictures", valid=valid)
            self.called(Endpoint(clean(plain, 80), _PICTURES[0]), answer, time.monotonic())
            return answer
        started, entry = time.monotonic(), names[plain]
        try:
            kind = _interface(entry.kind, "msg")
            topic = "/" + entry.name
            message = self.client.latest(kind, topic, reader_profile(self.client.graph, topic, 1), 10.0)
            answer = pixels_answer(rgb_from_image(message), width, entry.name)
        except StrandsRobotsError as error:
            answer = failure_answer(error)
        self.called(entry, answer, started)
        return answer

    def describe(self) -> ToolAnswer:
        """Return the robots, what they are and can do, what is near them, and the cameras."""
        started, found = time.monotonic(), dict[str, Any]()
        words = RobotWords(self.client)
        for robot in self.await_robots():
            try:
                state = self.robot_state(robot)
                found[robot] = state | words.of(robot, state["joints"])
            except NoAnswerError as error:
                found[robot] = {"problem": str(error)}
        if not found:
            return error_answer("nothing_there", "no robot is on the graph; start one with: strands-robots sim")
        scene = [name for name in self._cameras() if name.partition("/")[0] not in found]
        answer = data_answer({"robots": found, "scene_cameras": scene})
        self.called(Endpoint("describe_robot", "strands_robots/msg/GateState"), answer, started)
        return answer

    def robots(self) -> list[str]:
        """Return the names of the graph's robots."""
        return robots_on_graph(self.client.node)

    def await_robots(self, wanted: str = "") -> list[str]:
        """Return the names of the graph's robots; where there are nodes but not the wanted robot, discovery is given time.

        Args:
            wanted: Name of a robot; empty for any.
        """
        node = self.client.node
        is_alone = lambda: len(node.get_node_names()) <= self._own_nodes  # noqa: E731
        return await_robots(node, wanted, FIND_TIMEOUT, FIND_TIMEOUT, is_alone)

    def has_servers(self) -> bool:
        """Return whether the graph's own action servers are there."""
        names = action_types(self.client.graph)
        return all(f"{self._slash()}{name}" in names for name in ("move_to", "set_gripper", "run_policy"))

    def robot_state(self, robot: str) -> dict[str, Any]:
        """Return cameras, joints, stopped, why_stopped and at_rest of a robot.

        Raises:
            NoAnswerError: If it is silent.
        """
        cameras = [f"{robot}/{camera}" for camera in cameras_on_graph(self.client.node, robot)]
        entry: dict[str, Any] = {"cameras": cameras}
        for part, kind, make in (("joint_states", JointState, joint_values), ("gate_state", GateState, gate_values)):
            profile = reader_profile(self.client.graph, f"{self._slash()}{robot}/{part}", 1)
            entry |= make(self.client.latest(kind, f"{robot}/{part}", profile, 2.0))
        return entry

    def is_shown(self, name: str, kind: str) -> bool:
        """Return whether the policy lets something be a tool at all."""
        return self.guard.is_shown(name, kind)

    def admit(self, request: CanonicalRequest) -> ToolAnswer | None:
        """Return None when exactly this request may be made now, else what the model is told; refusals are recorded."""
        admission = self.guard.admit(request)
        if admission.is_granted:
            return None
        details = {"name": request.name, "type": request.kind, "digest": request.digest, "why": admission.kind}
        self.record("tool_refused", details)
        return not_admitted(admission)

    def _admitted(self, endpoint: Endpoint, message: Any) -> ToolAnswer | None:
        """Admit a message; what cannot succeed raises StrandsRobotsError before a person is asked."""
        request = canonical_request(endpoint.name, endpoint.kind, fields_of(message))
        if self.guard.will_ask(request):
            self._check.check(endpoint.kind, message)
        return self.admit(request)

    def called(self, endpoint: Endpoint, answer: ToolAnswer, started: float) -> None:
        """Record a call that began at a steady time [s] and what became of it."""
        details: dict[str, Any] = {
            "name": endpoint.name,
            "type": endpoint.kind,
            "success": not answer.is_error,
            "elapsed": time.monotonic() - started,
        }
        self.record("tool_call", details | ({"error": answer.error} if answer.error else {}))

    def record(self, kind: str, details: Mapping[str, Any]) -> None:
        """Record something in the audit log, as this agent's."""
        self._audit.record(kind, dict(details), actor=self.source)

    def _cameras(self) -> dict[str, Endpoint]:
        """Return the topic of each camera that publishes pictures, by its name as "<robot>/<camera>"."""
        return {
            entry.name.removesuffix("/image_raw").removeprefix(self._prefix()): entry
            for entry in self.endpoints()
            if entry.kind == _PICTURES[0] and entry.name.endswith("/image_raw")
        }

    def _survey(self) -> list[Endpoint]:
        graph = self.client.graph
        topics = {
            name: types
            for name, types in topic_types(graph).items()
            if types[0] not in _LARGEST_MESSAGE_KINDS and self.client.node.count_publishers(name)
        }
        scope = scope_of(self.client.node)
        found = [
            Endpoint(name.strip("/"), types[0], scope.relative(name) or "")
            for entries in (service_types(graph), action_types(graph), topics)
            for name, types in sorted(entries.items())
            if len(types) == 1
        ]
        return [entry for entry in found if self.guard.is_shown(entry.name, entry.kind)]

    def _filled(self, kind: str, message: Any, fields: Mapping[str, Any]) -> Any:
        """Return the request with the given fields; who asks is filled in here and cannot be given."""
        who = {"source": self.source, "owner": self._identity}
        hidden = hidden_fields(kind) & set(message.get_fields_and_field_types())
        if "owner" in hidden:
            self.goals.own(self._identity)
        return fill_message(message, {**fields, **{name: who[name] for name in hidden}})

    def _slash(self) -> str:
        return f"{self.client.node.get_namespace().rstrip('/')}/"

    def _prefix(self) -> str:
        return self._slash().lstrip("/")
