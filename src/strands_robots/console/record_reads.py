"""The audit log and the state of this machine, as the pages read them. No ROS."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strands_robots.audit.audit_key import MAC_FILE, PUBLIC_FILE, load_mac_key, load_public_key
from strands_robots.audit.read.query import Query, format_time, last_records, parse_since
from strands_robots.audit.read.reader import FolderReader
from strands_robots.audit.read.verify import VerifyKeys, verify
from strands_robots.core.errors import ConfigurationError
from strands_robots.doctor.examination import examine
from strands_robots.doctor.machine import Machine
from strands_robots.doctor.result import Status

MOST_RECORDS = 500
LONGEST = 64


class RecordReads:
    """Routes that read the audit log of a graph, and examine the machine.

    Args:
        log: Folder of the log.
        keys: Folder of its keys.
    """

    def __init__(self, log: Path, keys: Path) -> None:
        self._log, self._keys = log, keys

    def routes(self) -> tuple[Route, ...]:
        """Return the routes; each runs in a worker thread."""
        return (Route("/audit", self.audit), Route("/audit/verify", self.verified), Route("/doctor", self.doctor))

    def audit(self, request: Request) -> Response:
        """Answer the last records, the newest first, that a filter lets through; without checking them."""
        given = {name: value.strip()[:LONGEST] for name, value in request.query_params.items()}
        since = parse_since(given["since"], time.time_ns() // 1000) if given.get("since") else 0
        query = Query(since, _words(given.get("kind", "")), _words(given.get("robot", "")))
        try:
            found = last_records(FolderReader(self._log), query, MOST_RECORDS)
        except FileNotFoundError:
            return JSONResponse(
                {
                    "log": str(self._log),
                    "records": [],
                    "problem": f"there is no log in {self._log}: audit_node has not run",
                }
            )
        except OSError as error:
            raise ConfigurationError(f"the log in '{self._log}' cannot be read: {error.strerror}") from error
        rows = [
            {
                "index": record.index, "at": format_time(record.event.wall_us), "kind": record.event.kind,
                "robot": record.event.robot, "actor": record.event.actor or record.event.source, "details": record.event.details,
            }
            for record, _ in reversed(found)
        ]  # fmt: skip
        return JSONResponse({"log": str(self._log), "records": rows})

    def verified(self, request: Request) -> Response:
        """Answer whether the log is whole, and why not."""
        try:
            keys = VerifyKeys(mac=load_mac_key(self._keys / MAC_FILE), public=load_public_key(self._keys / PUBLIC_FILE))
            report = verify(FolderReader(self._log), keys)
        except OSError as error:
            raise ConfigurationError(f"the log in '{self._log}' could not be checked: {error.strerror}") from error
        words = "BROKEN" if report.is_broken else "INTACT, WITH GAPS" if report.has_gaps else "WHOLE"
        findings = [
            {"severity": entry.severity.value, "code": entry.code, "message": entry.message}
            for entry in report.findings
        ]
        return JSONResponse({"verdict": words, "records": report.records, "bytes": report.size, "findings": findings})

    def doctor(self, request: Request) -> Response:
        """Answer what is wrong with this machine, and what helps."""
        rows: list[dict[str, Any]] = [
            {"name": result.name, "status": result.status.value, "found": result.found, "remedy": list(result.remedy)}
            for result in examine(Machine())
        ]
        return JSONResponse({"healthy": all(row["status"] != Status.FAILED.value for row in rows), "checks": rows})


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.replace(",", " ").split() if word)
