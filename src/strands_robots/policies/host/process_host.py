"""A policy in a process of its own, so that one that hangs can be killed and one that crashes takes no other process with it. ROS-free."""

from __future__ import annotations

import mmap
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from strands_robots.core.errors import PolicyError, StrandsRobotsError
from strands_robots.core.types import Action, Observation, Playback, PolicyGives, PolicyNeeds
from strands_robots.core.worker_process import exit_words, start_worker
from strands_robots.policies.host.host import SLICE, Patience, never
from strands_robots.policies.provider import PolicyContext

Frames = list[dict[str, tuple[int, tuple[int, ...]]]]
"""For each observation, oldest first: camera -> offset in the shared memory and shape."""

_WORKER = "strands_robots.policies.host.worker"


class ProcessHost:
    """Starts a worker process, makes the policy there, and asks it.

    Pictures go through shared memory, everything else through a pipe.

    Args:
        name: Provider, see `registry.create_policy`.
        settings: Its settings, YAML or JSON.
        context: What is known of the robot and the goal.
        patience: How long the policy may take.
        is_over: Asked while waiting; True gives the call up and kills the process.

    Raises:
        StrandsRobotsError: If the policy cannot be made, or not in time.
    """

    def __init__(
        self,
        name: str,
        settings: str | Mapping[str, Any],
        context: PolicyContext,
        patience: Patience,
        is_over: Callable[[], bool] = never,
    ) -> None:
        self.is_over = is_over
        self.is_usable = True
        self._patience = patience
        self._pictures = PictureMemory()
        self._process, self._pipe, self._lifeline = start_worker(_WORKER, self._pictures.file)
        answer = self._ask(
            ("make", name, settings, replace(context, bodies=None, boxes=None, pick_scene=None, surroundings=None)),
            patience.load,
            "be made",
        )
        self._needs: PolicyNeeds = answer[0]
        self._gives: PolicyGives = answer[1]

    @property
    def needs(self) -> PolicyNeeds:
        """What the policy must be given."""
        return self._needs

    @property
    def gives(self) -> PolicyGives:
        """What the policy answers."""
        return self._gives

    @property
    def connection(self) -> str:
        """Empty: policies that connect to others need no process."""
        return ""

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._process.pid

    def reset(self, seed: int) -> None:
        """Start an episode."""
        self._ask(("reset", seed), self._patience.infer, "be reset")

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return the rows that follow.

        Raises:
            PolicyError: If the policy raises, dies, or does not answer in time; then its process is killed.
        """
        frames = [*observation.earlier, observation]
        where = self._pictures.write(frames)
        bare = [replace(frame, images={}, earlier=()) for frame in frames]
        action: Action = self._ask(("infer", bare, where, playback), self._patience.infer, "answer")
        return action

    def close(self) -> None:
        """End the process; one that does not end is killed."""
        self.is_usable = False
        self._pipe.close()
        os.close(self._lifeline)
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pictures.close()

    def _ask(self, question: tuple[Any, ...], limit: float, what: str) -> Any:
        if not self.is_usable:
            raise PolicyError("the policy's process has ended")
        end = time.monotonic() + limit
        try:
            self._pipe.send(question)
            while not self._pipe.poll(SLICE):
                late = time.monotonic() > end
                if late or self.is_over():
                    self._kill()
                    reason = f"could not {what} within {limit:g} s" if late else f"was given up while it was to {what}"
                    raise PolicyError(f"the policy {reason}; its process was killed")
            kind, answer = self._pipe.recv()
        except (EOFError, OSError):
            self._kill()
            raise PolicyError(
                f"the policy's process ended with {exit_words(self._process.returncode)} while it was to {what}"
            ) from None
        if kind == "error":
            if question[0] == "make":
                self._kill()
            error: StrandsRobotsError = answer
            raise error
        return answer

    def _kill(self) -> None:
        self.is_usable = False
        self._process.kill()
        self._process.wait()


class PictureMemory:
    """Memory that both processes map; grows to the largest set of pictures.

    Attributes:
        file: File descriptor to hand to the worker.
    """

    def __init__(self) -> None:
        self.file = os.memfd_create("strands_robots_pictures")
        self._map: mmap.mmap | None = None
        self._size = 0

    def write(self, frames: list[Observation]) -> Frames:
        """Put the pictures of observations into the memory and return where each one is."""
        total = sum(picture.nbytes for frame in frames for picture in frame.images.values())
        if total > self._size:
            self.close_map()
            os.ftruncate(self.file, total)
            self._map, self._size = mmap.mmap(self.file, total), total
        where: Frames = []
        offset = 0
        for frame in frames:
            places: dict[str, tuple[int, tuple[int, ...]]] = {}
            for camera, picture in frame.images.items():
                view = np.frombuffer(self._mapping(), np.uint8, picture.nbytes, offset)
                view.reshape(picture.shape)[...] = picture
                places[camera] = (offset, picture.shape)
                offset += picture.nbytes
                del view
            where.append(places)
        return where

    def _mapping(self) -> mmap.mmap:
        if self._map is None:  # pragma: no cover, an observation with pictures has bytes
            raise PolicyError("a picture has no bytes")
        return self._map

    def close_map(self) -> None:
        """Let go of the mapping."""
        if self._map is not None:
            self._map.close()
            self._map = None

    def close(self) -> None:
        """Free the memory."""
        self.close_map()
        os.close(self.file)
