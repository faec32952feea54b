"""The process in which a policy runs: makes it, asks it, answers over a pipe. Started by `process_host`; ROS-free.

python -m strands_robots.policies.host.worker PIPE MEMORY LIFELINE        (three inherited file descriptors)
"""

from __future__ import annotations

import mmap
import os
import sys
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from strands_robots.core.errors import PolicyError, StrandsRobotsError
from strands_robots.core.types import Observation, Policy
from strands_robots.core.worker_process import end_with_parent
from strands_robots.policies.host.host import declared, guarded
from strands_robots.policies.host.process_host import Frames
from strands_robots.policies.registry import create_policy


def main() -> int:
    """Answer until the pipe closes."""
    pipe_fd, memory, lifeline = (int(argument) for argument in sys.argv[1:4])
    end_with_parent(lifeline)
    pipe = Connection(pipe_fd)
    worker = _Worker(memory)
    while True:
        try:
            question = pipe.recv()
        except (EOFError, OSError):
            worker.close()
            return 0
        try:
            answer: tuple[str, Any] = ("answer", worker.answer(question))
        except StrandsRobotsError as error:
            answer = ("error", _portable(error))
        pipe.send(answer)


class _Worker:
    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._map: mmap.mmap | None = None
        self._policy: Policy | None = None

    def answer(self, question: tuple[Any, ...]) -> Any:
        kind, *arguments = question
        if kind == "make":
            self._policy = guarded(lambda: create_policy(*arguments))
            return declared(self._policy)
        policy = self._policy
        if policy is None:
            raise PolicyError("the policy was not made yet")
        if kind == "reset":
            return guarded(lambda: policy.reset(*arguments))
        frames, where, playback = arguments
        observation = self._with_pictures(frames, where)
        if playback is None:
            return guarded(lambda: policy.infer(observation))
        return guarded(lambda: policy.infer(observation, playback))

    def close(self) -> None:
        policy = self._policy
        if policy is not None:
            guarded(policy.close)

    def _with_pictures(self, frames: list[Observation], where: Frames) -> Observation:
        filled = []
        for frame, places in zip(frames, where):
            images = {camera: self._picture(offset, shape) for camera, (offset, shape) in places.items()}
            filled.append(replace(frame, images=images))
        return replace(filled[-1], earlier=tuple(filled[:-1]))

    def _picture(self, offset: int, shape: tuple[int, ...]) -> Any:
        size = int(np.prod(shape))
        if self._map is None or len(self._map) < offset + size:
            self._map = mmap.mmap(self._memory, os.fstat(self._memory).st_size)  # views keep the old one alive
        # A copy: the policy may keep it, and the next question overwrites the memory.
        return np.frombuffer(self._map, np.uint8, size, offset).reshape(shape).copy()


def _portable(error: StrandsRobotsError) -> StrandsRobotsError:
    """Return an error that can be sent; those with arguments of their own become a PolicyError with their words."""
    kind = type(error) if type(error).__init__ is Exception.__init__ else PolicyError
    return kind(str(error))


if __name__ == "__main__":
    sys.exit(main())
