"""What the console does for a page that may be closed meanwhile: a motion, a recording. Each in a thread with a client of its own."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rclpy.node import Node

from strands_robots.clients.client import GraphClient
from strands_robots.clients.motion_client import move_joints_goal, run_motion
from strands_robots.clients.plan_client import execute_plan
from strands_robots.clients.record_episode import RecordPlan
from strands_robots.clients.record_wishes import Wish, Wishes
from strands_robots.clients.recorder_client import record_episodes
from strands_robots.console.orders import Move, PlayPlan, Record
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError

MOST_LINES = 40

_HAS = re.compile(r"it has (\d+)$")
"""How many episodes a data set has at the start, in the words of `record_episodes`."""


class InterruptibleClient(GraphClient):
    """A client whose waiting another thread may end, as Ctrl-C ends that of a command."""

    def __init__(self, beside: Node, name: str) -> None:
        super().__init__(beside=beside, name=name)
        self._is_interrupted = False

    def interrupt(self) -> None:
        """End the waiting once."""
        self._is_interrupted = True

    def spin_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Run callbacks until the condition is true; raises KeyboardInterrupt when it is interrupted."""

        def is_over() -> bool:
            if self._is_interrupted:
                self._is_interrupted = False
                raise KeyboardInterrupt
            return condition()

        return super().spin_until(is_over, timeout)


class MoveJob:
    """One motion of a robot: MoveTo, or a plan that a page showed.

    Args:
        beside: A node of this process.
        order: What to do.
        source: Who asks.
    """

    def __init__(self, beside: Node, order: Move | PlayPlan, source: str) -> None:
        self.robot = order.robot
        self._order, self._source = order, source
        self._client = InterruptibleClient(beside, f"{beside.get_name()}_move_{time.monotonic_ns()}")
        self._words = "sent"
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="move", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """True once it has ended."""
        return self._is_over

    def cancel(self) -> None:
        """End the motion; the robot brakes on its path."""
        self._client.interrupt()

    def words(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        return {"robot": self.robot, "is_over": self._is_over, "message": self._words}

    def _run(self) -> None:
        try:
            result = self._move()
            self._words = f"{result.termination_reason}: {result.message}"
        except StrandsRobotsError as error:
            self._words = str(error)
        except KeyboardInterrupt:
            self._words = "cancelled before it began"
        finally:
            self._is_over = True
            self._client.close()

    def _move(self) -> Any:
        order = self._order
        if isinstance(order, PlayPlan):
            return execute_plan(self._client, order.robot, order.digest, source=self._source, tell=self._tell)
        goal = move_joints_goal(
            list(order.positions), list(order.positions.values()), robot=order.robot, source=self._source, speed_scale=order.speed
        )  # fmt: skip
        return run_motion(self._client, goal, self._tell)

    def _tell(self, line: str) -> None:
        self._words = line


class RecordJob:
    """One recording, which goes on whatever pages are open.

    Args:
        beside: A node of this process.
        order: What to record.
    """

    def __init__(self, beside: Node, order: Record) -> None:
        self.order = order
        self._root = Path(order.root).expanduser().absolute()
        if order.mode == "create" and self._root.exists():
            raise ConfigurationError(f"'{self._root}' is there already; valid: a new folder, or to go on with it")
        self._plan = RecordPlan(
            root=str(self._root), repo_id=f"local/{self._root.name}", task=order.task, episodes=order.episodes,
            duration=order.duration, fps=order.fps, robots=(), cameras=("*",), policy="", config="", rate=0.0, seed=0,
            lockstep=False, mode=1 if order.mode == "resume" else 0, velocity=False, effort=False, units="lerobot",
            codec="h264", on_stale="mark", intervention=True, reset_time=order.reset_time,
            countdown=order.countdown,
        )  # fmt: skip
        self._wishes = Wishes()
        self._lines: deque[dict[str, Any]] = deque(maxlen=MOST_LINES)
        self._began_with: int | None = None
        self._failure = ""
        self._is_over = False
        self._client = InterruptibleClient(beside, f"{beside.get_name()}_record_{time.monotonic_ns()}")
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """True once it has ended."""
        return self._is_over

    def wish(self, wish: str) -> None:
        """Take what a person wants: a Wish's value, or "discard", which ends the recording as Ctrl-C does."""
        if wish == "discard":
            self._client.interrupt()
        else:
            self._wishes.ask(Wish(wish))

    def close(self, patience: float) -> None:
        """End the recording as Ctrl-C does: the present episode is discarded, the data set closed."""
        if not self._is_over:
            self._client.interrupt()
            self._thread.join(patience)

    def words(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        return {
            "is_over": self._is_over, "root": str(self._root), "task": self.order.task, "episodes": self.order.episodes,
            "duration": self.order.duration, "reset_time": self.order.reset_time, "fps": self.order.fps,
            "began_with": self._began_with, "pause_left": self._wishes.pause.left, "is_held": self._wishes.pause.is_held,
            "failure": self._failure, "lines": list(self._lines), "disk_left": self._disk_left(),
        }  # fmt: skip

    def _disk_left(self) -> float | None:
        """Return the free space where the data set is [bytes]."""
        folder = self._root
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            return float(shutil.disk_usage(folder).free)
        except OSError:
            return None

    def _run(self) -> None:
        try:
            record_episodes(self._client, self._plan, self._tell, self._complain, self._wishes)
        except StrandsRobotsError as error:
            self._failure = str(error)
        except KeyboardInterrupt:
            self._failure = "it was ended before recorder_node had opened the data set; nothing was recorded"
        finally:
            self._is_over = True
            self._client.close()

    def _tell(self, line: str) -> None:
        has = _HAS.search(line)
        if has is not None and self._began_with is None:
            self._began_with = int(has[1])
        self._lines.append({"words": line, "is_trouble": False, "at": time.time()})

    def _complain(self, line: str) -> None:
        self._lines.append({"words": line, "is_trouble": True, "at": time.time()})
