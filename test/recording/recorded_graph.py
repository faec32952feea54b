"""A graph with recorder_node, and a client that records with it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from graph import Client, Graph, Process, wait_for
from rclpy.action import ActionClient
from strands_robots.action import ReplayEpisode
from strands_robots.msg import EpisodeState, JointCommand, Variation
from strands_robots.srv import RandomizeWorld, RecordEpisode, ResetWorld, StartRecording, StepWorld
from system.policy_goals import PolicyGoals

from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.ros.messages.conversions import chunk_to_msg
from strands_robots.ros.messages.stamps import to_seconds

ROBOTS = ["so101=so101"]


class RecordedGraph:
    """sim_node, safety_node, policy_node and recorder_node on a domain of their own.

    Args:
        graph: The graph.
        folder: Folder for the latch.
        mode: Mode of the world.
        robots: Robots.
        cameras: Whether there are pictures.
    """

    def __init__(
        self, graph: Graph, folder: Path, mode: str, robots: list[str] = ROBOTS, cameras: bool = True, **sim: Any
    ) -> None:
        names = [robot.partition("=")[0] for robot in robots]
        self._robots = robots
        self.recorder = self._start_recorder(graph)
        graph.start("policy_node", use_sim_time=True)
        graph.start("sim_node", robots=robots, cameras=cameras, mode=mode, heartbeat_timeout=2.0, **sim)
        # A reset that draws another world compiles it in the physics thread, which on a slow machine takes more than half a second.
        graph.start(
            "safety_node",
            run_id="run",
            arm_on_start=True,
            latch_folder=str(folder),
            robots=names,
            gate_state_timeout=5.0,
        )
        self.mode = mode
        self.environment = graph.environment
        self.graph = graph
        self.client: Client = graph.client()
        self.states = self.client.listen(EpisodeState, "recorder/state")
        self.applied = self.client.listen(JointCommand, f"{names[0]}/command_applied", keep=10_000)
        self.goals = PolicyGoals(self.client)
        wait_for(lambda: self.states, 60.0, "the recorder, which imports LeRobot")
        if mode == "lockstep":
            wait_for(lambda: self.step(1), 40.0, "an armed robot")
            self.release()

    def step(self, steps: int) -> bool:
        return bool(
            self.client.call(StepWorld, "world/step", StepWorld.Request(client="test", steps=steps), 30.0).success
        )

    def release(self) -> None:
        self.client.call(StepWorld, "world/step", StepWorld.Request(client="test", steps=0, release=True), 30.0)

    def play(self, robot: str, source: str, rows: FloatArray, period: float, steps: int) -> None:
        """Step the world with a chunk of rows (H, 1) for the first joint of a robot."""
        state = self.client.call(StepWorld, "world/step", StepWorld.Request(client="test", steps=0), 30.0)
        chunk = Chunk(
            source, time.time_ns(), to_seconds(state.stamp), 0.5, ("shoulder_pan",), rows, control_period=period
        )
        request = StepWorld.Request(client="test", steps=steps, chunk_robots=[robot], chunks=[chunk_to_msg(chunk)])
        answer = self.client.call(StepWorld, "world/step", request, 30.0)
        assert answer.success, answer.message
        self.release()

    def reset(self, seed: int) -> None:
        response = self.client.call(ResetWorld, "world/reset", ResetWorld.Request(seed=seed))
        assert response.success, response.message

    def randomize(self, *variations: Variation) -> None:
        """Say what every reset draws; nothing by default."""
        response = self.client.call(
            RandomizeWorld, "world/randomize", RandomizeWorld.Request(variations=list(variations)), 30.0
        )
        assert response.success, response.message

    def restart_recorder(self, number: int) -> None:
        """End the recorder with a signal, and start another one."""
        self.recorder.send(number)
        self.recorder.wait()
        wait_for(lambda: not self.client.count_publishers("recorder/state"), 40.0, "the end of the recorder")
        self.states.clear()
        self.recorder = self._start_recorder(self.graph)
        wait_for(lambda: self.states, 30.0, "the new recorder")

    def _start_recorder(self, graph: Graph) -> Process:
        return graph.start("recorder_node", use_sim_time=True, robots=self._robots, run_id="run")

    def start(self, root: Path, **fields: Any) -> Any:
        """Open a dataset; one that a failed test left open is closed first."""
        if self.order(RecordEpisode.Request.STATE).state.state != EpisodeState.IDLE:
            self.order(RecordEpisode.Request.STOP)
        given = {
            "repo_id": "test/data",
            "fps": 30,
            "cameras": ["so101/wrist"],
            "task": "wave",
            "with_velocity": True,
            **fields,
        }
        return self.client.call(
            StartRecording, "recorder/start", StartRecording.Request(root=str(root), **given), 100.0
        )

    def order(self, command: int, **fields: Any) -> Any:
        request = RecordEpisode.Request(command=command, **fields)
        return self.client.call(RecordEpisode, "recorder/episode", request, 60.0)

    def begin(self, **fields: Any) -> Any:
        response = self.order(RecordEpisode.Request.BEGIN, **fields)
        assert response.success, response.message
        return response

    def end(self, **fields: Any) -> Any:
        return self.order(RecordEpisode.Request.END, **fields)

    def stop(self) -> Any:
        response = self.order(RecordEpisode.Request.STOP)
        assert response.success, response.message
        return response

    def replay(self, root: Path, **fields: Any) -> Any:
        """Send a goal of replay_episode and return its result."""
        client = ActionClient(self.client, ReplayEpisode, "replay_episode")
        wait_for(client.server_is_ready, 20.0, "replay_episode")
        goal = ReplayEpisode.Goal(root=str(root), **fields)
        handle = self._spin(lambda: client.send_goal_async(goal))
        result = self._spin(handle.get_result_async)
        return result.result

    def _spin(self, call: Any) -> Any:
        """Return what an asynchronous call comes to; rclpy wants it made by the thread that spins."""
        executor = self.client.executor
        assert executor is not None
        task = executor.create_task(call)
        executor.wake()
        wait_for(task.done, 10.0, "the call")
        future = task.result()
        wait_for(future.done, 100.0, "the answer")
        return future.result()
