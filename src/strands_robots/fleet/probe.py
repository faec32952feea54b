"""Does the deployed router or broker do what fleet.yaml says? Connects as each kind of member and as strangers, and tries.

Denial is silent: a put that is denied looks like one that was lost. So each way is first shown to work for a member that
is allowed to use it (the control). Without that, a row says `unknown` and not `denied`.
"""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.certificates import (
    certificate_pem,
    make_authority,
    make_request,
    new_private_key,
    private_pem,
    sign_request,
)
from strands_robots.fleet.fleet_file import FleetFile
from strands_robots.fleet.member import EVERYBODY, Member, MemberKind
from strands_robots.fleet.probe_ways import MqttWay, ProbeLink, ProbeWay, ZenohWay
from strands_robots.fleet.topics import INWARD, OUTWARD, ROSTER, inward, outward, read_by
from strands_robots.fleet.zenoh_config import TlsFiles, is_allowed

SETTLE = 1.0
CONTROL_TIME = 15.0
"""Longest wait for what is allowed to arrive [s]."""
_OUTSIDER = "fleet-probe-outsider"


@dataclass(frozen=True)
class Row:
    """One thing that was tried.

    Attributes:
        who: As whom.
        what: "write", "read" or "connect".
        topic: Where; empty for connect.
        expected: Whether fleet.yaml allows it.
        found: Whether it went through; None when the control did not.
    """

    who: str
    what: str
    topic: str
    expected: bool
    found: bool | None

    @property
    def is_right(self) -> bool:
        """Whether what is deployed does what the file says."""
        return self.found is self.expected

    def words(self) -> str:
        """Return the row as a line."""
        names = {True: "allowed", False: "denied", None: "unknown"}
        verdict = "ok" if self.is_right else ("UNKNOWN: the control did not arrive" if self.found is None else "WRONG")
        return (
            f"{self.who:<16} {self.what:<8} {self.topic:<44} {names[self.expected]:<8} {names[self.found]:<8} {verdict}"
        )


class Probe:
    """Tries a router or broker.

    Args:
        file: fleet.yaml.
        way: The router or broker.
        authority: Certificate of the fleet's authority.
        authority_key: Its key: the probe makes certificates of minutes for the members that it plays.
    """

    def __init__(
        self, file: FleetFile, way: ProbeWay, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
    ) -> None:
        self._way, self._roster = way, file.roster()
        self._authority, self._key = authority, authority_key
        self._heard: dict[tuple[str, str], bool] = {}
        self._lock = threading.Lock()

    def run(self) -> list[Row]:
        """Return every row.

        Raises:
            ConfigurationError: If the roster has no operator and robot, or the router does not let its members in.
        """
        members = self._played()
        with (
            tempfile.TemporaryDirectory(prefix="fleet-probe-") as folder,
            self._sessions(Path(folder), members) as sessions,
        ):
            rows = [Row(who, "connect", "", True, True) for who in sessions]
            rows.append(self._stranger(Path(folder)))
            self._listen(sessions)
            time.sleep(SETTLE)
            tried = [*self._writes(sessions, members), *self._reads(sessions, members)]
            self._await_controls(tried)
            time.sleep(SETTLE)
            found = [row for entry in tried if (row := self._row(*entry)) is not None]
            # Last: it throws a link out, of the victim or of the thief itself, and nothing that is tried may need that one.
            return [*rows, *self._takeover(Path(folder), sessions, members), *found]

    # --- Who plays --------------------------------------------------------------------------------------------

    def _played(self) -> dict[str, Member | None]:
        """Return the roles: at most two robots, one operator and one auditor, and who is on no roster."""
        robots = [member for member in self._roster.members if member.is_robot][:2]
        operators = [member for member in self._roster.members if member.kind is MemberKind.OPERATOR]
        operators.sort(key=lambda member: -len(member.rights))
        auditors = [member for member in self._roster.members if member.kind is MemberKind.AUDITOR][:1]
        if not robots or not operators:
            raise ConfigurationError(
                "the roster has no robot or no operator; valid: at least one of each to probe with"
            )
        played: dict[str, Member | None] = {member.name: member for member in (*operators[:1], *robots, *auditors)}
        return {
            **played,
            _OUTSIDER: None,
            **{f"{prefix}{robots[-1].name}": robots[-1] for prefix in self._way.attackers},
        }

    @contextmanager
    def _sessions(self, folder: Path, members: dict[str, Member | None]) -> Iterator[dict[str, ProbeLink]]:
        sessions: dict[str, ProbeLink] = {}
        try:
            for who in members:
                name = _name(who)
                files = self._files(folder, name, self._authority, self._key)
                sessions[who] = self._way.open(name, files, who.removesuffix(name))
            yield sessions
        finally:
            for session in sessions.values():
                session.close()

    def _files(
        self, folder: Path, name: str, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
    ) -> TlsFiles:
        place = folder / uuid.uuid4().hex
        place.mkdir(mode=0o700)
        key = new_private_key()
        certificate = sign_request(make_request(name, key), name, authority, authority_key)
        files = {
            "authority.pem": certificate_pem(self._authority),
            "certificate.pem": certificate_pem(certificate),
            "tls.key": private_pem(key),
        }
        for file, data in files.items():
            (place / file).touch(mode=0o600)
            (place / file).write_bytes(data)
        return TlsFiles(*(str(place / file) for file in files))

    def _stranger(self, folder: Path) -> Row:
        """Try a certificate of another authority with an operator's name."""
        key = new_private_key()
        operator = next(member.name for member in self._roster.members if member.kind is MemberKind.OPERATOR)
        files = self._files(folder, operator, make_authority(self._roster.fleet, key), key)
        return Row("stranger", "connect", "", False, self._way.lets_in(operator, files))

    def _takeover(
        self, folder: Path, sessions: dict[str, ProbeLink], members: dict[str, Member | None]
    ) -> Iterator[Row]:
        """Have one robot claim the name of another that is connected."""
        robots = [
            who for who, member in members.items() if member is not None and member.is_robot and who == member.name
        ]
        if len(robots) > 1:
            victim, thief = robots[:2]
            files = self._files(folder, thief, self._authority, self._key)
            found = self._way.takes_over(sessions[victim], victim, files)
            yield Row(thief, "take over", victim, False, found)

    # --- What is tried ----------------------------------------------------------------------------------------

    def _listen(self, sessions: dict[str, ProbeLink]) -> None:
        everything = [inward(self._roster.fleet, "*", kind, "*") for kind in INWARD]
        everything += [outward(self._roster.fleet, "*", kind) for kind in OUTWARD]
        for who, session in sessions.items():
            name = _name(who)
            member = self._roster.find(name)
            wanted = set(everything)
            for topic in self._topics(name):
                wanted.add(topic)
            # A declared key has to be included in a rule, so what a member may read is declared as the rule has it.
            wanted |= set(read_by(self._roster, member)) if member else set()
            for topic in sorted(wanted):
                session.listen(topic, partial(self._on_mark, who))

    def _on_mark(self, who: str, data: bytes) -> None:
        with self._lock:
            self._heard[who, data.decode("ascii", "replace")] = True

    def _topics(self, sender: str) -> list[str]:
        fleet = self._roster.fleet
        robots = [member.name for member in self._roster.members if member.is_robot][:2]
        topics = [inward(fleet, to, "stop", sender) for to in (*robots, EVERYBODY)]
        topics += [inward(fleet, robots[0], kind, sender) for kind in INWARD if kind not in ("stop", ROSTER)]
        topics.append(inward(fleet, EVERYBODY, ROSTER, sender))
        topics += [outward(fleet, robots[0], kind) for kind in OUTWARD]
        return [*topics, *(outward(fleet, robot, "beacon") for robot in robots[1:]), outward(fleet, sender, "beacon")]

    def _writes(self, sessions: dict[str, ProbeLink], members: dict[str, Member | None]) -> list[tuple[Any, ...]]:
        """Write as each on its own topics, and on those of the operator's name."""
        operator = next(name for name, member in members.items() if member and member.kind is MemberKind.OPERATOR)
        tried = []
        for who, member in members.items():
            name = _name(who)
            for topic in dict.fromkeys([*self._topics(name), *self._topics(operator)]):
                readers = [
                    other
                    for other, reader in members.items()
                    if other != who and _name(other) == other and is_allowed(self._roster, reader, topic, False)
                ]
                if not readers:
                    continue
                mark = self._send(sessions[who], topic)
                good = self._control(topic, members)
                control = self._send(sessions[good[0]], good[1]) if good is not None else ""
                tried.append(
                    (who, "write", topic, is_allowed(self._roster, member, topic, True), mark, control, readers)
                )
        return tried

    def _control(self, topic: str, members: dict[str, Member | None]) -> tuple[str, str] | None:
        """Return who may write to the same readers, and on which topic: the same one with a sender that is allowed; None without one."""
        parts = topic.split("/")
        place = 5 if parts[2] == "in" else 3
        for who, member in members.items():
            if member is not None and _name(who) == who:
                same = "/".join([*parts[:place], who, *parts[place + 1 :]])
                if is_allowed(self._roster, member, same, True):
                    return who, same
        return None

    def _reads(self, sessions: dict[str, ProbeLink], members: dict[str, Member | None]) -> list[tuple[Any, ...]]:
        """Have each topic written by who may, and see who hears it."""
        operator = next(name for name, member in members.items() if member and member.kind is MemberKind.OPERATOR)
        tried = []
        for topic in self._topics(operator):
            writers = [o for o, m in members.items() if is_allowed(self._roster, m, topic, True)]
            if not writers:
                continue
            mark = self._send(sessions[writers[0]], topic)
            for who, member in members.items():
                if who == writers[0]:
                    continue
                expected = is_allowed(self._roster, member, topic, False)
                good = [o for o, m in members.items() if o != writers[0] and is_allowed(self._roster, m, topic, False)]
                tried.append((who, "read", topic, expected, mark, mark, good))
        return tried

    def _send(self, session: ProbeLink, topic: str) -> str:
        mark = f"probe {uuid.uuid4().hex}"
        session.put(topic, mark.encode())
        return mark

    def _await_controls(self, tried: list[tuple[Any, ...]]) -> None:
        """Return once every control has arrived, or after `CONTROL_TIME`: a busy machine is no rule."""
        deadline = time.monotonic() + CONTROL_TIME
        waiting = [(control, readers) for *_, control, readers in tried if control]
        while waiting and time.monotonic() < deadline:
            time.sleep(0.05)
            waiting = [
                (control, readers)
                for control, readers in waiting
                if not any((reader, control) in self._heard for reader in readers)
            ]

    def _row(
        self, who: str, what: str, topic: str, expected: bool, mark: str, control: str, readers: list[str]
    ) -> Row | None:
        """Return the row; None where no member may use the way, so that a denial cannot be shown, and nothing got through."""
        heard = self._heard
        arrived = (
            heard.get((who, mark), False) if what == "read" else any((reader, mark) in heard for reader in readers)
        )
        if not control and not arrived:
            return None
        is_shown = any((reader, control) in heard for reader in readers)
        return Row(who, what, topic, expected, arrived if arrived or is_shown else None)


def _name(who: str) -> str:
    """Return the member that a role is, without what kind of attacker it plays."""
    return who.rpartition(":")[2]


def probe_router(file: FleetFile, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey) -> list[Row]:
    """Try the Zenoh router of a fleet and return every row; see Probe."""
    return Probe(file, ZenohWay(file.router), authority, authority_key).run()


def probe_broker(file: FleetFile, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey) -> list[Row]:
    """Try the MQTT broker of a fleet and return every row; raises ConfigurationError where the fleet has none."""
    if file.mqtt is None:
        raise ConfigurationError("fleet.yaml has no mqtt section; valid: `strands-robots fleet init --mqtt host:port`")
    return Probe(file, MqttWay(file.mqtt), authority, authority_key).run()
