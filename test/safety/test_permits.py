"""Permits: one test for each refusal, and every order of asking, deciding, using and waiting."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from strands_robots.approvals import rate_limit
from strands_robots.approvals.approval_policy import ApprovalPolicy, Rate, RequestClass
from strands_robots.approvals.approval_refusal import ApprovalRefusal, ApprovalRefusedError
from strands_robots.approvals.permits import Asker, Moment, PermitDesk, PermitState
from strands_robots.approvals.rate_limit import RateLimits
from strands_robots.operators.keyring import Role

from .desks import AGENT, ANNA, BOB, OPERATORS, POLICY, RUN, Desk, DiskDesk, request
from .operators import keyring, operator_key


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refusal(call: Callable[[], object]) -> ApprovalRefusal:
    with pytest.raises(ApprovalRefusedError) as caught:
        call()
    assert str(caught.value).isascii()
    assert "words of a person" not in str(caught.value)
    return caught.value.refusal


# --- Asking -------------------------------------------------------------------------------------------------


def test_free_and_audited_requests_go_on_at_once(desk: Desk) -> None:
    assert desk.ask(request("world/get_state")).request_class is RequestClass.FREE
    answer = desk.ask(request("world/reset"))
    assert (answer.request_class, answer.ticket, answer.permit_id) == (RequestClass.AUDITED, None, "")


def test_stop_never_waits_and_has_no_limit(desk: Desk) -> None:
    stop = dataclasses.replace(request("safety/stop"), kind="strands_robots/srv/StopGraph")
    for _ in range(1000):
        assert desk.ask(stop).request_class is RequestClass.FREE


def test_request_that_needs_approval_waits(desk: Desk) -> None:
    answer = desk.ask()
    assert answer.ticket is not None
    assert answer.ticket.state is PermitState.PENDING
    assert desk.desk.tickets() == (answer.ticket,)
    assert answer.permit_id not in str(answer.ticket), "people never see the secret"


def test_forbidden(desk: Desk) -> None:
    assert refusal(lambda: desk.ask(request("world/forbidden"))) is ApprovalRefusal.FORBIDDEN
    assert refusal(lambda: desk.ask(request("safety/resume"))) is ApprovalRefusal.FORBIDDEN


@pytest.mark.parametrize("asker", [Asker("", "s"), Asker(" ", "s"), Asker("agent/x", "")])
def test_no_asker(desk: Desk, asker: Asker) -> None:
    assert refusal(lambda: desk.ask(asker=asker)) is ApprovalRefusal.NO_ASKER


def test_rate_limit_of_free_requests(desk: Desk) -> None:
    for _ in range(3):
        desk.ask(request("world/get_state"))
    assert refusal(lambda: desk.ask(request("world/get_state"))) is ApprovalRefusal.RATE_LIMITED
    desk.wait(10.0)
    desk.ask(request("world/get_state"))


def test_rate_limit_counts_what_waits_what_is_approved_and_what_was_used(desk: Desk) -> None:
    first = desk.approved(request(x=1))
    desk.use(first)
    desk.approved(request(x=2))
    desk.ask(request(x=3))
    assert refusal(lambda: desk.ask(request(x=4))) is ApprovalRefusal.RATE_LIMITED


def test_declined_and_expired_requests_consume_no_rate_limit(desk: Desk) -> None:
    for number in range(5):
        desk.decide(desk.ask(request(x=number)), is_approved=False)
        desk.wait(1000.0)
    for number in range(10, 13):
        desk.ask(request(x=number))
    desk.wait(101.0)
    desk.desk.tick(desk.now)
    for number in range(20, 23):
        desk.approved(request(x=number))
    desk.wait(61.0)
    desk.desk.tick(desk.now)
    for number in range(30, 33):
        desk.ask(request(x=number))


def test_same_request_of_another_start_is_not_asked_twice_and_expires(desk: Desk) -> None:
    desk.ask()
    other = Asker(AGENT.source, "start-2")
    assert refusal(lambda: desk.ask(asker=other)) is ApprovalRefusal.ALREADY_PENDING
    desk.ask(asker=Asker("agent/other", "s"))
    desk.wait(101.0)
    desk.ask(asker=other)


def test_request_whose_answer_was_lost_is_given_back_to_its_asker(desk: Desk) -> None:
    lost, again = desk.ask(), desk.ask()
    assert lost.ticket is not None and again.ticket is not None
    assert lost.ticket.request_id == again.ticket.request_id and lost.permit_id != again.permit_id
    assert len(desk.desk.tickets()) == 1, "it takes one slot"
    desk.decide(again)
    assert refusal(lambda: desk.use(lost)) is ApprovalRefusal.UNKNOWN_PERMIT
    desk.use(again)


def test_approved_permit_whose_id_was_lost_is_given_back_and_counts_once(tmp_path: Path) -> None:
    disk = DiskDesk(tmp_path)
    lost = disk.approved()
    again = disk.ask()
    disk.restart()
    assert refusal(lambda: disk.use(lost)) is ApprovalRefusal.UNKNOWN_PERMIT, "the old id is worth nothing on the disk"
    disk.use(again)
    assert refusal(lambda: disk.use(again)) is ApprovalRefusal.ALREADY_USED


def test_declined_interface_is_not_asked_for_again_for_a_while_however_it_is_varied(desk: Desk) -> None:
    desk.decide(desk.ask(), is_approved=False)
    variations = (request(), request(x=1e-9), request(y="please"))
    for asker in (AGENT, Asker(AGENT.source, "start-2"), Asker(f"{AGENT.source}/another-session", "s")):
        for varied in variations:
            assert (
                refusal(lambda varied=varied, asker=asker: desk.ask(varied, asker)) is ApprovalRefusal.DECLINED_LATELY
            )
    desk.ask(request("other/action"))
    desk.ask(asker=Asker("agent/other", "s"))
    desk.wait(31.0)
    desk.decide(desk.ask(request(x=2)), is_approved=False)
    desk.wait(31.0)
    assert refusal(desk.ask) is ApprovalRefusal.DECLINED_LATELY, "the second pause is twice as long"
    desk.wait(30.0)
    desk.approved()
    desk.decide(desk.ask(request(x=3)), is_approved=False)
    desk.wait(31.0)
    desk.ask(request(x=4))


def test_refusal_after_declining_says_not_to_retry_or_vary(desk: Desk) -> None:
    desk.decide(desk.ask(), is_approved=False)
    with pytest.raises(ApprovalRefusedError, match="Do not retry it and do not vary it") as caught:
        desk.ask(request(x=5))
    assert "words of a person" not in str(caught.value)


def test_rules_are_seen_from_the_namespace_of_the_graph() -> None:
    inside, outside = request("left/world/get_state"), request("right/world/get_state")
    desk = Desk()
    desk.desk = PermitDesk(POLICY, OPERATORS, desk.journal, RUN, namespace="/left")
    assert desk.ask(inside).ticket is None, "world/get_state is free"
    assert refusal(lambda: desk.ask(outside)) is ApprovalRefusal.FORBIDDEN
    assert refusal(lambda: desk.ask(request("world/get_state"))) is ApprovalRefusal.FORBIDDEN


def test_too_many_pending_of_one_asker_and_of_all() -> None:
    desk = Desk(POLICY.model_copy(update={"most_pending": 3, "most_pending_of_asker": 2}))
    names = iter(range(100))

    def ask(asker: str) -> object:
        return desk.ask(request(f"other/action_{next(names)}"), Asker(asker, "s"))

    ask("agent/a")
    ask("agent/a")
    assert refusal(lambda: ask("agent/a")) is ApprovalRefusal.TOO_MANY_PENDING
    ask("agent/b")
    assert refusal(lambda: ask("agent/c")) is ApprovalRefusal.TOO_MANY_PENDING


# --- Deciding -----------------------------------------------------------------------------------------------


def test_decision_is_recorded_before_it_is_told(desk: Desk) -> None:
    ticket = desk.decide(desk.ask())
    assert (ticket.state, ticket.decided_by) == (PermitState.APPROVED, "operator/anna")
    assert desk.journal.records == [("approved", ticket.request_id)]


def test_unknown_request(desk: Desk) -> None:
    answer = desk.ask()
    assert refusal(lambda: desk.decide(answer, request_id="x")) is ApprovalRefusal.UNKNOWN_REQUEST


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_already_decided(desk: Desk, first: bool, second: bool) -> None:
    answer = desk.ask()
    ticket = desk.decide(answer, first)
    assert refusal(lambda: desk.decide(answer, second, BOB)) is ApprovalRefusal.ALREADY_DECIDED
    assert desk.desk.tickets()[0] == ticket


def test_decision_about_an_expired_request(desk: Desk) -> None:
    answer = desk.ask()
    desk.wait(100.0)
    assert refusal(lambda: desk.decide(answer)) is ApprovalRefusal.EXPIRED


def test_decision_about_another_content(desk: Desk) -> None:
    answer = desk.ask()
    assert refusal(lambda: desk.decide(answer, digest=request(x=1).digest)) is ApprovalRefusal.WRONG_REQUEST


def test_decision_of_an_unknown_key(desk: Desk) -> None:
    answer = desk.ask()
    assert refusal(lambda: desk.decide(answer, key=operator_key("eve"))) is ApprovalRefusal.UNKNOWN_KEY


def test_decision_of_a_key_without_the_role() -> None:
    desk = Desk(operators=keyring(ANNA, roles=frozenset({Role.RESUME})))
    answer = desk.ask()
    assert refusal(lambda: desk.decide(answer)) is ApprovalRefusal.NO_ROLE


def test_decision_about_ones_own_request(desk: Desk) -> None:
    answer = desk.ask(asker=Asker("operator/anna", "s"))
    assert refusal(lambda: desk.decide(answer)) is ApprovalRefusal.OWN_REQUEST
    desk.decide(answer, key=BOB)


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": bytes(64)},
        {"signature": b""},
        {"is_approved": False},
        {"text": "other words"},
        {"text": "x" * 1025},
        {"key_id": BOB.public.key_id},
    ],
)
def test_signature_that_does_not_fit(desk: Desk, changes: dict[str, object]) -> None:
    answer = desk.ask()
    changed = dataclasses.replace(desk.decision(answer), **changes)  # type: ignore[arg-type]
    assert refusal(lambda: desk.desk.decide(changed, desk.now)) is ApprovalRefusal.WRONG_SIGNATURE
    assert desk.desk.tickets()[0].state is PermitState.PENDING


def test_signature_for_another_run(desk: Desk) -> None:
    decision = desk.decision(desk.ask(), run="other run")
    assert refusal(lambda: desk.desk.decide(decision, desk.now)) is ApprovalRefusal.WRONG_SIGNATURE


def test_signature_cannot_be_carried_to_an_equal_request(desk: Desk) -> None:
    first = desk.ask()
    second = desk.ask(asker=Asker("agent/other", "s"))
    assert second.ticket is not None
    carried = dataclasses.replace(desk.decision(first), request_id=second.ticket.request_id)
    assert refusal(lambda: desk.desk.decide(carried, desk.now)) is ApprovalRefusal.WRONG_SIGNATURE


def test_approval_that_cannot_be_recorded_does_not_count(desk: Desk) -> None:
    answer = desk.ask()
    desk.journal.is_full = True
    assert refusal(lambda: desk.decide(answer)) is ApprovalRefusal.NOT_RECORDED
    assert refusal(lambda: desk.use(answer)) is ApprovalRefusal.PENDING


# --- Using --------------------------------------------------------------------------------------------------


def test_permit_is_used_once(desk: Desk) -> None:
    answer = desk.approved()
    assert desk.use(answer).state is PermitState.USED
    assert desk.journal.records[-1][0] == "used"
    assert refusal(lambda: desk.use(answer)) is ApprovalRefusal.ALREADY_USED


def test_unknown_permit(desk: Desk) -> None:
    answer = dataclasses.replace(desk.approved(), permit_id="0" * 32)
    assert refusal(lambda: desk.use(answer)) is ApprovalRefusal.UNKNOWN_PERMIT


def test_request_id_is_no_permit(desk: Desk) -> None:
    answer = desk.approved()
    assert answer.ticket is not None
    guessed = dataclasses.replace(answer, permit_id=answer.ticket.request_id)
    assert refusal(lambda: desk.use(guessed)) is ApprovalRefusal.UNKNOWN_PERMIT


@pytest.mark.parametrize("asker", [Asker("agent/other", "start-1"), Asker("agent/planner", "start-2")])
def test_permit_of_somebody_else(desk: Desk, asker: Asker) -> None:
    answer = desk.approved()
    assert refusal(lambda: desk.use(answer, asker=asker)) is ApprovalRefusal.WRONG_ASKER
    desk.use(answer)


@pytest.mark.parametrize("other", [request(x=1), request("so101/other")])
def test_permit_for_another_request(desk: Desk, other: object) -> None:
    answer = desk.approved()
    assert refusal(lambda: desk.use(answer, other)) is ApprovalRefusal.WRONG_REQUEST  # type: ignore[arg-type]


def test_permit_before_the_decision(desk: Desk) -> None:
    answer = desk.ask()
    assert refusal(lambda: desk.use(answer)) is ApprovalRefusal.PENDING


def test_declined_permit_says_nothing_of_the_words(desk: Desk) -> None:
    answer = desk.ask()
    desk.decide(answer, is_approved=False)
    assert refusal(lambda: desk.use(answer)) is ApprovalRefusal.DECLINED


@pytest.mark.parametrize("clock", ["both", "wall"])
def test_expired_permit(desk: Desk, clock: str) -> None:
    answer = desk.approved()
    if clock == "both":
        desk.wait(60.0)
    else:
        desk.now = Moment(desk.now.wall + 60.0, desk.now.steady)
    assert refusal(lambda: desk.use(answer)) is ApprovalRefusal.EXPIRED


def test_wall_clock_set_back_does_not_prolong_a_permit(desk: Desk) -> None:
    answer = desk.approved()
    desk.now = Moment(desk.now.wall - 3600.0, desk.now.steady + 60.0)
    assert refusal(lambda: desk.use(answer)) is ApprovalRefusal.EXPIRED


def test_permit_whose_use_cannot_be_recorded_is_used_up(desk: Desk) -> None:
    answer = desk.approved()
    desk.journal.is_full = True
    assert refusal(lambda: desk.use(answer)) is ApprovalRefusal.NOT_RECORDED
    desk.journal.is_full = False
    assert refusal(lambda: desk.use(answer)) is ApprovalRefusal.ALREADY_USED


def test_permit_for_what_is_forbidden_by_now(desk: Desk) -> None:
    answer = desk.approved()
    rules = [{"name": "so101/**", "class": "forbidden"}]
    stricter = ApprovalPolicy.model_validate({"version": 1, "rules": rules})
    desk.desk = PermitDesk(stricter, OPERATORS, desk.journal, RUN, desk.desk.tickets())
    assert refusal(lambda: desk.use(answer)) is ApprovalRefusal.FORBIDDEN


def test_finished_requests_are_forgotten_after_a_while_and_beyond_a_number(desk: Desk) -> None:
    for number in range(300):
        desk.decide(desk.ask(request(f"other/a{number}")), is_approved=False)
    desk.desk.tick(desk.now)
    assert len(desk.desk.tickets()) == 256
    desk.wait(700.0)
    desk.desk.tick(desk.now)
    assert desk.desk.tickets() == ()


def test_rate_limits_share_one_window_beyond_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "_MOST_ACTIONS", 2)
    limits, rate = RateLimits(), Rate(count=1, period=10.0)
    for action in ("a", "b"):
        assert limits.is_free(action, rate, 0.0)
        limits.count(action, rate, 0.0)
    assert limits.is_free("c", rate, 0.0)
    limits.count("c", rate, 0.0)
    assert not limits.is_free("d", rate, 0.0)


def test_rate_limits_forget_actions_that_are_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "_MOST_ACTIONS", 2)
    limits, rate = RateLimits(), Rate(count=1, period=10.0)
    for number in range(100):
        assert limits.is_free(f"idle_{number}", rate, 0.0)
    limits.reserve("a")
    limits.reserve("b")
    assert not limits.is_free("a", rate, 0.0)
    limits.give_back("a")
    assert limits.is_free("a", rate, 0.0)


class EveryOrder(RuleBasedStateMachine):
    """Whatever is asked, decided, used and waited for, a request is made only once and only as it was approved."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.answers: list[object] = []
        self.approved_at: dict[str, float] = {}
        self.used: list[str] = []

    @rule(x=st.integers(0, 3))
    def ask(self, x: int) -> None:
        try:
            self.answers.append(self.desk.ask(request(x=x)))
        except ApprovalRefusedError:
            return

    @rule(index=st.integers(0, 100), is_approved=st.booleans())
    def decide(self, index: int, is_approved: bool) -> None:
        if not self.answers:
            return
        answer = self.answers[index % len(self.answers)]
        try:
            ticket = self.desk.decide(answer, is_approved)  # type: ignore[arg-type]
        except ApprovalRefusedError:
            return
        if is_approved:
            self.approved_at[ticket.request_id] = self.desk.now.steady

    @rule(index=st.integers(0, 100), other=st.integers(0, 100))
    def use(self, index: int, other: int) -> None:
        if not self.answers:
            return
        answer, meant = (self.answers[number % len(self.answers)] for number in (index, other))
        try:
            ticket = self.desk.use(answer, meant.ticket.request)  # type: ignore[arg-type, attr-defined]
        except ApprovalRefusedError:
            return
        assert ticket.request.digest == meant.ticket.request.digest  # type: ignore[attr-defined]
        assert self.desk.now.steady - self.approved_at[ticket.request_id] < 60.0
        self.used.append(ticket.request_id)

    @rule(seconds=st.sampled_from([1.0, 20.0, 61.0]), wall=st.sampled_from([-3600.0, 0.0, 1.0]))
    def wait(self, seconds: float, wall: float) -> None:
        self.desk.now = Moment(self.desk.now.wall + wall, self.desk.now.steady + seconds)

    @invariant()
    def every_permit_is_used_at_most_once(self) -> None:
        assert len(self.used) == len(set(self.used))

    @invariant()
    def places_are_never_lost(self) -> None:
        reserved = self.desk.desk._rates._reserved["so101/move_to"]
        is_open = (PermitState.PENDING, PermitState.APPROVED)
        assert reserved == sum(ticket.state in is_open for ticket in self.desk.desk.tickets())


TestEveryOrder = EveryOrder.TestCase
TestEveryOrder.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


# --- Whose decision counts ----------------------------------------------------------------------------------

ANNAS = ApprovalPolicy.model_validate(
    {"version": 1, "rules": [{"name": "so101/move_to", "class": "needs_approval", "by": ["anna"]}]}
)


def test_only_an_operator_whom_the_rule_names_decides() -> None:
    desk = Desk(ANNAS)
    answer = desk.ask()
    assert refusal(lambda: desk.decide(answer, key=BOB)) is ApprovalRefusal.NO_ROLE
    assert desk.decide(answer, key=ANNA).state is PermitState.APPROVED


def test_permit_of_another_operator_is_void_when_the_rule_names_one_after_a_restart(tmp_path: Path) -> None:
    desk = DiskDesk(tmp_path)
    answer = desk.ask()
    desk.decide(answer, key=BOB)
    desk.restart(policy=ANNAS)
    assert "operator/bob may not decide about this; valid: anna" in desk.problem
    assert refusal(lambda: desk.use(answer)) is ApprovalRefusal.UNKNOWN_PERMIT
