"""Decides when an event wakes the agent: edges of conditions, cool-downs, rates, and no chains of its own making. No I/O.

An event fires on the change to true, never on the state that is found at the start. What the agent may have caused itself
(during its turn, while a goal of its runs, or shortly after) counts one deeper than the turn it happened in, and beyond
`chain` it is left out: an agent cannot keep itself awake.
"""

from __future__ import annotations

import fnmatch
import json
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from strands_robots.agent.conversation.wake_rules import (
    Condition,
    WakeConfig,
    WakeRule,
    constant_value,
    find_field,
    split_path,
)
from strands_robots.agent.tools.tool_answer import DATA_NOTE, shorten
from strands_robots.approvals.approval_policy import Rate
from strands_robots.approvals.rate_limit import RateLimits

MOST_SEEN = 4096
MOST_DATA = 4000
"""Longest data of an event in its prompt [characters]."""

_GOAL_ENDS: Mapping[int, str] = {4: "succeeded", 5: "cancelled", 6: "aborted"}
"""Source: action_msgs/GoalStatus."""


def values_at(message: Any, path: str) -> list[Any]:
    """Return what a path finds in a message; empty where a list is too short."""
    found = [message]
    for name, index, is_every in split_path(path):
        parts = [getattr(item, name) for item in found]
        if is_every:
            found = [item for part in parts for item in part]
        elif index is not None:
            found = [part[index] for part in parts if len(part) > index]
        else:
            found = parts
    return found


class _Test:
    """One condition, with what it has to remember."""

    def __init__(self, condition: Condition, kind: str) -> None:
        self.condition = condition
        given = condition.equals if condition.equals is not None else condition.differs
        self._wanted = constant_value(find_field(kind, condition.field), given)
        self._holds = False
        self._last: list[Any] | None = None
        self._seen: OrderedDict[str, float] = OrderedDict()

    def look(self, message: Any, now: float) -> bool:
        """Return whether it holds for this message, which came at steady time `now` [s]."""
        condition, values = self.condition, values_at(message, self.condition.field)
        if condition.appears is not None:
            return bool(self._new([value for value in values if fnmatch.fnmatchcase(value, condition.appears)], now))
        if condition.changes is not None:
            last, self._last = self._last, values
            return last is not None and values != last
        if condition.equals is not None:
            return any(value == self._wanted for value in values)
        if condition.differs is not None:
            return any(value != self._wanted for value in values)
        self._holds = any(self._is_beyond(float(value)) for value in values)
        return self._holds

    def _is_beyond(self, value: float) -> bool:
        """Return whether a number is beyond the limit, or not yet back; NaN is neither."""
        below, above, until = self.condition.below, self.condition.above, self.condition.until
        if math.isnan(value):
            return self._holds
        if below is not None:
            return value < (until if self._holds and until is not None else below)
        assert above is not None
        return value > (until if self._holds and until is not None else above)

    def _new(self, values: list[str], now: float) -> list[str]:
        """Return the texts that were not there lately, and remember them all; those of the first message are known."""
        is_first, self._last = self._last is None, values
        fresh = [value for value in values if now - self._seen.get(value, -math.inf) > self.condition.forget]
        for value in values:
            self._seen[value] = now
            self._seen.move_to_end(value)
        while len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)
        return [] if is_first else fresh


class RuleWatch:
    """Turns the messages of one rule's topic into events.

    Args:
        rule: The rule; `wake_rules.problems_of` found nothing wrong with it.
    """

    def __init__(self, rule: WakeRule) -> None:
        self.rule = rule
        self._tests = [_Test(condition, rule.type) for condition in rule.when]
        self._is_first = True
        self._held = False
        self._ended: set[str] = set()

    def look(self, message: Any, now: float) -> list[dict[str, Any]]:
        """Return the data of each event that this message is; none for the first message."""
        if self.rule.goal:
            return self._goals(message)
        results = [test.look(message, now) for test in self._tests]  # Each of them, because each remembers.
        holds, held = all(results), self._held
        self._held = holds
        if self._is_first:
            self._is_first = False
            return []
        is_pulse = any(test.condition.is_pulse for test in self._tests)
        if not holds or (held and not is_pulse):
            return []
        return [{path: self._shown(message, path) for path in self.rule.data}]

    def _shown(self, message: Any, path: str) -> Any:
        values = values_at(message, path)
        return values if any(is_every for _, _, is_every in split_path(path)) else next(iter(values), None)

    def _goals(self, message: Any) -> list[dict[str, Any]]:
        """Return the ends of goals; those of the first message are from before."""
        ends = {
            bytes(entry.goal_info.goal_id.uuid).hex(): _GOAL_ENDS[entry.status]
            for entry in message.status_list
            if entry.status in _GOAL_ENDS
        }
        fresh = {goal: state for goal, state in ends.items() if goal not in self._ended}
        self._ended = set(ends)
        if self._is_first:
            self._is_first = False
            return []
        return [
            {"action": self.rule.goal, "goal_id": goal, "state": state}
            for goal, state in fresh.items()
            if state in self.rule.ends
        ]


@dataclass(frozen=True)
class Wake:
    """An event that begins a turn.

    Attributes:
        rule: Its rule.
        prompt: What the agent is asked.
        depth: How many events in a row it may have caused itself.
    """

    rule: WakeRule
    prompt: str
    depth: int


@dataclass
class _WaitingWake:
    data: dict[str, Any]
    depth: int
    since: float


@dataclass
class Waker:
    """Takes events and gives out wakes, one at a time. Called by one thread.

    Attributes:
        config: The rules' common limits.
        now: Steady clock [s].
        is_known: Takes an event's data; whether the agent was told of it meanwhile, so that it need not be woken.
        dropped: Events that woke no agent, by rule and reason, since they were last taken.
    """

    config: WakeConfig
    now: Callable[[], float]
    is_known: Callable[[dict[str, Any]], bool] = lambda data: False
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    _waiting: OrderedDict[str, _WaitingWake] = field(default_factory=OrderedDict)
    _rules: dict[str, WakeRule] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)
    _limits: RateLimits = field(default_factory=RateLimits)
    _depth: int = 0
    _active: float = -math.inf

    def turn_begins(self, depth: int) -> None:
        """Say that a turn begins: of a person (0), or of a wake."""
        self._depth, self._active = depth, self.now()

    def is_active(self) -> None:
        """Say that a turn, or a goal of the agent, goes on."""
        self._active = self.now()

    def event(self, rule: WakeRule, data: dict[str, Any]) -> None:
        """Take an event. Of a rule that waits already only the latest is kept."""
        now = self.now()
        depth = self._depth + 1 if now - self._active <= self.config.echo else 1
        if depth > self.config.chain:
            self.dropped[rule.name, "chain"] += 1
        elif now - self._last.get(rule.name, -math.inf) < rule.cooldown:
            self.dropped[rule.name, "cooldown"] += 1
        else:
            if rule.name in self._waiting:
                self.dropped[rule.name, "replaced"] += 1
            self._rules[rule.name] = rule
            self._waiting[rule.name] = _WaitingWake(data, depth, now)

    def next(self) -> Wake | None:
        """Return the wake to begin a turn with now, the oldest first; None for none."""
        while self._waiting:
            name, entry = self._waiting.popitem(last=False)
            rule, now = self._rules[name], self.now()
            if now - entry.since > self.config.stale:
                self.dropped[name, "stale"] += 1
                continue
            if self.is_known(entry.data):
                self.dropped[name, "known"] += 1
                continue
            rates = ((f"rule {name}", rule.rate), ("all rules", self.config.rate))
            if not all(self._limits.is_free(action, rate, now) for action, rate in rates):
                self.dropped[name, "rate"] += 1
                continue
            self._count(rates, now)
            self._last[name] = now
            return Wake(rule, wake_prompt(rule, entry.data), entry.depth)
        return None

    def take_dropped(self) -> dict[tuple[str, str], int]:
        """Return the events that woke no agent since the last time, by rule and reason."""
        taken, self.dropped = dict(self.dropped), Counter()
        return taken

    def _count(self, rates: Iterable[tuple[str, Rate]], now: float) -> None:
        for action, rate in rates:
            self._limits.count(action, rate, now)


def wake_prompt(rule: WakeRule, data: Mapping[str, Any]) -> str:
    """Return the rule's words with the event's fields behind them: as JSON, cleaned, bounded and marked as data."""
    words = f"Event '{rule.name}' of the robot graph; no person wrote this. {rule.prompt}"
    for most in (20, 5, 1):
        text = json.dumps({"data": shorten(dict(data), most), "note": DATA_NOTE})
        if len(text) <= MOST_DATA:
            break
    return f"{words}\n{text if len(text) <= MOST_DATA else json.dumps({'data': 'too long', 'note': DATA_NOTE})}"
