"""Signed resumes: one test for each reason for which one is refused, and what the rules ask for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from strands_robots.core.errors import ConfigurationError, ResumeRefusedError
from strands_robots.operators.keyring import Role, save_keyring
from strands_robots.safety import signed_resume as authority_module
from strands_robots.safety.resume import (
    AnyoneMayResume,
    AuthorityConfig,
    ResumeRefusal,
    ResumeRequest,
    ResumeRule,
    StopFacts,
)
from strands_robots.safety.signed_resume import SignedResumeAuthority, make_authority
from strands_robots.safety.supervisor import Supervisor, SupervisorConfig

from .operators import keyring, operator_key, sign, signed_resume

NOW = 1000.0
STOP = StopFacts(3, ("agent/planner", "operator/bob"), "too close")
ANNA, BOB = operator_key("anna"), operator_key("bob")


def make(rule: ResumeRule = ResumeRule.ANY_OPERATOR, **options: object) -> SignedResumeAuthority:
    config = AuthorityConfig("run", "session", rule, **options)  # type: ignore[arg-type]
    return SignedResumeAuthority(config, keyring(ANNA, BOB))


def refusal(
    authority: SignedResumeAuthority, request: ResumeRequest, stop: StopFacts = STOP, now: float = NOW
) -> ResumeRefusal:
    with pytest.raises(ResumeRefusedError) as caught:
        authority.check(request, stop, now)
    assert str(caught.value).isascii()
    return ResumeRefusal(caught.value.reason)


def test_signature_of_an_operator_over_a_fresh_challenge_is_accepted() -> None:
    authority = make()
    authority.check(signed_resume(authority, ANNA, 3, NOW), STOP, NOW + 59.0)


def test_unsigned() -> None:
    assert refusal(make(), ResumeRequest("operator/anna", "please", 3)) is ResumeRefusal.UNSIGNED


@pytest.mark.parametrize("challenge", ["", "x", "3.5", "1.2.zz.aa", "\u0663.1." + "0" * 32 + "." + "0" * 64])
def test_malformed_challenge(challenge: str) -> None:
    request = ResumeRequest("operator/anna", "ok", 3, challenge, ANNA.public.key_id, bytes(64))
    assert refusal(make(), request) is ResumeRefusal.MALFORMED


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(65)])
def test_malformed_signature(signature: bytes) -> None:
    authority = make()
    request = dataclasses.replace(signed_resume(authority, ANNA, 3, NOW), signature=signature)
    assert refusal(authority, request) is ResumeRefusal.MALFORMED


def test_challenge_of_another_start_of_safety_node() -> None:
    request = signed_resume(make(), ANNA, 3, NOW)
    assert refusal(make(), request) is ResumeRefusal.FOREIGN_CHALLENGE


@pytest.mark.parametrize("field", [0, 1, 2, 3])
def test_challenge_with_a_changed_part(field: int) -> None:
    authority = make()
    parts = authority.challenge(3, NOW).split(".")
    parts[field] = str(int(parts[field]) + 1) if field < 2 else parts[field][::-1]
    request = signed_resume(authority, ANNA, 3, NOW, challenge=".".join(parts))
    assert refusal(authority, request) is ResumeRefusal.FOREIGN_CHALLENGE


def test_challenge_for_another_stop() -> None:
    authority = make()
    request = signed_resume(authority, ANNA, 3, NOW, challenge=authority.challenge(2, NOW))
    assert refusal(authority, request) is ResumeRefusal.WRONG_STOP


def test_expired_challenge() -> None:
    authority = make(lifetime=10.0)
    request = signed_resume(authority, ANNA, 3, NOW)
    assert refusal(authority, request, now=NOW + 10.1) is ResumeRefusal.EXPIRED


def test_replayed_challenge() -> None:
    authority = make()
    request = signed_resume(authority, ANNA, 3, NOW)
    authority.check(request, STOP, NOW)
    assert refusal(authority, request, now=NOW + 1.0) is ResumeRefusal.REPLAYED
    other = sign(dataclasses.replace(request, source="operator/bob", key_id=BOB.public.key_id), BOB, "run", "session")
    assert refusal(authority, other) is ResumeRefusal.REPLAYED


def test_unknown_key() -> None:
    authority = make()
    assert refusal(authority, signed_resume(authority, operator_key("eve"), 3, NOW)) is ResumeRefusal.UNKNOWN_KEY


def test_known_key_under_another_name() -> None:
    authority = make()
    renamed = dataclasses.replace(ANNA, name="bob")
    assert refusal(authority, signed_resume(authority, renamed, 3, NOW)) is ResumeRefusal.UNKNOWN_KEY


def test_key_without_the_role() -> None:
    authority = SignedResumeAuthority(AuthorityConfig("run", "session"), keyring(ANNA, roles=frozenset({Role.APPROVE})))
    assert refusal(authority, signed_resume(authority, ANNA, 3, NOW)) is ResumeRefusal.NO_ROLE


def test_source_that_is_not_the_signer() -> None:
    authority = make()
    request = signed_resume(authority, ANNA, 3, NOW, source="operator/bob")
    assert refusal(authority, request) is ResumeRefusal.WRONG_SOURCE


def test_signature_of_another_key() -> None:
    authority = make()
    request = signed_resume(authority, ANNA, 3, NOW)
    forged = sign(request, BOB, "run", "session")
    assert refusal(authority, forged) is ResumeRefusal.WRONG_SIGNATURE


@pytest.mark.parametrize("changes", [{"reason": "changed later"}, {"stop_id": 4}])
def test_signature_over_another_request(changes: dict[str, object]) -> None:
    authority = make()
    request = dataclasses.replace(signed_resume(authority, ANNA, 3, NOW), **changes)  # type: ignore[arg-type]
    assert refusal(authority, request) is ResumeRefusal.WRONG_SIGNATURE


@pytest.mark.parametrize(("run", "session"), [("run", "other"), ("other", "session")])
def test_signature_for_another_run_or_session(run: str, session: str) -> None:
    authority = make()
    request = sign(signed_resume(authority, ANNA, 3, NOW), ANNA, run, session)
    assert refusal(authority, request) is ResumeRefusal.WRONG_SIGNATURE


def test_signature_for_another_purpose() -> None:
    authority = make()
    request = signed_resume(authority, ANNA, 3, NOW)
    signature = ANNA.sign("approval", request.statement("run", "session"))
    assert refusal(authority, dataclasses.replace(request, signature=signature)) is ResumeRefusal.WRONG_SIGNATURE


def test_wrong_signature_does_not_use_up_the_challenge() -> None:
    authority = make()
    request = signed_resume(authority, ANNA, 3, NOW)
    refusal(authority, dataclasses.replace(request, signature=bytes(64)))
    authority.check(request, STOP, NOW)


def test_used_challenges_are_forgotten_when_they_expire_and_never_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority_module, "_MOST_USED", 2)
    authority = make(lifetime=10.0)
    for _ in range(2):
        authority.check(signed_resume(authority, ANNA, 3, NOW), STOP, NOW)
    assert refusal(authority, signed_resume(authority, ANNA, 3, NOW)) is ResumeRefusal.BUSY
    authority.check(signed_resume(authority, ANNA, 3, NOW + 11.0), STOP, NOW + 11.0)


def test_who_stopped_may_not_resume_alone() -> None:
    authority = make(ResumeRule.NOT_WHO_STOPPED)
    assert refusal(authority, signed_resume(authority, BOB, 3, NOW)) is ResumeRefusal.STOPPED_BY_SIGNER
    authority.check(signed_resume(authority, ANNA, 3, NOW), STOP, NOW)


def test_two_operators_have_to_sign() -> None:
    authority = make(ResumeRule.TWO_OPERATORS)
    assert refusal(authority, signed_resume(authority, ANNA, 3, NOW)) is ResumeRefusal.SECOND_OPERATOR_MISSING
    assert refusal(authority, signed_resume(authority, ANNA, 3, NOW)) is ResumeRefusal.SECOND_OPERATOR_MISSING
    authority.check(signed_resume(authority, BOB, 3, NOW), STOP, NOW)
    again = refusal(authority, signed_resume(authority, BOB, 3, NOW))
    assert again is ResumeRefusal.SECOND_OPERATOR_MISSING, "signatures are used up"


def test_two_keys_of_one_person_are_one_person() -> None:
    second = operator_key("anna")
    config = AuthorityConfig("run", "session", ResumeRule.TWO_OPERATORS)
    authority = SignedResumeAuthority(config, keyring(ANNA, second, BOB))
    refusal(authority, signed_resume(authority, ANNA, 3, NOW))
    assert refusal(authority, signed_resume(authority, second, 3, NOW)) is ResumeRefusal.SECOND_OPERATOR_MISSING


def test_first_of_two_signatures_expires() -> None:
    authority = make(ResumeRule.TWO_OPERATORS, lifetime=10.0)
    refusal(authority, signed_resume(authority, ANNA, 3, NOW))
    later = NOW + 11.0
    late = refusal(authority, signed_resume(authority, BOB, 3, later), now=later)
    assert late is ResumeRefusal.SECOND_OPERATOR_MISSING


def test_first_of_two_signatures_is_not_for_the_next_stop() -> None:
    authority = make(ResumeRule.TWO_OPERATORS)
    refusal(authority, signed_resume(authority, ANNA, 3, NOW))
    following = StopFacts(4, ("robot/arm",))
    missing = refusal(authority, signed_resume(authority, BOB, 4, NOW), following)
    assert missing is ResumeRefusal.SECOND_OPERATOR_MISSING


def test_anyone_may_resume_who_gives_a_name() -> None:
    anyone = AnyoneMayResume()
    assert anyone.challenge(3, NOW) == ""
    anyone.check(ResumeRequest("operator/anna", "ok", 3), STOP, NOW)
    with pytest.raises(ResumeRefusedError) as caught:
        anyone.check(ResumeRequest(" ", "ok", 3), STOP, NOW)
    assert caught.value.reason == ResumeRefusal.NO_SOURCE.value


def test_supervisor_with_the_authority_arms_once() -> None:
    authority = make()
    supervisor = Supervisor(SupervisorConfig("run", "session"), NOW, authority)
    request = signed_resume(authority, ANNA, supervisor.stop_id, NOW)
    assert supervisor.resume(request, NOW) == 1
    supervisor.request_stop("operator/bob", "again", NOW)
    with pytest.raises(ResumeRefusedError) as caught:
        supervisor.resume(dataclasses.replace(request, stop_id=supervisor.stop_id), NOW)
    assert caught.value.reason == ResumeRefusal.WRONG_STOP.value
    assert not supervisor.is_armed


def test_challenge_is_used_up_although_a_robot_is_the_reason_for_the_refusal() -> None:
    authority = make()
    config = SupervisorConfig("run", "session", expected=("arm",))
    supervisor = Supervisor(config, NOW, authority)
    request = signed_resume(authority, ANNA, supervisor.stop_id, NOW)
    for reason in (ResumeRefusal.ROBOT_SILENT, ResumeRefusal.REPLAYED):
        with pytest.raises(ResumeRefusedError) as caught:
            supervisor.resume(request, NOW)
        assert caught.value.reason == reason.value


def test_stop_keeps_everybody_who_asked_for_it() -> None:
    supervisor = Supervisor(SupervisorConfig("run", "session", arm_on_start=True), NOW)
    assert supervisor.stop is None
    for number in range(100):
        supervisor.request_stop(f"operator/{number}", "stop", NOW)
        supervisor.request_stop("operator/0", "again", NOW)
    assert supervisor.stop is not None
    assert supervisor.stop.sources == tuple(f"operator/{number}" for number in range(64))


def test_without_a_keyring_everybody_resumes_unless_signatures_are_required() -> None:
    terms = AuthorityConfig("run", "session")
    assert isinstance(make_authority("", False, terms), AnyoneMayResume)
    with pytest.raises(ConfigurationError, match="no keyring is given"):
        make_authority("", True, terms)


@pytest.mark.parametrize(
    ("rule", "names", "is_enough"),
    [
        (ResumeRule.ANY_OPERATOR, ["anna"], True),
        (ResumeRule.ANY_OPERATOR, [], False),
        (ResumeRule.NOT_WHO_STOPPED, ["anna"], False),
        (ResumeRule.TWO_OPERATORS, ["anna", "anna"], False),
        (ResumeRule.TWO_OPERATORS, ["anna", "bob"], True),
    ],
)
def test_keyring_must_have_the_operators_that_the_rule_needs(
    tmp_path: Path, rule: ResumeRule, names: list[str], is_enough: bool
) -> None:
    path = tmp_path / "keyring.yaml"
    save_keyring(path, keyring(*(operator_key(name) for name in names)))
    terms = AuthorityConfig("run", "session", rule)
    if is_enough:
        assert isinstance(make_authority(str(path), True, terms), SignedResumeAuthority)
        return
    with pytest.raises(ConfigurationError, match=f"rule '{rule.value}' needs"):
        make_authority(str(path), True, terms)
