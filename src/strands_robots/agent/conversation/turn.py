"""A turn of an agent as data: what was asked, its steps, its end. No I/O."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass, field

ANSWERED = "answered"


class StepKind(enum.IntEnum):
    """Kinds of steps, numbered as in AgentEvent."""

    BEGIN = 1
    TEXT = 2
    TOOL_CALL = 3
    TOOL_RESULT = 4
    APPROVAL_WAITING = 5
    APPROVAL_DECIDED = 6
    END = 7


@dataclass(frozen=True)
class Step:
    """One step; AgentEvent.msg says what each kind has in its fields."""

    kind: StepKind
    name: str = ""
    text: str = ""
    request_id: str = ""
    is_error: bool = False


@dataclass(frozen=True)
class Turn:
    """What was asked.

    Attributes:
        prompt: The prompt; empty goes on with a turn that waited for a person.
        source: Who asks.
        session: Name of the conversation.
        depth: 0 for a person's turn; for one that an event began, how many such events in a row it may have caused itself.
        turn_id: Its identity, 32 hex digits.
    """

    prompt: str
    source: str
    session: str
    depth: int = 0
    turn_id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class TurnEnd:
    """How a turn ended; the fields are those of PromptAgent's result."""

    reason: str
    message: str
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    elapsed: float = 0.0

    @property
    def is_answered(self) -> bool:
        """Whether the model gave its answer."""
        return self.reason == ANSWERED
