"""Two whole graphs in one domain: nothing of one is listed, read or called from the other; and calls that end, end the motion."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
from graph import Client, Process, wait_for

pytest.importorskip("mcp", reason="mcp is not installed")

import httpx
from rosgraph_msgs.msg import Clock
from strands_robots.msg import ApprovalState, GateState

from strands_robots.core.share import share_directory
from strands_robots.ros.messages import qos

from .two_graphs import NAMES, TwoGraphs, two_graphs

TOKEN = "a-token-of-sixteen-characters"
SLOW = {"robot": "so101", "joints": {"shoulder_pan": 1.5}, "speed": 0.03, "wait": 60.0}
BACK = {"robot": "so101", "joints": {"shoulder_pan": 0.0}, "speed": 1.0, "wait": 30.0}
HEADERS = {"accept": "application/json, text/event-stream", "authorization": f"bearer {TOKEN}"}


class Rig:
    """The graphs, what their gates say, and an MCP server over HTTP on the left one."""

    def __init__(self, graphs: TwoGraphs) -> None:
        self.graphs = graphs
        self.client: Client = graphs.graph.client()
        self.gates = {
            name: self.client.listen(GateState, f"/{name}/so101/gate_state", qos.HEARTBEAT_READER) for name in NAMES
        }
        self.policy = str(share_directory() / "config" / "approval_policy_simulation.yaml")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.number = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.number}/mcp"
        graphs.environment["STRANDS_ROBOTS_MCP_TOKEN"] = TOKEN
        words = ["mcp", "--http", "--port", str(self.number), "--namespace", "left", "--policy", self.policy]
        self.server = graphs.start(*words)
        wait_for(lambda: "serving" in self.server.text, 60.0, "the MCP server")

    def is_moving(self, name: str = "left") -> bool:
        gates = self.gates[name]
        return bool(gates) and gates[-1].playing and gates[-1].max_velocity > 0.005

    def await_motion(self) -> None:
        wait_for(self.is_moving, 20.0, "motion")

    def await_rest(self, since: float) -> float:
        """Wait for rest, and return how long it took since a steady time [s]."""
        wait_for(lambda: self.gates["left"][-1].at_rest and not self.gates["left"][-1].playing, 5.0, "rest")
        return time.monotonic() - since

    def run(self, program: str, *words: str) -> Process:
        process = Process([sys.executable, "-c", program, *words], self.graphs.environment)
        self.graphs.graph.processes.append(process)
        return process


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Generator[Rig, None, None]:
    with two_graphs(tmp_path_factory.mktemp("graphs")) as graphs:
        yield Rig(graphs)


class Raw:
    """JSON-RPC over streamable HTTP, written by hand."""

    def __init__(self, url: str) -> None:
        self.url, self.session, self.number = url, "", 0
        self.http = httpx.Client(timeout=90.0)
        self.post("initialize", {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"},
        })  # fmt: skip
        self.post("notifications/initialized", None, is_request=False)

    def headers(self) -> dict[str, str]:
        return {**HEADERS, **({"mcp-session-id": self.session} if self.session else {})}

    def post(self, method: str, params: Any, is_request: bool = True) -> dict[str, Any]:
        body: dict[str, Any] = {
            "jsonrpc": "2.0",
            "method": method,
            **({"params": params} if params is not None else {}),
        }
        if is_request:
            self.number += 1
            body["id"] = self.number
        answer = self.http.post(self.url, json=body, headers=self.headers())
        self.session = answer.headers.get("mcp-session-id", self.session)
        assert answer.status_code < 300, answer.text
        lines = [line[5:] for line in answer.text.splitlines() if line.startswith("data:")]
        found = [json.loads(line) for line in lines if line.strip()]
        return next((entry for entry in found if entry.get("id") == self.number), {})

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = self.post("tools/call", {"name": name, "arguments": arguments})["result"]
        assert result["structuredContent"] == json.loads(result["content"][0]["text"])
        return dict(result["structuredContent"])


def settle(rig: Rig) -> None:
    """Bring the arm back, with a client of its own."""
    Raw(rig.url).call("move_to", BACK)


# --- Names ----------------------------------------------------------------------------------------------------------------

SURVEY = """
import json, sys
from pathlib import Path
from strands_robots.agent.tools.toolset import Toolset
from strands_robots.clients.agent_graph import AgentGraph
told = {}
for place in ("left", "right", ""):
    graph = AgentGraph(place, "survey", Path(sys.argv[1]))
    tools = Toolset(graph)
    moved = tools.run("move_to", {"robot": "so101", "joints": {"shoulder_pan": 0.3}, "speed": 1.0, "wait": 30})
    told[place] = {
        "endpoints": [entry.name for entry in graph.endpoints()],
        "tools": tools.names(),
        "moved": json.loads(moved.text),
        "state": json.loads(tools.run("world_get_state", {}).text),
        "other": json.loads(tools.run("call_tool", {"name": "right_world_get_state"}).text),
    }
    graph.close()
print("TOLD " + json.dumps(told), flush=True)
"""


def test_tools_of_one_graph_neither_list_nor_reach_the_other(rig: Rig) -> None:
    process = rig.run(SURVEY, rig.policy)
    assert process.wait(120.0) == 0, process.text
    told = json.loads(process.text.partition("TOLD ")[2].splitlines()[0])
    for name in NAMES:
        assert all(entry.startswith(f"{name}/") for entry in told[name]["endpoints"]), told[name]["endpoints"]
        assert {"world_get_state", "start_move_to", "safety_stop"} <= set(told[name]["tools"])
        assert told[name]["moved"]["data"]["action"] == f"{name}/move_to", "the answer has the full name"
        assert told[name]["moved"]["data"]["state"] == "succeeded"
        assert told[name]["state"]["from"] == f"/{name}/world/get_state"
        assert told[name]["other"]["error"] == "unknown_tool"
    root = told[""]
    assert not [entry for entry in root["endpoints"] if entry.startswith(NAMES)], "other graphs are not the root's"
    assert root["moved"]["error"] == "not_there"


def test_command_line_of_one_graph_refuses_names_of_the_other(rig: Rig) -> None:
    code, text = rig.graphs.run("graph", "--namespace", "left", "--no-rates")
    assert code == 0 and "/left/so101/gate_state" in text and "/right/" not in text
    for words in (["--namespace", "left"], []):
        code, text = rig.graphs.run("graph", "call", "/right/world/reset", *words)
        assert code == 1 and "is not one of graph" in text and "namespace" in text
    code, text = rig.graphs.run("graph", "call", "world/get_state", "--namespace", "right")
    assert code == 0 and "so101" in text


def test_each_world_has_a_clock_of_its_own_that_never_goes_back(rig: Rig) -> None:
    heard = {name: rig.client.listen(Clock, f"/{name}/clock", qos.CLOCK) for name in NAMES}
    wait_for(lambda: all(len(clocks) > 200 for clocks in heard.values()), 20.0, "both clocks")
    for clocks in heard.values():
        stamps = [entry.clock.sec + 1e-9 * entry.clock.nanosec for entry in list(clocks)]
        assert stamps == sorted(stamps)
    for shared in ("/clock", "/diagnostics", "/tf"):
        assert rig.client.count_publishers(shared) == 0, f"{shared} is the root's"


def test_audit_of_one_graph_knows_only_its_own_nodes_and_robots(rig: Rig) -> None:
    code, text = rig.graphs.run("audit", "tail", "-n", "100000", "--json", "--namespace", "left")
    assert code == 0
    nodes = [
        json.loads(line)["details"]["node"]
        for line in text.splitlines()
        if '"node_start"' in line and '"details"' in line
    ]
    assert nodes and all(name.startswith("/left/") for name in nodes), nodes


# --- A call that ends -------------------------------------------------------------------------------------------------------


def test_cancelled_notification_over_http_ends_the_motion(rig: Rig) -> None:
    settle(rig)
    raw = Raw(rig.url)
    calls = [{"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": {"name": "move_to", "arguments": SLOW}}]
    with httpx.Client(timeout=60.0) as http, http.stream("POST", rig.url, json=calls[0], headers=raw.headers()):
        rig.await_motion()
        raw.post("notifications/cancelled", {"requestId": 77, "reason": "enough"}, is_request=False)
        assert rig.await_rest(time.monotonic()) < 1.0


def test_http_connection_that_is_cut_ends_the_motion(rig: Rig) -> None:
    settle(rig)
    raw = Raw(rig.url)
    call = {"jsonrpc": "2.0", "id": 78, "method": "tools/call", "params": {"name": "move_to", "arguments": SLOW}}
    with httpx.Client(timeout=60.0) as http, http.stream("POST", rig.url, json=call, headers=raw.headers()):
        rig.await_motion()
    assert rig.await_rest(time.monotonic()) < 1.0


CLIENT = """
import asyncio, json, sys
import httpx2
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
url, token, name, arguments, patience = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4]), float(sys.argv[5])

async def progress(done, total, message):
    print("PROGRESS", done, flush=True)

async def talk():
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=90.0) as client,
        streamable_http_client(url, http_client=client) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        try:
            result = await session.call_tool(
                name, arguments, read_timeout_seconds=patience, progress_callback=progress
            )
            print("ANSWER", result.content[0].text, flush=True)
        except Exception as error:
            print("ERROR", type(error).__name__, error, flush=True)
        await asyncio.sleep(60)

asyncio.run(talk())
"""


def start_client(rig: Rig, name: str, arguments: dict[str, Any], patience: float) -> Process:
    return rig.run(CLIENT, rig.url, TOKEN, name, json.dumps(arguments), str(patience))


def test_time_out_of_the_official_client_ends_the_motion_and_progress_comes(rig: Rig) -> None:
    settle(rig)
    client = start_client(rig, "move_to", SLOW, 11.0)
    rig.await_motion()
    wait_for(lambda: "ERROR" in client.text, 30.0, "the time-out")
    assert rig.await_rest(time.monotonic()) < 1.0
    assert client.text.count("PROGRESS") >= 2
    client.stop()


@pytest.mark.parametrize("wait", [60.0, 0.0], ids=["in its call", "between two calls"])
def test_client_that_is_killed_over_http_leaves_no_motion(rig: Rig, wait: float) -> None:
    settle(rig)
    client = start_client(rig, "move_to", {**SLOW, "wait": wait}, 80.0)
    rig.await_motion()
    client.send(signal.SIGKILL)
    assert rig.await_rest(time.monotonic()) < 1.0


def stdio_server(rig: Rig) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "strands_robots.cli.entry", "mcp", "--namespace", "left", "--policy", rig.policy]
    return subprocess.Popen(words, env=rig.graphs.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def say(server: subprocess.Popen[bytes], **message: Any) -> None:
    assert server.stdin is not None
    server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    server.stdin.flush()


def cancel(server: subprocess.Popen[bytes]) -> None:
    say(server, method="notifications/cancelled", params={"requestId": 2, "reason": "enough"})


def hang_up(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin is not None
    server.stdin.close()


@pytest.mark.parametrize("end", [cancel, hang_up], ids=["cancelled", "end of the input"])
def test_end_of_a_call_over_stdio_ends_the_motion(rig: Rig, end: Callable[[Any], None]) -> None:
    settle(rig)
    server = stdio_server(rig)
    try:
        say(server, id=1, method="initialize", params={
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"},
        })  # fmt: skip
        assert server.stdout is not None and b'"listChanged":true' in server.stdout.readline()
        say(server, method="notifications/initialized")
        say(server, id=2, method="tools/call", params={"name": "move_to", "arguments": SLOW})
        rig.await_motion()
        end(server)
        assert rig.await_rest(time.monotonic()) < 1.0
    finally:
        server.kill()
        server.wait()


def test_two_http_clients_have_goals_and_names_of_their_own(rig: Rig) -> None:
    settle(rig)
    first, second = Raw(rig.url), Raw(rig.url)
    started = first.call("move_to", {**SLOW, "wait": 0.0})["data"]
    refused = second.call("cancel_goal", {"goal_id": started["goal_id"]})
    assert refused["error"] == "unknown_goal"
    rig.await_motion()  # the other client cannot end it
    assert first.call("cancel_goal", {"goal_id": started["goal_id"]})["data"]["state"] == "cancelled"
    rig.await_rest(time.monotonic())
    second.call("world_get_state", {})

    def askers() -> set[str]:
        _, text = rig.graphs.run("audit", "tail", "-n", "40", "--json", "--kind", "tool_call", "--namespace", "left")
        found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return {entry.get("actor", "") for entry in found}

    wait_for(lambda: len([name for name in askers() if name.startswith("agent/mcp/")]) >= 2, 20.0, "two askers")


# --- Before anybody is asked; the last tests, because they stop the left graph -----------------------------------------------

ASK = """
import json, sys
from pathlib import Path
from strands_robots.agent.tools.toolset import Toolset
from strands_robots.clients.agent_graph import AgentGraph
graph = AgentGraph("left", "asker", Path(sys.argv[1]))
tools = Toolset(graph)
told = [json.loads(tools.run(name, fields).text) for name, fields in json.loads(sys.argv[2])]
graph.close()
print("TOLD " + json.dumps(told), flush=True)
"""


def ask(rig: Rig, *calls: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Make calls under the policy that comes with the package, which asks people about motions."""
    process = rig.run(ASK, rig.policy.replace("_simulation", ""), json.dumps(calls))
    assert process.wait(120.0) == 0, process.text
    return list(json.loads(process.text.partition("TOLD ")[2].splitlines()[0]))


def move(joints: dict[str, float], robot: str = "so101") -> tuple[str, dict[str, Any]]:
    return "move_to", {"robot": robot, "joints": joints}


def test_what_cannot_succeed_is_refused_before_anybody_is_asked(rig: Rig) -> None:
    rig.graphs.graph.start("approval_node", "--ros-args", "-r", "__ns:=/left")
    states = rig.client.listen(ApprovalState, "/left/approvals/state", qos.STATE)
    wait_for(lambda: states, 30.0, "approval_node")
    told = ask(
        rig, move({"shoulder_pan": 0.1}, "so999"), move({"shoulder_pan": 30.0}), move({"shoulder_pin": 0.1}),
        ("start_set_gripper", {"goal": {"robot": "so999"}}), ("world_get_state", {}), move({"shoulder_pan": 0.1}),
    )  # fmt: skip
    assert [answer.get("error", "") for answer in told] == [
        "invalid_arguments", "invalid_goal", "invalid_arguments", "invalid_arguments", "", "approval_required",
    ]  # fmt: skip
    for answer, words in zip(told, ("valid: so101", "valid: -", "shoulder_pan", "valid: so101"), strict=False):
        assert words in answer["message"]
    wait_for(lambda: states[-1].requests, 5.0, "the request")
    assert [entry.name for entry in states[-1].requests] == ["left/move_to"], "one slot, and the full name"
    code, text = rig.graphs.run("approvals", "list", "--namespace", "left")
    assert code == 0 and 'Move robot "so101": joint "shoulder_pan" to 0.1' in text and "/left/move_to" in text
    assert "pose" not in text


PICTURE = """
import json, sys
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.clients.client import GraphClient
from strands_robots.clients.goal_picture import goal_picture
client, told = GraphClient("left"), []
for fields in json.loads(sys.argv[1]):
    try:
        picture = goal_picture(client, "strands_robots/action/MoveTo", json.dumps(fields))
        told.append([list(picture.shape), int(picture.std())])
    except StrandsRobotsError as error:
        told.append(str(error))
client.close()
print("TOLD " + json.dumps(told), flush=True)
"""


def test_person_gets_a_picture_of_the_goal_or_why_it_cannot_be_had(rig: Rig) -> None:
    far = {"pose": {"position": {"x": 3.0, "y": 0.0, "z": 0.1}}}
    goals = [
        {"robot": "so101", "joint_names": ["shoulder_pan"], "positions": [0.9]},
        {"robot": "so101", "target": 1, "pose": far},
    ]
    process = rig.run(PICTURE, json.dumps(goals))
    assert process.wait(120.0) == 0, process.text
    (shape, spread), unreachable = json.loads(process.text.partition("TOLD ")[2].splitlines()[0])
    assert shape == [360, 960, 3] and spread > 5
    assert "unreachable" in unreachable or "reach" in unreachable or "misses" in unreachable
    assert not rig.is_moving()


def test_motion_of_a_stopped_robot_is_refused_before_anybody_is_asked(rig: Rig) -> None:
    assert rig.graphs.run("estop", "--namespace", "left")[0] == 0
    (told,) = ask(rig, move({"shoulder_pan": 0.2}))
    assert told["error"] == "stopped" and "only a person resumes" in told["message"]
    assert rig.gates["right"][-1].latched is False, "the other graph goes on"
