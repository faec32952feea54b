"""An arm of the graph as the station of a blind trial: runs policies through run_policy and films with one camera."""

from __future__ import annotations

import time
from dataclasses import dataclass

from strands_robots.clients.camera_view import CameraView
from strands_robots.clients.client import GraphClient
from strands_robots.clients.policy_client import PolicyGoalFields, run_policy
from strands_robots.evaluation.blind.overlay import Picture
from strands_robots.evaluation.blind.station import StationEnd
from strands_robots.evaluation.blind.trial import FILM_RATE
from strands_robots.evaluation.episode_result import PolicyChoice

LOOK_TIMEOUT = 3.0  # [s]


@dataclass(frozen=True)
class StationFields:
    """How each episode is run.

    Attributes:
        robot: Robot to move.
        task: What it shall do, in words.
        duration: An episode ends after this [s, ROS time].
        camera: Camera that matches starts and films, "<robot>/<camera>"; empty for none.
        success_when: Condition that is looked at when the run has ended; empty for none.
        stop_when: Condition that ends the run early; empty for none.
    """

    robot: str
    task: str
    duration: float
    camera: str = ""
    success_when: str = ""
    stop_when: str = ""


class GraphStation:
    """Runs the episodes of a trial on a robot of the graph, in real time and through its gate.

    What the run says meanwhile is not shown: the time of an inference tells policies apart.

    Args:
        client: Client of the graph.
        fields: How each episode is run.

    Raises:
        UnknownNameError: If there is no such camera.
        NoAnswerError: If there is none at all.
    """

    def __init__(self, client: GraphClient, fields: StationFields) -> None:
        self._client, self._fields = client, fields
        self._view = CameraView(client, fields.camera, prefer_raw=True) if fields.camera else None

    def look(self) -> Picture | None:
        """Return what the camera sees now; None without a camera.

        Raises:
            NoAnswerError: If no picture comes.
        """
        if self._view is None:
            return None
        self._view.look()  # What waited there may be of the last episode.
        return self._view.wait(LOOK_TIMEOUT)[1]

    def run(self, choice: PolicyChoice, seed: int) -> StationEnd:
        """Run a policy to its end; Ctrl-C cancels it, and the episode is run again.

        Raises:
            StrandsRobotsError: If policy_node is not there, or refuses the goal.
        """
        fields = self._fields
        goal = PolicyGoalFields(
            fields.robot, choice.policy, choice.config, fields.task, duration=fields.duration, seed=seed,
            adapter=choice.adapter, stop_when=fields.stop_when, success_when=fields.success_when,
        )  # fmt: skip
        frames: list[Picture] = []
        begin = time.monotonic()
        result = run_policy(
            self._client, goal, lambda _: None, until=lambda: self._film(frames, time.monotonic() - begin)
        )
        return StationEnd(
            str(result.termination_reason), str(result.message), float(result.elapsed), bool(result.task_checked),
            bool(result.task_done), frames,
        )  # fmt: skip

    def _film(self, frames: list[Picture], elapsed: float) -> bool:
        """Keep a picture when one is due; never a reason to end."""
        if self._view is not None and len(frames) <= elapsed * FILM_RATE:
            picture = self._view.look()
            if picture is not None:
                frames.append(picture[1])
        return False
