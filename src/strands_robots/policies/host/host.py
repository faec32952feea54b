"""Where a policy runs: a thread, or a process of its own that can be killed. Both are Policies to the session that uses them.

A call is given up when it takes too long or when the run has ended meanwhile. A thread cannot be ended from outside: it is
left behind, and whatever it still answers is thrown away. ROS-free.
"""

from __future__ import annotations

import queue
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import Protocol, TypeVar

from strands_robots.core.errors import PolicyError, StrandsRobotsError
from strands_robots.core.futures import resolve
from strands_robots.core.text import printable
from strands_robots.core.types import Action, Observation, Playback, Policy, PolicyGives, PolicyNeeds

T = TypeVar("T")

SLICE = 0.02
"""How often a waiting caller looks whether its run has ended [s]; an answer wakes it at once."""


@dataclass(frozen=True)
class Patience:
    """How long a policy may take.

    Attributes:
        load: To be made [s].
        infer: To answer an observation, and to be reset [s].
    """

    load: float = 120.0
    infer: float = 5.0


class PolicyHost(Protocol):
    """A Policy that runs elsewhere.

    Attributes:
        is_over: Asked while waiting; when it says True, the call is given up.
        is_usable: False once a call was given up: the policy may still be busy with it.
    """

    is_over: Callable[[], bool]
    is_usable: bool

    @property
    def needs(self) -> PolicyNeeds:
        """What the policy must be given."""

    @property
    def gives(self) -> PolicyGives:
        """What the policy answers."""

    @property
    def connection(self) -> str:
        """State of a remote policy's connection; empty for others."""

    def reset(self, seed: int) -> None:
        """Start an episode."""

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return the rows that follow; raises PolicyError when there is no answer in time."""

    def close(self) -> None:
        """Free the policy, by force where needed."""


def never() -> bool:
    """Return False: nothing ends."""
    return False


def guarded(call: Callable[[], T]) -> T:
    """Return what the policy's own code returns.

    Whatever it raises becomes a PolicyError with the traceback's last line, for that code is not this project's; the whole
    traceback goes to the log.
    """
    try:
        return call()
    except StrandsRobotsError:
        raise
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        raise PolicyError(last_line(error)) from error


def last_line(error: BaseException) -> str:
    """Return the last line of an error's traceback, in ASCII."""
    lines = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()
    return printable(lines[-1] if lines else type(error).__name__)[:1024]


class ThreadHost:
    """A policy in a thread of its own; for policies that wait for others rather than compute.

    Args:
        make: Makes the policy, in the thread.
        patience: How long it may take.
        is_over: Asked while waiting; True gives the call up.

    Raises:
        StrandsRobotsError: If the policy cannot be made, or not in time.
    """

    def __init__(self, make: Callable[[], Policy], patience: Patience, is_over: Callable[[], bool] = never) -> None:
        self.is_over = is_over
        self.is_usable = True
        self._patience = patience
        self._calls: queue.SimpleQueue[tuple[Callable[[], object], Future[object]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="policy", daemon=True).start()
        self._policy: Policy = self._ask(make, patience.load, "be made")
        self._needs, self._gives = declared(self._policy)

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
        """State of a remote policy's connection; empty for others."""
        return str(getattr(self._policy, "connection", ""))

    def reset(self, seed: int) -> None:
        """Start an episode."""
        self._ask(lambda: self._policy.reset(seed), self._patience.infer, "be reset")

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return the rows that follow.

        Raises:
            PolicyError: If the policy raises, or does not answer in time.
        """
        if playback is None:
            return self._ask(lambda: self._policy.infer(observation), self._patience.infer, "answer")
        return self._ask(lambda: self._policy.infer(observation, playback), self._patience.infer, "answer")

    def close(self) -> None:
        """Free the policy as soon as its thread is through with what it does."""
        self.is_usable = False
        self._calls.put((lambda: self._policy.close(), Future()))
        self._calls.put(None)

    def _ask(self, call: Callable[[], T], limit: float, what: str) -> T:
        future: Future[object] = Future()
        self._calls.put((lambda: guarded(call), future))
        left = limit
        while True:
            try:
                return future.result(min(SLICE, left))  # type: ignore[return-value]
            except NotYet:
                left -= SLICE
            if left <= 0.0 or self.is_over():
                self.is_usable = False
                reason = (
                    f"could not {what} within {limit:g} s" if left <= 0.0 else f"was given up while it was to {what}"
                )
                raise PolicyError(f"the policy {reason}")

    def _work(self) -> None:
        while (entry := self._calls.get()) is not None:
            call, future = entry
            resolve(future, call)


def declared(policy: Policy) -> tuple[PolicyNeeds, PolicyGives]:
    """Return what a policy declares.

    Raises:
        PolicyError: If it declares nothing.
    """
    needs, gives = getattr(policy, "needs", None), getattr(policy, "gives", None)
    if not isinstance(needs, PolicyNeeds) or not isinstance(gives, PolicyGives):
        raise PolicyError(
            f"the policy ({type(policy).__name__}) declares needs={type(needs).__name__} and gives={type(gives).__name__}; "
            "valid: PolicyNeeds and PolicyGives"
        )
    return needs, gives
