"""Requests and decisions as files, for what has no graph: a request waits beside the work, a person's decision is put next to it.

requests/<id>.json             the request, with its name, type, fields and who asks
requests/<id>.decision.json    the signed decision about it
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from strands_robots.approvals.approval_request import CanonicalRequest, parse_request
from strands_robots.approvals.decision import Decision
from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.files import read_json, write_json

FOLDER = "requests"


@dataclass(frozen=True)
class RequestFile:
    """What stands in a file of a request.

    Attributes:
        request_id: What people call it.
        name, type, fields: The request; the fields are canonical JSON.
        asker: Who asks, as "class/name".
        run_id: What the decision is signed for, as a graph's run id.
        rule: Which rule of the approval policy decided that a person has to.
        expires: Wall clock after which a decision does not count any more [s since 1970 UTC].
    """

    request_id: str
    name: str
    type: str
    fields: str
    asker: str
    run_id: str
    rule: str
    expires: float

    @property
    def request(self) -> CanonicalRequest:
        """The request; its hash is computed from what the file shows."""
        return parse_request(self.name, self.type, self.fields)


def write_request(folder: Path, request: RequestFile) -> Path:
    """Write a request whole or not at all, and return its file."""
    path = folder / f"{request.request_id}.json"
    write_json(path, asdict(request))
    return path


def read_request(path: Path) -> RequestFile:
    """Return the request in a file.

    Raises:
        ConfigurationError: If it is none.
    """
    return RequestFile(**_fields(path, RequestFile, "request"))


def decision_path(path: Path) -> Path:
    """Return where the decision about the request in a file is."""
    return path.with_name(f"{path.stem}.decision.json")


def write_decision(path: Path, decision: Decision) -> Path:
    """Write the decision about the request in a file beside it, and return its file."""
    target = decision_path(path)
    write_json(target, {**asdict(decision), "signature": decision.signature.hex()})
    return target


def read_decision(path: Path) -> Decision | None:
    """Return the decision beside a request's file; None when there is none yet.

    Raises:
        ConfigurationError: If the file holds no decision.
    """
    target = decision_path(path)
    if not target.is_file():
        return None
    given = _fields(target, Decision, "decision")
    try:
        return Decision(**{**given, "signature": bytes.fromhex(given["signature"])})
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{target} has no signature in hexadecimal ({error})") from error


def _fields(path: Path, kind: Any, what: str) -> dict[str, Any]:
    try:
        given = read_json(path)
    except DatasetError as error:
        raise ConfigurationError(f"{error}; valid: the file of a {what}") from error
    names = kind.__dataclass_fields__
    types: dict[str, Any] = {"str": str, "bool": bool, "float": (int, float), "bytes": str}
    if not isinstance(given, dict) or set(given) != set(names):
        raise ConfigurationError(f"{path} is no {what}; valid: {', '.join(names)}")
    for name, entry in names.items():
        if not isinstance(given[name], types[entry.type]):
            raise ConfigurationError(f"{path} has {name} {json.dumps(given[name])[:80]}; valid: {entry.type}")
    return given
