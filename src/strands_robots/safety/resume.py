"""What a resume says, and every reason for which one is refused. No I/O."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

import rfc8785

from strands_robots.core.errors import ResumeRefusedError

PURPOSE = "resume"
"""What a signature under a resume is for; a signature for anything else is not valid here."""


class ResumeRefusal(enum.Enum):
    """Why a resume was refused; the values are what the service answers and what is audited."""

    NOTHING_STOPPED = "nothing_stopped"
    WRONG_STOP = "wrong_stop"
    ROBOT_SILENT = "robot_silent"
    NO_EVIDENCE_OF_REST = "no_evidence_of_rest"
    NO_SOURCE = "no_source"
    UNSIGNED = "unsigned"
    MALFORMED = "malformed"
    FOREIGN_CHALLENGE = "foreign_challenge"
    EXPIRED = "expired"
    REPLAYED = "replayed"
    UNKNOWN_KEY = "unknown_key"
    NO_ROLE = "no_role"
    WRONG_SOURCE = "wrong_source"
    WRONG_SIGNATURE = "wrong_signature"
    STOPPED_BY_SIGNER = "stopped_by_signer"
    SECOND_OPERATOR_MISSING = "second_operator_missing"
    BUSY = "busy"
    STOP_BUTTON = "stop_button"


@dataclass(frozen=True)
class ResumeRequest:
    """The fields of srv/ResumeGraph.

    Attributes:
        source: Who resumes, as "operator/<name>".
        reason: Why it is safe, in words.
        stop_id: The stop that is meant.
        challenge: What safety_node gave to be signed; empty without operator keys.
        key_id: Key that signed.
        signature: Ed25519 over `statement`, 64 bytes.
    """

    source: str
    reason: str
    stop_id: int
    challenge: str = ""
    key_id: str = ""
    signature: bytes = b""

    def statement(self, run_id: str, session: str) -> bytes:
        """Return the bytes that are signed: everything the request says, bound to one run and one start of safety_node.

        Source: RFC 8785, JSON Canonicalization Scheme. Numbers are written as text, because JSON has no 64-bit
            integers.
        """
        return rfc8785.dumps(
            {
                "challenge": self.challenge,
                "key": self.key_id,
                "reason": self.reason,
                "run": run_id,
                "session": session,
                "source": self.source,
                "stop": str(self.stop_id),
                "v": 1,
            }
        )


@dataclass(frozen=True)
class StopFacts:
    """The stop that is to be resumed.

    Attributes:
        stop_id: Its number.
        sources: All who asked for it, the first one first.
        reason: What the first one said.
    """

    stop_id: int
    sources: tuple[str, ...]
    reason: str = ""


class ResumeAuthority(Protocol):
    """Decides who may resume."""

    def challenge(self, stop_id: int, now: float) -> str:
        """Return what is to be signed for a resume of the stop, at steady time `now` [s]; empty when nothing is."""

    def check(self, request: ResumeRequest, stop: StopFacts, now: float) -> None:
        """Return if the request may resume the stop, at steady time `now` [s]. What a request proves with is then used
        up.

        Raises:
            ResumeRefusedError: If not; the stop stays latched.
        """


class AnyoneMayResume:
    """Authority of a graph without operator keys: access to the service is all that is asked."""

    def challenge(self, stop_id: int, now: float) -> str:
        """Return the empty text: nothing is signed."""
        return ""

    def check(self, request: ResumeRequest, stop: StopFacts, now: float) -> None:
        """Accept every person who gives a name."""
        if not request.source.strip():
            raise ResumeRefusedError(
                "resume needs a source; given an empty one; valid: who resumes, for example 'operator/anna'",
                ResumeRefusal.NO_SOURCE.value,
            )


class ResumeRule(enum.Enum):
    """Which signatures a resume needs.

    Attributes:
        ANY_OPERATOR: One, of any operator with the role.
        NOT_WHO_STOPPED: One, of an operator who did not ask for this stop. Sources of stops are not authenticated.
        TWO_OPERATORS: Two, of different persons, each on a challenge of their own.
    """

    ANY_OPERATOR = "any_operator"
    NOT_WHO_STOPPED = "not_who_stopped"
    TWO_OPERATORS = "two_operators"


@dataclass(frozen=True)
class AuthorityConfig:
    """Options of the signed authority.

    Attributes:
        run_id: Run of the graph.
        session: This start of safety_node.
        rule: Which signatures are needed.
        lifetime: Time in which a challenge must come back signed, and in which the second of two operators must sign
            [s].
    """

    run_id: str
    session: str
    rule: ResumeRule = ResumeRule.ANY_OPERATOR
    lifetime: float = 60.0
