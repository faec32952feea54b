"""fleet.yaml -> policies of AWS IoT Core, one for each set of rights. Plain data, no I/O.

A policy names the thing of the certificate by variable, so that one text serves every robot and none can speak as another.
The thing has the member's name; a robot that may stop its cell has an attribute `cell`. A certificate that was detached
connects no more, because the condition asks for the attachment.

Source: AWS IoT Core Developer Guide, "Thing policy variables"; a policy has at most 2,048 characters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.member import CELL_PREFIX, EVERYBODY, Member, MemberKind, Right
from strands_robots.fleet.roster import Roster
from strands_robots.fleet.topics import INWARD, NEEDED, RENEWAL, ROSTER, inward, outward

LONGEST = 2048
THING = "${iot:Connection.Thing.ThingName}"
NOT_CARRIED = (RENEWAL, "renewal_request")
"""Kinds that do not go over AWS: no policy lets an operator send them, and AWS ends the link of a thing that tries."""

_OWN_SHADOWS = f"$aws/things/{THING}/shadow/name/*"
"""A robot's shadows: one for each operator."""

_VIEWS = f"$aws/things/*/shadow/name/{THING}"
"""An operator's own shadow of each robot; it reads it and writes none."""

_CELL = CELL_PREFIX + "${iot:Connection.Thing.Attributes[cell]}"


def policy_name(fleet: str, member: Member) -> str:
    """Return the name of the policy that a member needs: its kind and its rights."""
    return member_policy_name(fleet, member.kind, member.rights)


def member_policy_name(fleet: str, kind: MemberKind, may: Iterable[Right]) -> str:
    """Return the name of the policy of a kind of member with these rights."""
    word = "robot" if kind in (MemberKind.ROBOT, MemberKind.SIM) else kind.value
    return "-".join([fleet, word, *sorted(right.value for right in may)])


def policies(fleet: Roster, region: str, account: str) -> dict[str, str]:
    """Return every policy that the members of a roster need, by name.

    Args:
        fleet: The roster.
        region: For example "eu-central-1".
        account: Number of the account.

    Raises:
        ConfigurationError: If one would be longer than AWS takes.
    """
    place = f"arn:aws:iot:{region}:{account}"
    made: dict[str, str] = {f"{fleet.fleet}-claim": _text(_claim_policy(fleet.fleet, place))}
    for member in fleet.members:
        name = policy_name(fleet.fleet, member)
        if name not in made:
            made[name] = _text(_policy(fleet.fleet, member, place))
            if len(made[name]) > LONGEST:
                raise ConfigurationError(f"policy '{name}' has {len(made[name])} characters; valid: at most {LONGEST}")
    return made


def _text(policy: dict[str, Any]) -> str:
    return json.dumps(policy, separators=(",", ":"))


def _claim_policy(fleet: str, place: str) -> dict[str, Any]:
    """Return what the claim certificate may do: ask for an identity, and hear the answer."""
    topics = ["$aws/certificates/create-from-csr/json", f"$aws/provisioning-templates/{fleet}/provision/json"]
    answers = [f"{topic}/*" for topic in topics]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "iot:Connect", "Resource": f"{place}:client/{fleet}-claim-*"},
            _allow("iot:Publish", place, "topic", topics),
            _allow("iot:Subscribe", place, "topicfilter", answers),
            _allow("iot:Receive", place, "topic", answers),
        ],
    }


def _policy(fleet: str, member: Member, place: str) -> dict[str, Any]:
    writes, reads = _writes(fleet, member), _reads(fleet, member)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "iot:Connect",
                "Resource": f"{place}:client/{THING}",
                "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}},
            },
            _allow("iot:Publish", place, "topic", writes),
            _allow("iot:Subscribe", place, "topicfilter", reads),
            _allow("iot:Receive", place, "topic", reads),
        ],
    }


def _allow(action: str, place: str, what: str, topics: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": [f"{place}:{what}/{topic}" for topic in topics]}


def _writes(fleet: str, member: Member) -> list[str]:
    """Return what a thing may publish; `*` in a resource stands for any text."""
    if member.is_robot:
        cell = [inward(fleet, _CELL, "stop", THING)] if Right.STOP_CELL in member.rights else []
        return [*cell, outward(fleet, THING, "*"), f"{_OWN_SHADOWS}/update"]
    said = [outward(fleet, THING, kind) for kind in ("beacon", "witness")]
    if member.kind is MemberKind.AUDITOR:
        return said
    kinds = [kind for kind in INWARD if kind != RENEWAL and (kind not in NEEDED or NEEDED[kind] in member.rights)]
    return [*said, *(inward(fleet, "*", kind, THING) for kind in kinds), f"{_VIEWS}/get"]


def _reads(fleet: str, member: Member) -> list[str]:
    rosters = inward(fleet, EVERYBODY, ROSTER, "*")
    if not member.is_robot:
        views = [f"{_VIEWS}/get/*"] if member.kind is MemberKind.OPERATOR else []
        # Every kind there is; each named would make the policy too long.
        return [rosters, f"fleet/{fleet}/out/*", *views]
    # Which kinds and which members' beacons a robot reads is said in topics.py; a policy that named each would be too long.
    reports = [outward(fleet, "*", "stop_report")] if Right.STOP_CELL in member.rights else []
    asked = [f"fleet/{fleet}/in/{addressee}/*" for addressee in (THING, _CELL, EVERYBODY)]
    return [*asked, outward(fleet, "*", "beacon"), *reports, f"{_OWN_SHADOWS}/update/*"]
