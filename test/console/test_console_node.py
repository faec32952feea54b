"""console_node before a simulated robot: what pages see, the stop, the dead-man, two tabs, and a console that is killed."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from graph import Graph, Process, wait_for

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install -r requirements/console.txt")
pytest.importorskip("httpx", reason="httpx is not installed: pip install -r requirements/agent.txt")
import httpx
from strands_robots.msg import GateState, JointCommand
from websockets.sync.client import connect

from strands_robots.ros.messages import qos

ELBOW = {"robot": "so101", "joint": "elbow_flex", "rate": 0.4}

PATIENT_ROBOT = {"heartbeat_timeout": 5.0, "stall_timeout": 5.0}
PATIENT_SAFETY = {"gate_state_timeout": 5.0, "settle_time": 0.2}
"""A loaded machine is no dead one: these tests are about the console, and a robot that latched by itself would fail them."""


class Tab:
    """A page of the console without a browser."""

    def __init__(self, url: str, cookie: str, token: str) -> None:
        headers = {"Origin": url, "Cookie": cookie}
        self._socket = connect(url.replace("http", "ws") + "/feed", additional_headers=headers, max_size=1 << 24)
        self.socket = self._socket.__enter__()
        self.state: dict[str, Any] = {}
        self.seat: dict[str, Any] | None = None
        self.tab, self.pictures = "", 0
        self.send(token=token)

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def until(self, condition: Any, timeout: float = 40.0) -> Any:
        """Read until a condition of this tab is true."""
        end = time.monotonic() + timeout
        while not (found := condition(self)):
            data = self.socket.recv(timeout=max(end - time.monotonic(), 0.01))
            if isinstance(data, bytes):
                self.pictures += 1
                self.send(type="drawn", camera=data[1 : 1 + data[0]].decode())
                continue
            message = json.loads(data)
            if message["type"] == "state":
                self.state = message
            elif message["type"] == "seat":
                self.seat = message
            else:
                self.tab = message["tab"]
        return found

    def robot(self) -> dict[str, Any]:
        return next((robot for robot in self.state.get("robots", []) if robot["name"] == "so101"), {})

    def close(self) -> None:
        self._socket.__exit__(None, None, None)


class Served:
    """A graph with a console, and what a browser that has entered knows."""

    def __init__(self, graph: Graph, camera_rate: float = 15.0, **parameters: Any) -> None:
        self.graph, self.client = graph, graph.client()
        self.applied = self.client.listen(JointCommand, "so101/command_applied", qos.COMMAND)
        self.gates = self.client.listen(GateState, "so101/gate_state", qos.HEARTBEAT_READER, keep=5)
        graph.start(
            "safety_node",
            run_id="console-run",
            arm_on_start=True,
            latch_folder=f"{graph.environment['ROS_HOME']}/latch",
            **PATIENT_SAFETY,
        )
        self._camera_rate = camera_rate
        self.start_simulation()
        self.tabs: list[Tab] = []
        self._parameters = parameters
        self.process = self.start(0, 0)
        self.enter()

    def start_simulation(self) -> None:
        """Start the robot, again where it was stopped."""
        self.graph.start(
            "sim_node", robots=["so101=so101"], camera_rate=self._camera_rate, run_id="console-run", **PATIENT_ROBOT
        )

    def start(self, port: int, stop_port: int) -> Process:
        process = self.graph.start(
            "console_node",
            robots=["so101=so101"],
            port=port,
            stop_port=stop_port,
            run_id="console-run",
            **self._parameters,
        )
        found = wait_for(
            lambda: re.search(r"open (http://127\.0\.0\.1:(\d+)/enter\S+)", process.text),
            90.0,
            "the console's address",
        )
        self.address, self.port = found[1], int(found[2])
        ports = wait_for(lambda: re.search(r"its stop on port (\d+)", process.text), 10.0)
        self.url, self.stop_port = f"http://127.0.0.1:{self.port}", int(ports[1])
        return process

    def enter(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=20.0, headers={"Origin": self.url})
        assert self.http.get(self.address).status_code == 200
        self.cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        self.http.headers["X-Console-Token"] = self.token = self.http.get("/session").json()["token"]

    def tab(self) -> Tab:
        tab = Tab(self.url, self.cookie, self.token)
        self.tabs.append(tab)
        tab.until(lambda tab: tab.tab and tab.robot().get("joints"))
        return tab

    def armed(self) -> None:
        """Arm the robot as a person does, if it is stopped."""
        tab = self.tab()
        tab.until(lambda tab: tab.state["safety"] and tab.robot()["is_at_rest"] in (True, False))
        if tab.state["safety"]["state"] != "ARMED":
            tab.until(
                lambda tab: (
                    tab.robot()["is_latched"]
                    and tab.robot()["is_at_rest"]
                    and tab.state["safety"]["state"] == "STOPPED"
                )
            )
            answer = self.http.post("/do/resume", json={"stop_id": tab.state["safety"]["stop_id"], "reason": "test"})
            assert answer.json()["is_done"], answer.text
        tab.until(lambda tab: not tab.robot()["is_latched"])
        tab.close()

    def elbow(self) -> float:
        """Return the newest set-point of the elbow [rad]."""
        message = self.applied[-1]
        return float(message.values[list(message.joint_names).index("elbow_flex")])

    def is_still(self) -> bool:
        """Return whether the last twenty set-points of the elbow, 0.2 s, are one."""
        recent = list(self.applied)[-20:]
        values = [message.values[list(message.joint_names).index("elbow_flex")] for message in recent]
        return len(values) == 20 and max(values) - min(values) < 1e-6


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Graph() as graph:
        yield Served(graph)


@pytest.fixture
def tab(served: Served) -> Iterator[Tab]:
    served.armed()
    yield served.tab()
    for made in served.tabs:
        made.close()
    served.tabs.clear()


def drive(tab: Tab, served: Served) -> float:
    """Take the seat and hold a button until the robot moves; return where the elbow was."""
    tab.send(type="take", robot="so101")
    tab.until(lambda tab: tab.state["driving"]["so101"].get("is_ready"), 30.0)
    before = served.elbow()

    def beat() -> bool:
        # A press that paused is over, as on a machine that gave this process no time: each second is a new one.
        tab.send(type="hold", press=f"press {int(time.monotonic())}", motion=ELBOW)
        time.sleep(0.04)  # The page's own beat.
        return abs(served.elbow() - before) > 0.01

    wait_for(beat, 15.0, "motion")
    return before


def test_a_page_sees_joints_within_limits_and_pictures_only_while_it_asks(served: Served, tab: Tab) -> None:
    topic = "/so101/wrist/image_raw/compressed"
    tab.until(lambda tab: any(camera["name"] == "so101/wrist" for camera in tab.state["cameras"]))
    joints = {joint["name"]: joint for joint in tab.robot()["joints"]}
    tab.until(lambda tab: tab.robot()["joints"][0]["low"] is not None)
    assert len(joints) == 6 and all(joint["position"] is not None for joint in joints.values())
    assert served.client.count_subscribers(topic) == 0, "nobody looks at the camera yet"
    tab.send(type="show", visible=True, cameras=["so101/wrist"])
    tab.until(lambda tab: tab.pictures >= 3)
    tab.send(type="show", visible=False, cameras=["so101/wrist"])
    wait_for(lambda: served.client.count_subscribers(topic) == 0, 10.0, "the camera is let go")
    wait_for(lambda: served.client.count_subscribers("/so101/joint_states") == 0, 10.0, "the graph is let go")


def test_a_press_latches_every_gate_and_only_a_resume_arms_again(served: Served, tab: Tab) -> None:
    with connect(f"ws://127.0.0.1:{served.stop_port}/", additional_headers={"Origin": served.url}) as line:
        line.send('{"number": "one", "reason": "test"}')
        wait_for(lambda: served.gates and served.gates[-1].latched, 5.0, "the gate is latched")
    tab.until(lambda tab: tab.robot()["is_latched"] and tab.robot()["is_at_rest"])
    tab.until(lambda tab: tab.state["stop"].get("is_at_rest") and tab.state["stop"]["number"] == "one")
    wrong = served.http.post("/do/resume", json={"stop_id": 10**6, "reason": "test"})
    assert not wrong.json()["is_done"] and served.gates[-1].latched


def test_the_robot_holds_when_the_button_is_let_go_or_nothing_comes_any_more(served: Served, tab: Tab) -> None:
    drive(tab, served)
    tab.send(type="release")
    wait_for(served.is_still, 5.0, "rest after letting go")
    drive(tab, served)
    wait_for(served.is_still, 5.0, "rest after the beats ended")
    place = served.elbow()
    tab.send(type="hold", press="stale", motion=ELBOW)
    time.sleep(0.3)
    moved = served.elbow()
    for _ in range(5):  # Beats that waited in a frozen browser come all at once: their press is over.
        tab.send(type="hold", press="stale", motion=ELBOW)
    tab.until(lambda tab: not tab.state["driving"]["so101"]["is_engaged"])
    wait_for(served.is_still, 5.0)
    assert abs(served.elbow() - moved) < 0.02 and abs(moved - place) < 0.2


def test_a_second_tab_looks_on_until_the_first_one_leaves(served: Served, tab: Tab) -> None:
    drive(tab, served)
    other = served.tab()
    other.send(type="take", robot="so101")
    other.until(lambda tab: tab.seat)
    assert other.seat is not None and "another page drives" in other.seat["refusal"]
    assert other.state["driving"]["so101"]["tab"] == tab.tab
    wait_for(served.is_still, 5.0)
    place = served.elbow()
    for _ in range(10):
        other.send(type="hold", press="other", motion=ELBOW)
        time.sleep(0.04)
    assert abs(served.elbow() - place) < 1e-6, "a spectator moves nothing"
    tab.close()
    other.until(lambda tab: tab.state["driving"]["so101"]["tab"] == "")
    drive(other, served)


def test_a_stop_ends_a_drive_and_the_button_must_be_let_go_first(served: Served, tab: Tab) -> None:
    drive(tab, served)
    tab.send(type="stop", number="while driving")
    wait_for(lambda: served.gates[-1].latched, 5.0)
    tab.until(lambda tab: "stopped" in tab.state["driving"]["so101"]["message"])


def test_a_console_that_is_killed_while_a_button_is_held_leaves_the_robot_holding_and_comes_back(
    served: Served, tab: Tab
) -> None:
    drive(tab, served)
    served.process.send(signal.SIGKILL)
    wait_for(served.is_still, 5.0, "the robot holds")
    assert not served.gates[-1].latched, "a console that is gone stops nothing, and moves nothing"
    cookie = served.cookie
    served.process = served.start(served.port, served.stop_port)
    answer = httpx.get(f"{served.url}/session", headers={"Cookie": cookie})
    assert answer.status_code == 200, "the page that was open is known"
    served.http.headers["X-Console-Token"] = served.token = answer.json()["token"]
    served.tab()
