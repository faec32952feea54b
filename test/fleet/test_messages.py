"""What is let in: one test for each reason of a refusal."""

from __future__ import annotations

import json

import pytest
import rfc8785
from fleet_rig import Fleet, new_key

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.bodies import Beacon, BeaconEcho, ChallengeRequest, Stop, StopReport
from strands_robots.fleet.channel import Channel
from strands_robots.fleet.envelope import LARGEST, open_envelope, seal
from strands_robots.fleet.message_numbers import Numbers
from strands_robots.fleet.refusal import FleetRefusal, FleetRefusedError
from strands_robots.fleet.roster_keeper import RosterKeeper, load_roster
from strands_robots.operators.operator_key import OperatorKey

STOP = Stop(stop="a" * 32, reason="test")
BEACON = Beacon(session="b" * 32, state="armed")


def refusal_of(channel: Channel, data: bytes) -> FleetRefusal:
    with pytest.raises(FleetRefusedError) as caught:
        channel.open(data)
    return caught.value.refusal


def test_a_message_comes_through_unchanged_and_says_who_sent_it(fleet: Fleet) -> None:
    received = fleet.channel("arm1").open(fleet.channel("anna").seal("arm1", STOP).encoded())
    assert (received.sender.name, received.body) == ("anna", STOP)


def test_forged_source_is_refused(fleet: Fleet) -> None:
    forged = OperatorKey("anna", fleet.keys["arm2"].private)
    data = seal(forged, "lab", "arm1", 1, STOP).encoded()
    assert refusal_of(fleet.channel("arm1"), data) is FleetRefusal.WRONG_SIGNATURE


def test_a_changed_message_is_refused(fleet: Fleet) -> None:
    data = fleet.channel("anna").seal("arm1", STOP).encoded().replace(b'"to":"arm1"', b'"to":"arm2"')
    assert refusal_of(fleet.channel("arm2"), data) is FleetRefusal.WRONG_SIGNATURE


def test_a_signature_for_another_kind_is_refused(fleet: Fleet) -> None:
    report = StopReport(stop="a" * 32, session="b" * 32, gates=[], is_complete=False)
    signed = seal(fleet.keys["arm1"], "lab", "anna", 1, report)
    as_resume = signed.signed.replace(b'"kind":"stop_report"', b'"kind":"beacon"')
    data = b'{"message":' + as_resume + b',"signature":"' + signed.signature.hex().encode() + b'"}'
    assert refusal_of(fleet.channel("anna"), data) in (FleetRefusal.MALFORMED, FleetRefusal.WRONG_SIGNATURE)


def test_unsigned_is_refused(fleet: Fleet) -> None:
    message = json.loads(fleet.channel("anna").seal("arm1", STOP).encoded())
    message["signature"] = ""
    assert refusal_of(fleet.channel("arm1"), rfc8785.dumps(message)) is FleetRefusal.MALFORMED
    assert refusal_of(fleet.channel("arm1"), rfc8785.dumps(message["message"])) is FleetRefusal.MALFORMED


def test_unknown_version_is_refused(fleet: Fleet) -> None:
    message = json.loads(fleet.channel("anna").seal("arm1", STOP).encoded())
    message["message"]["v"] = 2
    assert refusal_of(fleet.channel("arm1"), rfc8785.dumps(message)) is FleetRefusal.UNKNOWN_VERSION


def test_stranger_is_refused(fleet: Fleet) -> None:
    data = seal(new_key("mallory"), "lab", "arm1", 1, STOP).encoded()
    assert refusal_of(fleet.channel("arm1"), data) is FleetRefusal.NOT_ON_ROSTER


def test_other_fleet_is_refused(fleet: Fleet) -> None:
    data = seal(fleet.keys["anna"], "farm", "arm1", 1, STOP).encoded()
    assert refusal_of(fleet.channel("arm1"), data) is FleetRefusal.WRONG_FLEET


def test_message_for_another_robot_is_refused(fleet: Fleet) -> None:
    data = fleet.channel("anna").seal("arm2", STOP).encoded()
    assert refusal_of(fleet.channel("arm1"), data) is FleetRefusal.NOT_ADDRESSED


def test_a_megabyte_is_refused_before_it_is_read(fleet: Fleet) -> None:
    assert refusal_of(fleet.channel("arm1"), b"[" * 1_000_000) is FleetRefusal.TOO_LARGE
    with pytest.raises(FleetRefusedError, match=str(LARGEST)):
        fleet.channel("arm1").seal("", Beacon.model_construct(session="b" * 32, state="x" * 5000, gates=[]))


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"\xff\xfe", b"[" * 4000, b'{"message":1,"signature":2}', b'{"a":NaN}', b"{ }"]
)
def test_what_is_no_message_is_refused(fleet: Fleet, data: bytes) -> None:
    assert refusal_of(fleet.channel("arm1"), data) is FleetRefusal.MALFORMED


def test_another_form_of_the_same_message_is_refused(fleet: Fleet) -> None:
    data = fleet.channel("anna").seal("arm1", STOP).encoded()
    assert refusal_of(fleet.channel("arm1"), data.replace(b'{"message":', b'{ "message":')) is FleetRefusal.MALFORMED
    assert open_envelope(data).encoded() == data


def test_replayed_message_is_refused_by_its_number(fleet: Fleet) -> None:
    channel, sender = fleet.channel("anna"), fleet.channel("arm1")
    first, second = sender.seal("", BEACON).encoded(), sender.seal("", BEACON).encoded()
    channel.open(second)
    assert refusal_of(channel, second) is FleetRefusal.REPEATED
    assert refusal_of(channel, first) is FleetRefusal.REPEATED


def test_two_thousand_requests_at_once_are_cut_to_the_burst_and_a_stop_still_comes_through(fleet: Fleet) -> None:
    channel, anna = fleet.channel("arm1"), fleet.channel("anna")
    ask = ChallengeRequest(request="c" * 32, echo=BeaconEcho(session="b" * 32, sequence=1))
    taken = 0
    for _ in range(2000):
        try:
            channel.open(anna.seal("arm1", ask).encoded())
            taken += 1
        except FleetRefusedError as error:
            assert error.refusal is FleetRefusal.TOO_MANY
    assert taken == 40 and channel.take_refusals() == {("too_many", "anna"): 1960}
    assert channel.open(anna.seal("arm1", STOP).encoded()).body == STOP
    assert channel.open(fleet.channel("arm2").seal("", BEACON).encoded()).body == BEACON, "others are not starved"


@pytest.mark.parametrize("sender", ["bert", "arm2", "eve"])
def test_a_resume_question_of_a_member_without_the_right_is_refused(fleet: Fleet, sender: str) -> None:
    ask = ChallengeRequest(request="c" * 32, echo=BeaconEcho(session="b" * 32, sequence=1))
    assert (
        refusal_of(fleet.channel("arm1"), fleet.channel(sender).seal("arm1", ask).encoded()) is FleetRefusal.NOT_ALLOWED
    )


def test_operators_cannot_give_evidence_of_a_robot(fleet: Fleet) -> None:
    report = StopReport(stop="a" * 32, session="b" * 32, gates=[], is_complete=True)
    assert (
        refusal_of(fleet.channel("bert"), fleet.channel("anna").seal("bert", report).encoded())
        is FleetRefusal.NOT_ALLOWED
    )


def test_strangers_names_fill_no_memory(fleet: Fleet) -> None:
    channel = fleet.channel("arm1")
    for number in range(50):
        refusal_of(channel, seal(new_key(f"m{number}"), "lab", "arm1", 1, STOP).encoded())
    assert channel.take_refusals() == {("not_on_roster", "unknown"): 50}


def test_revoked_member_is_refused_at_once(fleet: Fleet) -> None:
    channel, anna = fleet.channel("arm1"), fleet.channel("anna")
    channel.keeper.accept(fleet.signed_roster(2, without=("anna",)))
    assert refusal_of(channel, anna.seal("arm1", STOP).encoded()) is FleetRefusal.NOT_ON_ROSTER


def test_older_and_equal_rosters_are_refused(fleet: Fleet, tmp_path: object) -> None:
    keeper = RosterKeeper(fleet.signed_roster(5), [fleet.root.public])
    for version in (5, 4, 1):
        with pytest.raises(FleetRefusedError) as caught:
            keeper.accept(fleet.signed_roster(version))
        assert caught.value.refusal is FleetRefusal.OLD_ROSTER
    assert keeper.accept(fleet.signed_roster(6)).version == 6


def test_roster_of_another_root_key_is_refused(fleet: Fleet) -> None:
    keeper = RosterKeeper(fleet.signed_roster(1), [fleet.root.public])
    fleet.root = new_key("root")
    with pytest.raises(FleetRefusedError) as caught:
        keeper.accept(fleet.signed_roster(2))
    assert caught.value.refusal is FleetRefusal.WRONG_SIGNATURE


def test_the_newest_roster_survives_a_restart(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("member")
    keeper = RosterKeeper(fleet.signed_roster(1), [fleet.root.public], folder)
    keeper.accept(fleet.signed_roster(7))
    assert load_roster(folder, [fleet.root.public]).roster.version == 7
    with pytest.raises(ConfigurationError, match="not signed by a root key"):
        load_roster(folder, [new_key("root").public])


def test_numbers_rise_over_a_restart_with_the_clock_set_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("numbers")
    before = Numbers(folder, lambda: 2_000_000.0)
    last = before.next()
    before.save()
    assert Numbers(folder, lambda: 1_000.0).next() > last
