"""Runs an agent's turns, one at a time, in a thread of its own: steps as they happen, people's decisions, cancelling.

Cancelling is polite first: the model and the tools are asked to end and every goal is cancelled, so that the conversation
keeps what happened. Whatever has not ended after CANCEL_GRACE is left where it is.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from strands.hooks import AfterToolCallEvent, BeforeToolCallEvent, HookProvider, HookRegistry

from strands_robots.agent.conversation.agent_config import AgentLimitsConfig
from strands_robots.agent.conversation.conversations import Conversations, forget_waiting, open_interrupts
from strands_robots.agent.conversation.turn import ANSWERED, Step, StepKind, Turn, TurnEnd
from strands_robots.agent.conversation.turn_steps import TextBuffer, arguments_text, result_text
from strands_robots.agent.strands.strands_tools import replies
from strands_robots.agent.tools.tool_answer import clean
from strands_robots.core.errors import StrandsRobotsError

if TYPE_CHECKING:
    from strands import Agent

PERIOD = 0.05
"""Time between two looks at a turn that runs [s]."""

CANCEL_GRACE = 2.0
_REASONS = {"end_turn": ANSWERED, "stop_sequence": ANSWERED, "cancelled": "cancelled", "max_tokens": "limit"}

Tell = Callable[[Turn, Step], None]
Decision = Callable[[str], str]
"""Takes the number of a request; returns "pending", "approved", "declined", "expired", "used", or "" for unknown."""


class Goals(Protocol):
    """What of the tools a turn needs beyond calling them."""

    def cancel_goals(self) -> int:
        """Cancel every goal that was started; return how many have not ended within half a second."""
        ...


@dataclass
class _RunningTurn:
    turn: Turn
    on_end: Callable[[TurnEnd], None]
    cancelled: threading.Event = field(default_factory=threading.Event)
    why: str = ""
    is_over_time: bool = False
    began: float = field(default_factory=time.monotonic)
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class TurnRunner:
    """Runs turns. Its methods may be called from any thread and do not wait.

    Args:
        conversations: Opens the agent of a turn.
        goals: Cancels what the agent has started.
        decision: What became of a request.
        limits: Where a turn ends at the latest.
        tell: Takes each step, in the runner's thread.
    """

    def __init__(
        self, conversations: Conversations, goals: Goals, decision: Decision, limits: AgentLimitsConfig, tell: Tell
    ) -> None:
        self._conversations = conversations
        self._goals = goals
        self._decision = decision
        self._limits = limits
        self._tell = tell
        self._lock = threading.Lock()
        self._running: _RunningTurn | None = None
        self._next: _RunningTurn | None = None
        self._is_closing = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="agent", daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether a turn runs or is about to."""
        return self._running is not None

    def begin(self, turn: Turn, on_end: Callable[[TurnEnd], None], take_over: bool = False) -> str:
        """Begin a turn; returns "" when it does, else who keeps the agent busy, in words.

        Args:
            turn: The turn.
            on_end: Takes its end, once, in the runner's thread.
            take_over: Cancel the turn that runs and begin after it.
        """
        fresh = _RunningTurn(turn, on_end)
        with self._lock:
            if self._is_closing:
                return "the agent is ending"
            if self._running is None:
                self._running = fresh
                self._start(fresh)
                return ""
            if not take_over or self._next is not None:
                return _busy(self._next or self._running)
            self._next = fresh
            self._running.why = f"{turn.source} takes over"
            self._running.cancelled.set()
        return ""

    def cancel(self, turn_id: str, why: str) -> bool:
        """Cancel a turn that runs or waits; returns whether it is one of these."""
        with self._lock:
            for entry in (self._running, self._next):
                if entry is not None and entry.turn.turn_id == turn_id:
                    entry.why = entry.why or why
                    entry.cancelled.set()
                    return True
        return False

    def close(self, timeout: float = 1.0) -> None:
        """Cancel the turn that runs and end the thread, within the timeout [s]."""
        with self._lock:
            self._is_closing = True
            for entry in (self._running, self._next):
                if entry is not None:
                    entry.why = entry.why or "the agent is ending"
                    entry.cancelled.set()
        deadline = time.monotonic() + timeout
        while self._running is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(0.2)

    def _start(self, running: _RunningTurn) -> None:
        asyncio.run_coroutine_threadsafe(self._run(running), self._loop)

    async def _run(self, running: _RunningTurn) -> None:
        self._tell(running.turn, Step(StepKind.BEGIN, running.turn.source, running.turn.prompt))
        task = asyncio.ensure_future(self._turn(running))
        await self._watch(task, running)
        end = _end_of(task, running)
        words = "" if end.is_answered else end.message
        self._tell(running.turn, Step(StepKind.END, end.reason, words, is_error=not end.is_answered))
        with self._lock:
            self._running, self._next = self._next, None
            if self._running is not None:
                self._start(self._running)
        running.on_end(end)

    async def _watch(self, task: asyncio.Task[Any], running: _RunningTurn) -> None:
        """Wait for the end of a turn, and make it end when it shall."""
        asked = 0.0
        while not task.done():
            await asyncio.wait({task}, timeout=PERIOD)
            now = time.monotonic()
            if now - running.began > self._limits.time and not running.cancelled.is_set():
                running.is_over_time = True
                running.why = f"the turn took longer than {self._limits.time:g} s"
                running.cancelled.set()
            if running.cancelled.is_set():
                asked = asked or now
                await asyncio.to_thread(self._goals.cancel_goals)
                if now - asked > CANCEL_GRACE:
                    asked = now  # Once at a time: what it does to end must not be cancelled as well.
                    task.cancel()
        if running.cancelled.is_set():
            await asyncio.to_thread(self._goals.cancel_goals)

    async def _turn(self, running: _RunningTurn) -> Any:
        """Return Strands' result of a turn, over all its interrupts."""
        follower = _Follower(self._tell, running)
        opened = self._conversations.opened(running.turn.session, [follower])
        agent = await asyncio.to_thread(opened.__enter__)
        try:
            prompt: Any = running.turn.prompt
            waiting = open_interrupts(agent)
            if not prompt:
                if waiting is None:
                    raise StrandsRobotsError(
                        f"the prompt is empty and nothing in '{running.turn.session}' waits; valid: a prompt"
                    )
                prompt = replies(waiting)
            elif waiting is not None:
                forget_waiting(agent)
            while True:
                result = await self._stream(agent, prompt, follower, running)
                if result.stop_reason != "interrupt" or running.cancelled.is_set():
                    return result
                prompt = await self._decided(result.interrupts, running)
                if running.cancelled.is_set():
                    return result
        finally:
            # When the turn was cancelled the call is given up; an agent that only ends may go on with it in its next life.
            if running.cancelled.is_set() and not self._is_closing and open_interrupts(agent) is not None:
                forget_waiting(agent)
            await asyncio.to_thread(opened.__exit__, None, None, None)

    async def _stream(self, agent: Agent, prompt: Any, follower: _Follower, running: _RunningTurn) -> Any:
        result: Any = None
        stream = agent.stream_async(
            prompt, cancel_signal=running.cancelled, limits={"turns": self._limits.steps}, invocation_state={}
        )
        try:
            async for event in stream:
                if "data" in event:
                    follower.text(str(event["data"]))
                result = event.get("result", result)
        finally:
            follower.flush()
        usage = result.metrics.latest_agent_invocation.usage
        running.input_tokens += usage["inputTokens"]
        running.output_tokens += usage["outputTokens"]
        return result

    async def _decided(self, interrupts: Sequence[Any], running: _RunningTurn) -> list[Any]:
        """Wait until people have decided about every call, and return the replies for Strands."""
        deadline = time.monotonic() + self._limits.approval_wait
        prompt: list[Any] = []
        for interrupt in interrupts:
            reason = interrupt.reason if isinstance(interrupt.reason, dict) else {}
            request_id, tool = str(reason.get("request_id", "")), str(reason.get("tool", interrupt.name))
            asked = Step(StepKind.APPROVAL_WAITING, tool, str(reason.get("arguments", "")), request_id)
            self._tell(running.turn, asked)
            state = await self._decision_of(request_id, deadline, running)
            told = Step(StepKind.APPROVAL_DECIDED, tool, state, request_id, is_error=state != "approved")
            self._tell(running.turn, told)
            is_skipped = state in ("cancelled", "not decided")
            prompt += replies([interrupt], "skip") if is_skipped else replies([interrupt])
        return prompt

    async def _decision_of(self, request_id: str, deadline: float, running: _RunningTurn) -> str:
        while not running.cancelled.is_set():
            state = self._decision(request_id)
            if state not in ("", "pending"):
                return state
            if time.monotonic() > deadline or not request_id:
                return "not decided"
            await asyncio.sleep(PERIOD)
        return "cancelled"


class _Follower(HookProvider):
    """Tells what the model says and which tools run. A call that is repeated after a decision is one call."""

    def __init__(self, tell: Tell, running: _RunningTurn) -> None:
        self._tell_turn = tell
        self._running = running
        self._buffer = TextBuffer(lambda text: self._tell(Step(StepKind.TEXT, text=text)))
        self._called: set[str] = set()

    def register_hooks(self, registry: HookRegistry, **kwargs: Any) -> None:
        """Called by Strands."""
        registry.add_callback(BeforeToolCallEvent, self._on_call)
        registry.add_callback(AfterToolCallEvent, self._on_result)

    def _tell(self, step: Step) -> None:
        self._tell_turn(self._running.turn, step)

    def text(self, piece: str) -> None:
        self._buffer.add(piece, time.monotonic())

    def flush(self) -> None:
        self._buffer.flush()

    def _on_call(self, event: BeforeToolCallEvent[Any]) -> None:
        self.flush()
        use = event.tool_use
        if use["toolUseId"] in self._called:
            return
        self._called.add(use["toolUseId"])
        self._running.tool_calls += 1
        self._tell(Step(StepKind.TOOL_CALL, clean(use["name"], 100), arguments_text(use["input"])))

    def _on_result(self, event: AfterToolCallEvent[Any]) -> None:
        text, is_error = result_text(event.result)
        self._tell(Step(StepKind.TOOL_RESULT, clean(event.tool_use["name"], 100), text, is_error=is_error))


def _busy(running: _RunningTurn) -> str:
    turn = running.turn
    return (
        f"a turn of '{clean(turn.source, 128)}' runs since {time.monotonic() - running.began:.0f} s: "
        f"'{clean(turn.prompt, 200)}'; valid: after its end, or take_over"
    )


def _end_of(task: asyncio.Task[Any], running: _RunningTurn) -> TurnEnd:
    """Return how a turn ended; whatever a model or its client raises is the turn's failure, not the node's."""
    reason, message = _ending(task, running)
    return TurnEnd(
        reason, message, running.tool_calls, running.input_tokens, running.output_tokens,
        time.monotonic() - running.began,
    )  # fmt: skip


def _ending(task: asyncio.Task[Any], running: _RunningTurn) -> tuple[str, str]:
    error = None if task.cancelled() else task.exception()
    if running.cancelled.is_set() or task.cancelled():
        return "limit" if running.is_over_time else "cancelled", running.why or "cancelled"
    if isinstance(error, StrandsRobotsError):
        return "refused", clean(str(error), 1500)
    if error is not None:
        return "failed", f"{type(error).__name__}: {clean(str(error), 1500)}"
    result = task.result()
    reason = _REASONS.get(result.stop_reason, "limit" if "limit" in result.stop_reason else "failed")
    text = "\n".join(str(block["text"]) for block in result.message.get("content", []) if "text" in block)
    return reason, text if reason == ANSWERED else f"the turn ended with '{result.stop_reason}'. {text}".strip()
