"""The console in a real Chromium: the stop, the dead-man, pictures, the first page, and what it costs while nobody looks.

* stop: from a press of the mouse on the button to the first report of a latched gate; the reference is `strands-robots estop` in the
  same run, whose start counts;
* hold: from letting the mouse go, and from freezing the browser with SIGSTOP, to the last set-point that differs from the one before;
* pictures: the age of each picture of two cameras at 30 Hz when it is drawn, from its stamp;
* first page: from opening the address to the first joint on the screen;
* large data: from opening a data set of 200,000 frames to its 400 episodes on the screen, and from opening one to its curves;
* idle: processor time of console_node while no page is open.

Run it with: python benchmarks/bench_console.py [--stops 200] [--commands 20] [--holds 20] [--seconds 20] [--part stop ...].
All parts take some twenty minutes on a busy machine. Each reports as soon as it is over, into
results/console_<part>.json. Progress is on stderr.
It needs Chromium and requirements/browser.txt.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from _report import Figure, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from console.browser import DESKTOP, browser_processes, chromium
from console.large_set import write_large_set
from console.test_console_node import Served
from graph import Graph, wait_for
from strands_robots.msg import GateState, JointCommand

from strands_robots.console.drive_leader import HOLD_TIME
from strands_robots.ros.messages import qos

SWITCH_INTERVAL = 0.0005
"""How long the measuring thread waits for the one that receives [s]; Python's own is 5 ms."""


class Bench:
    """A graph with a console, a browser on it, and when each thing was seen."""

    def __init__(self, served: Served, browser: Any) -> None:
        self.served, self.browser = served, browser
        self.latched: deque[float] = deque(maxlen=50)
        self.moved: deque[float] = deque(maxlen=50)
        self._last: list[float] = []
        served.client.create_subscription(GateState, "so101/gate_state", self._on_gate, qos.HEARTBEAT_READER)
        served.client.create_subscription(JointCommand, "so101/command_applied", self._on_applied, qos.COMMAND)
        name, _, value = served.cookie.partition("=")
        self.context = browser.new_context(viewport=DESKTOP)
        self.context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}])

    def page(self, name: str) -> Any:
        """Open a page."""
        page = self.context.new_page()
        page.goto(f"{self.served.url}/#{name}")
        return page

    def _on_gate(self, message: GateState) -> None:
        if message.latched:
            self.latched.append(time.monotonic())

    def _on_applied(self, message: JointCommand) -> None:
        values = list(message.values)
        if self._last and max(abs(a - b) for a, b in zip(values, self._last)) > 1e-7:
            self.moved.append(time.monotonic())
        self._last = values

    def arm(self, page: Any) -> None:
        """Resume until the page says that the robots may move."""
        self.served.armed()
        page.wait_for_function(
            "() => document.getElementById('stop-state').textContent.startsWith('Armed')", timeout=30000
        )

    def after(self, asked: float) -> float:
        """Return the time from asking to the first report of a latched gate [s]."""
        return wait_for(lambda: next((at - asked for at in list(self.latched) if at >= asked), 0.0), 20.0)

    def stops(self, page: Any, count: int) -> list[float]:
        box = page.get_by_role("button", name="STOP").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        taken = []
        for _ in range(count):
            self.arm(page)
            asked = time.monotonic()
            page.mouse.down()
            taken.append(self.after(asked))
            page.mouse.up()
            if len(taken) % 20 == 0:
                tell(f"{len(taken)} of {count} stops")
        return taken

    def commands(self, page: Any, count: int) -> list[float]:
        taken = []
        for _ in range(count):
            self.arm(page)
            asked = time.monotonic()
            process = subprocess.Popen(
                ["strands-robots", "estop"],
                env=self.served.graph.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            taken.append(self.after(asked))
            process.wait(30.0)
        return taken

    def holds(self, page: Any, count: int, is_frozen: bool) -> list[float]:
        page.wait_for_selector(".hold")
        if page.get_by_role("button", name="Take the robot").count():
            page.get_by_role("button", name="Take the robot").click()
        page.wait_for_function("() => !document.querySelector('.hold').disabled", timeout=30000)
        taken = []
        for trial in range(count):
            self.arm(page)
            page.get_by_role("button", name=f"elbow_flex {'up' if trial % 2 else 'down'}").hover()
            before = self.served.elbow()
            page.mouse.down()
            wait_for(lambda before=before: abs(self.served.elbow() - before) > 0.05, 10.0, "motion")
            browser = browser_processes()  # Looked for before: that takes longer than the signals.
            asked = time.monotonic()
            if is_frozen:
                for process in browser:
                    process.send_signal(signal.SIGSTOP)
            else:
                page.mouse.up()
                asked = max(asked, time.monotonic() - 0.01)  # Playwright answers when the browser has taken it.
            wait_for(self.served.is_still, 5.0, "rest")
            taken.append(max(self.moved[-1] - asked, 0.0))
            if is_frozen:
                for process in browser:
                    process.send_signal(signal.SIGCONT)
                page.mouse.up()
        return taken

    def pictures(self, page: Any, seconds: float) -> list[float]:
        page.wait_for_function("() => document.querySelectorAll('.camera[data-pictures]').length >= 2", timeout=30000)
        page.evaluate(
            """() => { window.ages = [];
            for (const camera of document.querySelectorAll('.camera'))
              new MutationObserver(() => window.ages.push(Number(camera.dataset.age)))
                .observe(camera, {attributes: true, attributeFilter: ['data-pictures']}); }"""
        )
        page.wait_for_timeout(1000 * seconds)
        return [float(age) for age in page.evaluate("() => window.ages")]

    def first_page(self) -> float:
        page = self.context.new_page()
        started = time.monotonic()
        page.goto(f"{self.served.url}/#live")
        page.wait_for_selector(".joint")
        taken = time.monotonic() - started
        page.close()
        return taken

    def large_data(self) -> tuple[float, float]:
        """Return the time to a large data set's episodes, and to the curves of one [s]."""
        page = self.context.new_page()
        page.goto(f"{self.served.url}/#data")
        link = page.get_by_role("link", name="large")
        link.wait_for()
        started = time.monotonic()
        link.press("Enter")
        page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 400")
        listed = time.monotonic() - started
        started = time.monotonic()
        page.get_by_role("link", name="Episode 7", exact=True).press("Enter")
        page.wait_for_function("() => document.querySelectorAll('.uplot').length === 7")
        drawn = time.monotonic() - started
        page.close()
        return listed, drawn

    def idle(self, seconds: float) -> float:
        """Return the part of a core that console_node takes while nobody looks."""
        process = psutil.Process(self.served.process.pid)
        time.sleep(4.0)  # The last page lingers.
        before, started = process.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after = process.cpu_times()
        return (after.user + after.system - before.user - before.system) / (time.monotonic() - started)


def quantiles(name: str, values: list[float]) -> dict[str, Figure]:
    return {
        f"{name}_p50_ms": 1000 * float(np.percentile(values, 50)),
        f"{name}_p99_ms": 1000 * float(np.percentile(values, 99)),
        f"{name}_count": float(len(values)),
    }


def idle(bench: Bench, given: argparse.Namespace) -> None:
    """Measure what the console costs while nobody looks."""
    goal = {"idle_cores": "below 0.02"}
    report("console_idle", {"idle_cores": bench.idle(given.seconds)}, {"seconds": float(given.seconds)}, goal)


def pages(bench: Bench, given: argparse.Namespace) -> None:
    """Measure how long a person waits for a page; the reference is the second opening, with the graph looked at already."""
    first, later = [], []
    for _ in range(5):
        wait_for_rest(bench)
        first.append(bench.first_page())
        later.append(bench.first_page())
        tell(f"first page {first[-1]:.2f} s, again {later[-1]:.2f} s")
    listed, drawn = (float(np.median(taken)) for taken in zip(*(bench.large_data() for _ in range(5))))
    figures = {"first_page_s": float(np.median(first)), "large_data_s": listed, "large_episode_s": drawn}
    goals = dict.fromkeys(("first_page_s", "large_data_s", "large_episode_s"), "below 1")
    report("console_pages", figures, {"page_again_s": float(np.median(later))}, goals)


def stop(bench: Bench, given: argparse.Namespace) -> None:
    """Measure a press on the stop beside the command line's."""
    page = bench.page("audit")
    figures = quantiles("stop", bench.stops(page, given.stops))
    report("console_stop", figures, quantiles("estop_command", bench.commands(page, given.commands)))
    page.close()


def hold(bench: Bench, given: argparse.Namespace) -> None:
    """Measure how soon the robot holds; the limit is that of the dead-man."""
    page = bench.page("drive")
    figures = quantiles("let_go", bench.holds(page, given.holds, is_frozen=False))
    figures |= quantiles("frozen", bench.holds(page, given.holds, is_frozen=True))
    goals = dict.fromkeys(("let_go_p99_ms", "frozen_p99_ms"), "below 250")
    report("console_hold", figures, {"beat_counts_ms": 1000.0 * HOLD_TIME}, goals)
    page.close()


def pictures(bench: Bench, given: argparse.Namespace) -> None:
    """Measure how old pictures of two cameras at 30 Hz are when they are drawn."""
    page = bench.page("live")
    figures = quantiles("picture_age", bench.pictures(page, given.seconds))
    rate = {"pictures_expected": 60.0 * given.seconds}
    report("console_pictures", figures, rate, {"picture_age_p99_ms": "below 100"})
    page.close()


PARTS = {part.__name__: part for part in (idle, pages, pictures, stop, hold)}


def wait_for_rest(bench: Bench) -> None:
    """Wait until the console has let the graph go, as it does some seconds after the last page."""
    names = bench.served.client.get_node_names
    wait_for(lambda: "console_node_view" not in names(), 20.0, "the console's rest")


def tell(line: str) -> None:
    """Say what is measured."""
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stops", type=int, default=200)
    parser.add_argument("--commands", type=int, default=20, help="Stops of the command line; each starts a process.")
    parser.add_argument("--holds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument(
        "--part", action="append", choices=PARTS, help="Measure this; may be repeated. Without it, all."
    )
    given = parser.parse_args()
    chosen = given.part or list(PARTS)
    sys.setswitchinterval(SWITCH_INTERVAL)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, Graph() as graph:
        if "pages" in chosen:
            tell("a data set of 200,000 frames is written")
            write_large_set(Path(folder) / "large")
        tell("the graph starts")
        bench = Bench(Served(graph, camera_rate=30.0, data_folders=[folder]), browser)
        for name in chosen:
            tell(f"{name} is measured")
            PARTS[name](bench, given)


if __name__ == "__main__":
    try:
        main()
    except pytest.skip.Exception as missing:
        print(f"console: not measured: {missing}")
