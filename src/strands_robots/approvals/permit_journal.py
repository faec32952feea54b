"""The file behind the permits: what was approved and what was used, on the disk before the asker is told.

One JSON object a line. The first line names the run; then `approved` with the whole request and the signed decision,
and `used` with the hash of the permit. Reading it again checks every decision's signature. What cannot be understood
makes every permit in the file worth nothing: the asker has to ask again. A permit is never worth something twice.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from strands_robots.approvals.approval_policy import ApprovalPolicy, RequestClass, rule_on
from strands_robots.approvals.approval_refusal import ApprovalRefusedError
from strands_robots.approvals.approval_request import parse_request
from strands_robots.approvals.decision import Decision, check_decision
from strands_robots.approvals.permits import Asker, Moment, PermitState, Ticket
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import PrivateFolder, lock
from strands_robots.core.text import printable
from strands_robots.operators.keyring import Keyring

_FILE = "permits.jsonl"
_LOCK = "LOCK"
_LONGEST = 64 << 20
_PATIENCE = 2.0
"""How long to wait for another process that is just ending [s]."""


class PermitJournal:
    """One folder, one writer.

    Args:
        path: The folder; made with mode 0700 when missing.
        run_id: Run of the graph; permits of another run are worth nothing.

    Raises:
        ConfigurationError: If the folder cannot be used, others may write to it, or another process has it.
    """

    def __init__(self, path: Path, run_id: str) -> None:
        self._run_id = run_id
        self._descriptor = -1
        try:
            self._folder = PrivateFolder(path, create=True)
            try:
                self._folder.check_private()
                self._lock = lock(self._folder, _LOCK, _PATIENCE)
            except (OSError, ConfigurationError):
                self._folder.close()
                raise
        except OSError as error:
            raise ConfigurationError(
                f"the permits' folder '{path}' cannot be used: {error.strerror or error}"
            ) from error

    def close(self) -> None:
        """Let go of the folder."""
        for descriptor in (self._descriptor, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._lock = -1
        self._folder.close()

    def open(
        self, policy: ApprovalPolicy, keyring: Keyring, now: Moment, namespace: str = ""
    ) -> tuple[tuple[Ticket, ...], str]:
        """Return the permits that are still worth something, and why others are not; then begin a new file with them.

        Args:
            policy: The policy.
            keyring: Whose decisions count.
            now: The present.
            namespace: The graph's namespace; the rules' names are seen from there.

        Raises:
            ConfigurationError: If the file cannot be written.
        """
        problem = ""
        self._namespace = namespace
        try:
            permits = self._read(policy, keyring, now)
        except FileNotFoundError:
            permits = ()
        except (OSError, ValueError, KeyError, TypeError, ApprovalRefusedError) as error:
            permits, problem = (), f"permits of an earlier start are void: {error}"
        try:
            self._begin(permits, now)
        except OSError as error:
            raise ConfigurationError(
                f"the permits' file in '{self._folder.path}' cannot be written: {error.strerror or error}"
            ) from error
        return permits, problem

    def approved(self, ticket: Ticket, now: Moment) -> None:
        """Record a permit; raises OSError when it is not on the disk."""
        self._append(self._descriptor, _approved(ticket, now))

    def used(self, ticket: Ticket, now: Moment) -> None:
        """Record the use of a permit; raises OSError when it is not on the disk."""
        self._append(self._descriptor, {"kind": "used", "permit": ticket.permit_hash, "wall": now.wall})

    def _begin(self, permits: tuple[Ticket, ...], now: Moment) -> None:
        temporary = f".{_FILE}.{os.getpid()}"
        if temporary in self._folder.names():
            self._folder.remove(temporary)
        descriptor = self._folder.create(temporary)
        try:
            self._append(descriptor, {"kind": "run", "run": self._run_id, "wall": now.wall})
            for ticket in permits:
                self._append(descriptor, _approved(ticket, now))
            os.rename(temporary, _FILE, src_dir_fd=self._folder.descriptor, dst_dir_fd=self._folder.descriptor)
            self._folder.sync()
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    @staticmethod
    def _append(descriptor: int, record: dict[str, Any]) -> None:
        line = json.dumps(record, sort_keys=True).encode() + b"\n"
        if os.write(descriptor, line) != len(line):
            raise OSError(28, "only a part of the record was written")
        os.fsync(descriptor)

    def _read(self, policy: ApprovalPolicy, keyring: Keyring, now: Moment) -> tuple[Ticket, ...]:
        data = self._folder.read(_FILE, _LONGEST)
        lines = data.split(b"\n")
        # What stands after the last end of line was never finished, so the asker was not told of it.
        records = [json.loads(line) for line in lines[:-1]]
        if not records or records[0]["kind"] != "run":
            raise ValueError("the file does not begin with its run")
        if records[0]["run"] != self._run_id:
            return ()
        if any(float(record["wall"]) > now.wall for record in records):
            raise ValueError("the wall clock went backwards, so it is unknown what has expired")
        open_permits: dict[str, Ticket] = {}
        for record in records[1:]:
            if record["kind"] == "used":
                open_permits.pop(record["permit"], None)
            elif record["kind"] == "approved":
                ticket = self._ticket(record, policy, keyring, now)
                open_permits[ticket.permit_hash] = ticket
            else:
                raise ValueError(f"a record has kind '{printable(record['kind'])}'")
        return tuple(ticket for ticket in open_permits.values() if ticket.expires_wall > now.wall)

    def _ticket(self, record: dict[str, Any], policy: ApprovalPolicy, keyring: Keyring, now: Moment) -> Ticket:
        request = parse_request(record["name"], record["type"], record["fields"])
        decision = Decision(
            record["request"], record["digest"], True, record["text"], record["key"], bytes.fromhex(record["signature"])
        )
        asker = Asker(record["asker"], record["session"])
        ruling = rule_on(policy, request.name, request.kind, self._namespace)
        operator = check_decision(decision, request.digest, asker.source, self._run_id, keyring, ruling.by)
        if ruling.request_class is RequestClass.FORBIDDEN:
            raise ValueError(f"'{request.name}' is forbidden now")
        expires = float(record["expires"])
        return Ticket(
            request_id=record["request"],
            permit_hash=record["permit"],
            request=request,
            asker=asker,
            ruling=ruling,
            state=PermitState.APPROVED,
            asked=float(record["asked"]),
            expires=now.steady + min(expires - now.wall, ruling.permit_lifetime),
            expires_wall=expires,
            decision=decision,
            decided_by=operator.source,
        )


def _approved(ticket: Ticket, now: Moment) -> dict[str, Any]:
    decision = ticket.decision
    assert decision is not None
    return {
        "asked": ticket.asked,
        "asker": ticket.asker.source,
        "digest": ticket.request.digest,
        "expires": ticket.expires_wall,
        "fields": ticket.request.fields,
        "key": decision.key_id,
        "kind": "approved",
        "name": ticket.request.name,
        "permit": ticket.permit_hash,
        "request": ticket.request_id,
        "session": ticket.asker.session,
        "signature": decision.signature.hex(),
        "text": decision.text,
        "type": ticket.request.kind,
        "wall": now.wall,
    }
