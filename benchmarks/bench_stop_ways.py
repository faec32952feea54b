"""From asking for a stop to a latched gate, for each way of asking, under each load; and how often a robot latched by itself.

A trial: the graph is armed; a stop is asked for; the time until gate_state first says latched is taken. For programs that have to be
started first, the command line, the start counts. Then the graph is resumed. Loads:

* plain: nothing beside it;
* waiting: 64 calls of each bridge wait;
* hung: approval_node and safety_node are suspended, with calls that ask for approvals;
* dead: safety_node is killed;
* undiscovered: the program that asks is on another ROS domain, as if discovery were gone; only the ways past the middleware are tried;
* full_disk: the folder of the run, the log and the latch is a tmpfs without room (needs root; else it is left out);
* wrong_words: a reason that is too long, no text or no character, or an unknown option.

Run it with: python benchmarks/bench_stop_ways.py [--load plain ...] [--way socket ...] [--trials 100] [--quiet-time 30]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from _report import report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from graph import Graph, Process, claim_domain, executable, wait_for
from strands_robots.msg import GateState, SafetyState, StopRequest
from strands_robots.srv import ResumeGraph, StopGraph

from strands_robots.clients.stop import GraphStop
from strands_robots.ros.messages import qos
from strands_robots.safety.local_stop import local_stop
from strands_robots.safety.stop_words import stop_words

ROOT = Path(__file__).resolve().parents[1]
LOADS = ("plain", "waiting", "hung", "dead", "undiscovered", "full_disk", "wrong_words")
WAYS = ("socket", "topic", "service", "robot", "strands", "mcp_stdio", "mcp_http", "command")
PAST_THE_MIDDLEWARE = ("socket", "command", "mcp_stdio")
NEEDS_SAFETY_NODE = ("service",)
WAITING = 64
ODD: tuple[Any, ...] = (None, 5, "x" * 100_000, "\ud800", {"why": "it burns"})
SILENT = "read_goals_alive"
"""A call that waits: for a topic that says nothing."""

SOURCE = "operator/bench"
STOP_WAIT = 3.0
LONGEST = 20.0
"""A stop that is not latched after this counts as lost [s]."""

SWITCH_INTERVAL = 0.0005
"""How long the measuring thread waits for the one that receives [s]; Python's own is 5 ms."""

TOKEN = "a-token-of-the-benchmark"


class Bench:
    """A simulated arm with its safety_node, and a client that arms it and sees its gate."""

    def __init__(self, graph: Graph, home: Path) -> None:
        self.graph, self.home = graph, home
        self.prepare: Callable[[], None] = _nothing
        """Ends what the last trial left, before the next is armed."""
        graph.environment["ROS_HOME"] = str(home)
        graph.start("sim_node", robots=["so101=so101"], cameras=False, run_id="bench")
        self.safety = self.start_safety()
        graph.start("audit_node", run_id="bench")
        self.approvals = graph.start("approval_node", run_id="bench")
        self.client = graph.client()
        self.gates: deque[tuple[float, bool, str]] = deque(maxlen=4000)
        self.client.create_subscription(GateState, "so101/gate_state", self._on_gate, qos.HEARTBEAT_READER)
        self.safety_states = self.client.listen(SafetyState, "safety/state", qos.SAFETY, keep=1)
        self.resume_client = self.client.create_client(ResumeGraph, "safety/resume")
        wait_for(lambda: self.gates and not self.gates[-1][1], 60.0, "the first arming")

    def start_safety(self) -> Process:
        return self.graph.start("safety_node", run_id="bench", arm_on_start=True, robots=["so101"])

    def _on_gate(self, message: GateState) -> None:
        self.gates.append((time.monotonic(), message.latched, message.latch_reason))

    def arm(self) -> None:
        """Resume until the gate is open."""
        end = time.monotonic() + 60.0
        while self.gates[-1][1] or time.monotonic() - self.gates[-1][0] > 0.3:
            state = self.safety_states[-1] if self.safety_states else None
            if state is not None and state.state == SafetyState.STOPPED:
                self.resume_client.call_async(ResumeGraph.Request(source=SOURCE, reason="next", stop_id=state.stop_id))
            time.sleep(0.1)
            assert time.monotonic() < end, "the graph cannot be armed"

    def latched_after(self, asked: float) -> float:
        """Return the time from asking to the first report of a latched gate [s]; infinite when none comes."""
        end = asked + LONGEST
        while time.monotonic() < end:
            for at, is_latched, _ in list(self.gates):
                if is_latched and at >= asked:
                    return at - asked
            time.sleep(0.0005)
        return float("inf")


def _nothing() -> None:
    """Nothing is left of most trials."""


@contextlib.contextmanager
def asker(way: str, bench: Bench, load: str) -> Iterator[Callable[[int], None]]:
    """Give a function that asks for one stop by a way, and does not wait for what becomes of it."""
    makers = {
        "socket": _by_socket, "topic": _by_topic, "service": _by_service, "robot": _by_robot, "strands": _by_strands,
        "mcp_stdio": _by_mcp_stdio, "mcp_http": _by_mcp_http, "command": _by_command,
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        yield makers[way](bench, load, stack)


def reason(load: str, trial: int) -> Any:
    return ODD[trial % len(ODD)] if load == "wrong_words" else "benchmark"


def _by_socket(bench: Bench, load: str, stack: contextlib.ExitStack) -> Callable[[int], None]:
    def ask(trial: int) -> None:
        with contextlib.closing(local_stop(bench.graph.environment, None)) as stop:
            stop.run(stop_words(SOURCE, reason(load, trial)), 1.0)

    return ask


def _by_topic(bench: Bench, load: str, stack: contextlib.ExitStack) -> Callable[[int], None]:
    publisher = bench.client.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
    wait_for(publisher.get_subscription_count, 10.0, "listeners")
    return lambda trial: publisher.publish(
        StopRequest(source=SOURCE, reason=str(reason(load, trial))[:200].encode("ascii", "replace").decode())
    )


def _by_service(bench: Bench, load: str, stack: contextlib.ExitStack) -> Callable[[int], None]:
    client = bench.client.create_client(StopGraph, "safety/stop")
    assert client.wait_for_service(10.0)

    def ask(trial: int) -> None:
        client.call_async(StopGraph.Request(source=SOURCE, reason=stop_words(SOURCE, reason(load, trial)).reason))

    return ask


def _in_thread(call: Callable[[], Any]) -> None:
    threading.Thread(target=call, daemon=True).start()


def _by_robot(bench: Bench, load: str, stack: contextlib.ExitStack) -> Callable[[int], None]:
    """As Robot().stop(): the same object, found in advance."""
    stop = stack.enter_context(contextlib.closing(GraphStop(bench.client)))
    wait_for(lambda: stop.listeners() >= 1, 10.0, "listeners")
    return lambda trial: _in_thread(lambda: stop.stop(SOURCE, reason(load, trial), STOP_WAIT))


def _by_strands(bench: Bench, load: str, stack: contextlib.ExitStack) -> Callable[[int], None]:
    """An AgentTool of the graph, as Strands runs it on its event loop."""
    helper = stack.enter_context(_Helper(bench, "strands", load))
    return lambda trial: helper.write({"reason": reason(load, trial)})


def _by_mcp_stdio(bench: Bench, load: str, stack: contextlib.ExitStack) -> Callable[[int], None]:
    helper = stack.enter_context(_Helper(bench, "stdio", load))
    return lambda trial: helper.write(_call(trial, "stop", {"reason": reason(load, trial)}))


def _by_mcp_http(bench: Bench, load: str, stack: contextlib.ExitStack) -> Callable[[int], None]:
    import httpx

    helper = stack.enter_context(_Helper(bench, "http", load))
    client = stack.enter_context(httpx.Client(timeout=60.0))
    headers = _http_session(client, helper.url)
    if load in ("waiting", "hung"):
        for number in range(WAITING):
            _in_thread(lambda number=number: _post_waiting(helper.url, number))
        time.sleep(2.0)

    def ask(trial: int) -> None:
        body = json.dumps(_call(trial, "stop", {"reason": reason(load, trial)}))
        _in_thread(lambda: httpx.post(helper.url, content=body, headers=headers, timeout=30.0))

    return ask


def _by_command(bench: Bench, load: str, stack: contextlib.ExitStack) -> Callable[[int], None]:
    started: list[subprocess.Popen[bytes]] = []
    stack.callback(lambda: [process.wait() for process in started])
    environment = dict(bench.graph.environment)
    if load == "undiscovered":
        domain, lock = claim_domain()
        stack.enter_context(lock)
        environment["ROS_DOMAIN_ID"] = str(domain)
    words = ["it", "burns", "--reson", "x"] if load == "wrong_words" else []
    command = [str(Path(executable("sim_node")).parents[2] / "bin" / "strands-robots"), "estop", "--wait", "1", *words]

    def end_the_last() -> None:
        while started:
            started.pop().wait()

    bench.prepare = end_the_last

    def ask(trial: int) -> None:
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    return ask


def _call(number: int, name: str, arguments: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


INITIALIZE = {
    "jsonrpc": "2.0", "id": 10_000, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
}  # fmt: skip


def _waiting_call(number: int) -> dict[str, Any]:
    """A call that waits: for a topic that is silent."""
    return _call(20_000 + number, SILENT, {"timeout": 30.0})


def _http_session(client: Any, url: str) -> dict[str, str]:
    headers = {
        "authorization": f"Bearer {TOKEN}", "accept": "application/json, text/event-stream",
        "content-type": "application/json",
    }  # fmt: skip
    wait_for(lambda: _is_up(client, url, headers), 180.0, "the MCP server")
    began = client.post(url, json=INITIALIZE, headers=headers)
    headers["mcp-session-id"] = began.headers.get("mcp-session-id", "")
    client.post(url, json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=headers)
    return headers


def _is_up(client: Any, url: str, headers: dict[str, str]) -> bool:
    import httpx

    try:
        return bool(client.post(url, json=INITIALIZE, headers=headers).status_code == 200)
    except httpx.HTTPError:
        return False


def _post_waiting(url: str, number: int) -> None:
    import httpx

    with contextlib.suppress(httpx.HTTPError), httpx.Client(timeout=60.0) as client:
        headers = _http_session(client, url)
        client.post(url, json=_waiting_call(number), headers=headers)


class _Helper:
    """A bridge in a process of its own: MCP over stdio or HTTP, or a loop that runs Strands' AgentTools."""

    def __init__(self, bench: Bench, kind: str, load: str) -> None:
        self._kind = kind
        environment = {**bench.graph.environment, "STRANDS_ROBOTS_MCP_TOKEN": TOKEN}
        words = [sys.executable, "-m", "strands_robots.cli.entry", "mcp"]
        if kind == "http":
            from agent.test_mcp_clients import free_port

            port = free_port()
            words += ["--http", "--port", str(port)]
            self.url = f"http://127.0.0.1:{port}/mcp"
        if kind == "strands":
            words = [sys.executable, __file__, "strands", "waiting" if load in ("waiting", "hung") else "alone"]
        if load == "undiscovered":
            environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "OFF"
        self._process = subprocess.Popen(
            words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        if kind == "stdio":
            self.write(INITIALIZE)
            self._line()
            self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
            if load in ("waiting", "hung"):
                for number in range(WAITING):
                    self.write(_waiting_call(number))
                time.sleep(2.0)
        if kind == "strands":
            self._line()
        _in_thread(self._drain)

    def write(self, message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode("ascii") + b"\n")
        self._process.stdin.flush()

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def _drain(self) -> None:
        while self._kind != "http" and self._line():
            pass

    def __enter__(self) -> _Helper:
        return self

    def __exit__(self, *error: Any) -> None:
        self._process.kill()
        self._process.wait()


def run_strands(is_waiting: bool) -> None:
    """Run AgentTools on an event loop: a stop for each line of standard input; the process of a benchmark."""
    from strands_robots.agent.strands.strands_tools import GraphAgentTool
    from strands_robots.agent.tools.toolset import Toolset
    from strands_robots.clients.agent_graph import AgentGraph

    graph = AgentGraph("", "bench", ROOT / "config" / "approval_policy.yaml")
    tools = Toolset(graph)
    wait_for(lambda: tools.refresh() or SILENT in tools.names(), 30.0, "the topic that is silent")
    shown = {tool.name: tool for tool in tools._tools.values()}

    async def use(name: str, given: Any) -> None:
        async for _ in GraphAgentTool(tools, shown[name]).stream({"toolUseId": "1", "name": name, "input": given}, {}):
            pass

    async def main() -> None:
        tasks = [asyncio.create_task(use(SILENT, {"timeout": 30.0})) for _ in range(WAITING if is_waiting else 0)]
        await asyncio.sleep(1.0)
        print("ready", flush=True)
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[bytes] = asyncio.Queue()
        _in_thread(lambda: [loop.call_soon_threadsafe(lines.put_nowait, line) for line in sys.stdin.buffer])
        while True:
            tasks.append(asyncio.create_task(use("stop", json.loads(await lines.get()))))

    asyncio.run(main())


@contextlib.contextmanager
def loaded(load: str, bench: Bench, is_trial: bool) -> Iterator[None]:
    """Put a load on the graph for one stop."""
    if load == "hung" and is_trial:
        for process in (bench.safety, bench.approvals):
            process.send(signal.SIGSTOP)
    if load == "dead" and is_trial:
        bench.safety.send(signal.SIGKILL)
    try:
        yield
    finally:
        if load == "hung" and is_trial:
            for process in (bench.safety, bench.approvals):
                process.send(signal.SIGCONT)
        if load == "dead" and is_trial:
            bench.safety.wait()
            bench.safety = bench.start_safety()


def measure(way: str, load: str, bench: Bench, trials: int) -> list[float]:
    """Return the time to a latched gate of each trial [s]; infinite for a stop that was lost.

    With safety_node suspended or dead a gate latches by itself after its heartbeat_timeout of 0.25 s. The stop is asked for at once after
    that, so a way that takes longer shows about 250 ms.
    """
    found = []
    with asker(way, bench, load) as ask:
        for trial in range(trials):
            bench.prepare()
            bench.arm()
            with loaded(load, bench, True):
                asked = time.monotonic()
                ask(trial)
                found.append(bench.latched_after(asked))
    return found


def percentiles(times: list[float]) -> dict[str, float]:
    """Return p50, p99 and the greatest [ms], and how many were lost."""
    heard = 1e3 * np.array([entry for entry in times if np.isfinite(entry)] or [float("nan")])
    p50, p99, most = np.percentile(heard, (50, 99, 100))
    lost = float(sum(not np.isfinite(entry) for entry in times))
    return {"p50_ms": float(p50), "p99_ms": float(p99), "max_ms": float(most), "lost": lost}


def quiet(bench: Bench, seconds: float, burners: int) -> dict[str, float]:
    """Return how often the armed robot latched by itself in so many seconds, by reason, beside processes that burn a core each."""
    helpers = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(burners)]
    reasons: Counter[str] = Counter()
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            bench.arm()
            wait_for(lambda: bench.gates[-1][1] or time.monotonic() > end, seconds + 60.0, "a latch or the end")
            if bench.gates[-1][1]:
                reasons[bench.gates[-1][2].split(":")[0]] += 1
    finally:
        for helper in helpers:
            helper.kill()
    times = np.array([at for at, _, _ in bench.gates])
    return {
        "spontaneous_latches": float(sum(reasons.values())),
        "heartbeat_lost": float(reasons["heartbeat_lost"]),
        "longest_gate_state_gap_ms": float(1e3 * np.max(np.diff(times))) if len(times) > 1 else 0.0,
    }


@contextlib.contextmanager
def home_of(load: str) -> Iterator[Path | None]:
    """Give the folder of the run; None where the load needs root."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if load != "full_disk":
            yield Path(folder)
            return
        options = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]
        if os.geteuid() != 0 or subprocess.run(options, check=False, capture_output=True).returncode:
            yield None
            return
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=False)


def fill(folder: Path) -> None:
    """Leave no byte on the disk of a folder."""
    with contextlib.suppress(OSError), (folder / "full").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def run_load(load: str, ways: list[str], trials: int, quiet_time: float) -> dict[str, float | str]:
    """Return the figures of every way under one load."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    figures: dict[str, float | str] = {"trials": float(trials)}
    with home_of(load) as home, Graph() as graph:
        if home is None:
            return {"skipped": "a full disk needs root, to mount a tmpfs"}
        bench = Bench(graph, home)
        if load == "full_disk":
            fill(home)
        for way in ways:
            if load in ("dead",) and way in NEEDS_SAFETY_NODE:
                continue
            if load == "hung" and way in NEEDS_SAFETY_NODE:
                continue
            if load == "undiscovered" and way not in PAST_THE_MIDDLEWARE:
                continue
            found = percentiles(measure(way, load, bench, trials))
            print(f"{load} {way} {found}", flush=True)
            figures |= {f"{way}_{name}": value for name, value in found.items()}
        if load == "plain" and quiet_time:
            for name, burners in (("idle", 0), ("overloaded", 2 * (os.cpu_count() or 1))):
                figures |= {f"{name}_{key}": value for key, value in quiet(bench, quiet_time, burners).items()}
    return figures


def stolen() -> tuple[float, float]:
    """Return processor time that the machine's host took, and all of it [s]. Source: proc_stat(5)."""
    fields = [int(part) for part in Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:]]
    return fields[7] / 100.0, sum(fields[:8]) / 100.0


def main() -> None:
    """Measure, print and write results/stop_ways_<load>.json."""
    if sys.argv[1:2] == ["strands"]:
        run_strands(sys.argv[2] == "waiting")
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", action="append", choices=LOADS, help="a load; all when not given")
    parser.add_argument("--way", action="append", choices=WAYS, help="a way of asking; all when not given")
    parser.add_argument("--trials", type=int, default=5, help="stops of each way under each load")
    parser.add_argument(
        "--quiet-time", type=float, default=10.0, help="time for spontaneous latches, idle and overloaded [s]"
    )
    arguments = parser.parse_args()
    for load in arguments.load or LOADS:
        before = stolen()
        figures = run_load(load, arguments.way or list(WAYS), arguments.trials, arguments.quiet_time)
        after = stolen()
        figures["stolen_share"] = (after[0] - before[0]) / max(after[1] - before[1], 1e-9)
        report(f"stop_ways_{load}", figures, {"latched_p99_ms": 1000.0, "command_p99_ms": 500.0})


if __name__ == "__main__":
    main()
