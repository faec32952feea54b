"""What the messages of a fleet say. A closed list: a kind that is not here does not cross between machines.

No raw topics, parameters, keys or approvals. Sizes are bounded in the model, so that a message fits the transports' limits.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Name = Annotated[str, Field(max_length=64)]
Words = Annotated[str, Field(max_length=256, pattern=r"^[\x20-\x7e]*$")]
Sequence = Annotated[int, Field(ge=0, le=2**53 - 1)]


GATE_HEARD_MS = 2000
"""A gate whose last word is older says nothing of what its robot does now [ms]."""

TELL_ACTIONS = ("run_policy", "move_to")
TELL_FIELDS = 2048
"""Most characters of a tell's fields."""


class Body(BaseModel):
    """What every message's content has in common: no unknown member, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class GateReport(Body):
    """One gate of a robot's graph, from its own gate_state.

    Attributes:
        robot: Name of the robot on its graph.
        is_latched: Nothing may move it.
        is_at_rest: It reports rest.
        age_ms: Time since its last gate_state [ms].
    """

    robot: Name
    is_latched: bool
    is_at_rest: bool
    age_ms: Annotated[int, Field(ge=0, le=2**31)]


class Checkpoint(Body):
    """Where a member's audit log stands: a member of the audit's own signed checkpoint (docs/reference/audit_format.md).

    Attributes:
        log: Identity of the log.
        next_index: Index of the next record.
        head: Hash of the last line.
        key: Public key that signed.
        signature: The audit key's signature over the checkpoint.
        segment: Number of the newest segment; part of what is signed.
        wall_us: When, wall clock [us]; part of what is signed.
    """

    log: Id
    next_index: Sequence
    head: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
    segment: Sequence
    wall_us: Sequence


class Beacon(Body):
    """A member's heartbeat: what its gates say now. Judged by the receiver's own steady clock.

    Attributes:
        session: This start of the member's process.
        state: State of the graph's latch as safety_node says it, or "unheard".
        gates: Each gate of the graph; empty for operators.
        stop: The newest fleet stop that was heard in this session; empty before the first.
        graph_stop: Number of the stop that is latched on the graph; 0 for none.
        roster: Version of the roster that the member goes by.
        checkpoint: Newest checkpoint of its audit log, where it keeps one.
    """

    session: Id
    state: Literal["armed", "stopping", "stopped", "stop_not_confirmed", "unheard", "none"]
    gates: Annotated[list[GateReport], Field(max_length=16)] = []
    stop: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""
    graph_stop: Sequence = 0
    roster: Sequence = 0
    checkpoint: Checkpoint | None = None

    @property
    def is_at_rest(self) -> bool:
        """Every gate reports rest, and was heard lately. A graph of which no gate is heard may be moving."""
        return bool(self.gates) and all(gate.is_at_rest and gate.age_ms <= GATE_HEARD_MS for gate in self.gates)


class Stop(Body):
    """A stop as a state: repeated until every addressee has confirmed.

    Attributes:
        stop: Identity of the stop.
        reason: Why, in words.
    """

    stop: Id
    reason: Words


class StopReport(Body):
    """A robot's evidence of one fleet stop.

    Attributes:
        stop: The stop.
        session: Session of the robot's process.
        gates: Each gate of its graph, as reported after this stop was given to the graph.
        is_complete: Every gate of the graph is in the list and was heard after the stop.
    """

    stop: Id
    session: Id
    gates: Annotated[list[GateReport], Field(max_length=16)]
    is_complete: bool

    @property
    def is_latched(self) -> bool:
        """Every gate is latched."""
        return self.is_complete and all(gate.is_latched for gate in self.gates)

    @property
    def is_at_rest(self) -> bool:
        """Every gate is latched and at rest."""
        return self.is_latched and all(gate.is_at_rest for gate in self.gates)


class BeaconEcho(Body):
    """The robot's own newest beacon, sent back: the robot's steady clock says how old it is.

    Attributes:
        session: Session of the robot's process.
        sequence: Sequence of the beacon.
    """

    session: Id
    sequence: Sequence


class ChallengeRequest(Body):
    """Ask a graph for what is to be signed for a resume.

    Attributes:
        request: Identity of the question.
        echo: The robot's newest beacon.
    """

    request: Id
    echo: BeaconEcho


class Challenge(Body):
    """The graph's own answer to GetResumeChallenge, carried.

    Attributes:
        request: The question.
        success: There is a stop to resume.
        message: The graph's words.
        signature_needed: The graph asks for a signature.
        run_id: Run of the graph.
        safety_session: Start of safety_node.
        graph_stop: The stop that is latched.
        challenge: To be signed.
    """

    request: Id
    success: bool
    message: Annotated[str, Field(max_length=512)]
    signature_needed: bool = False
    run_id: Annotated[str, Field(max_length=64)] = ""
    safety_session: Annotated[str, Field(max_length=64)] = ""
    graph_stop: Sequence = 0
    challenge: Annotated[str, Field(max_length=256)] = ""


class Resume(Body):
    """A signed resume of one graph, carried to it unchanged (srv/ResumeGraph).

    Attributes:
        request: Identity of the request.
        echo: The robot's newest beacon.
        reason: Why it is safe.
        graph_stop: The stop that is meant.
        challenge: What safety_node gave.
        key_id: Key of the graph's keyring that signed.
        signature: Ed25519 over the graph's own statement, hex; empty where the graph asks for none.
    """

    request: Id
    echo: BeaconEcho
    reason: Words
    graph_stop: Sequence
    challenge: Annotated[str, Field(max_length=256)] = ""
    key_id: Annotated[str, Field(max_length=64)] = ""
    signature: Annotated[str, Field(pattern=r"^([0-9a-f]{128})?$")] = ""


class Tell(Body):
    """Ask a robot for one goal. It becomes a permit request on the robot's graph; nothing moves without the permit.

    Attributes:
        request: Identity of the request.
        echo: The robot's newest beacon.
        is_hardware: True for a real robot, false for a simulated one; must be what the robot is.
        action: The action server.
        fields: The goal's fields, JSON.
        needs_person: A person at the robot's graph has to approve it, whatever its policy says: who asked is not known.
    """

    request: Id
    echo: BeaconEcho
    is_hardware: bool
    action: Literal["run_policy", "move_to"]
    fields: Annotated[str, Field(max_length=TELL_FIELDS)]
    needs_person: bool = False


class Result(Body):
    """What became of a tell or a resume.

    Attributes:
        request: The request.
        state: refused, waiting for a person, running, or done.
        refusal: Name of the reason of a refusal; empty otherwise.
        message: The robot's words.
        success: The goal succeeded, or the graph is armed.
    """

    request: Id
    state: Literal["refused", "waiting", "running", "done"]
    refusal: Annotated[str, Field(max_length=32)] = ""
    message: Annotated[str, Field(max_length=512)] = ""
    success: bool = False


class Witness(Body):
    """A member's co-signature: it has seen this checkpoint of another member's log, and none that contradicts it.

    Attributes:
        member: Whose log.
        log: Identity of the log.
        next_index: Index of the next record.
        head: Hash of the last line.
        finding: Empty, or "smaller_index" or "other_head": what contradicts what was seen before.
    """

    member: Name
    log: Id
    next_index: Sequence
    head: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    finding: Literal["", "smaller_index", "other_head"] = ""


class PictureRequest(Body):
    """Ask a robot for one picture of a camera, uploaded to the fleet's store.

    Attributes:
        request: Identity of the request.
        echo: The robot's newest beacon.
        camera: Name of the camera on the robot's graph, "<robot>/<camera>".
        url: Where it goes: a URL of the store that takes one PUT.
    """

    request: Id
    echo: BeaconEcho
    camera: Annotated[str, Field(max_length=128)]
    url: Annotated[str, Field(max_length=2560)]


class PictureReference(Body):
    """What a robot has uploaded. The picture counts where its bytes have this hash.

    Attributes:
        request: The request.
        camera: Name of the camera.
        sha256: Hash of the bytes, hex.
        size: Number of bytes.
    """

    request: Id
    camera: Annotated[str, Field(max_length=128)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0, le=2**31)]


class RenewalRequest(Body):
    """A member's signed request for its next certificate (enrolment.py).

    Attributes:
        key: Its public key line.
        csr: Certificate signing request, PEM.
        signature: By the key over both, hex.
    """

    key: Annotated[str, Field(max_length=512)]
    csr: Annotated[str, Field(max_length=1024)]
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]


class RenewedCertificate(Body):
    """A member's next certificate, PEM. It authorises nothing; the member checks its key and its issuer."""

    certificate: Annotated[str, Field(max_length=2048)]


KINDS: dict[str, type[Body]] = {
    "beacon": Beacon,
    "stop": Stop,
    "stop_report": StopReport,
    "challenge_request": ChallengeRequest,
    "challenge": Challenge,
    "resume": Resume,
    "tell": Tell,
    "result": Result,
    "witness": Witness,
    "picture_request": PictureRequest,
    "picture": PictureReference,
    "renewal_request": RenewalRequest,
    "renewal": RenewedCertificate,
}
"""Every kind of message but the roster, which has a signature of its own."""

KIND_OF = {body: kind for kind, body in KINDS.items()}
