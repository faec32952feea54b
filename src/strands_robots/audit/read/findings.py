"""What verification says about a log."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType

from strands_robots.audit.log.checkpoint import Checkpoint

_MOST = 100
"""Findings of one code that are listed; the rest is counted."""


class Severity(enum.Enum):
    """What a finding means for the log."""

    BROKEN = "broken"
    GAP = "gap"
    NOTE = "note"


_SEVERITIES = MappingProxyType(
    {
        "lost": Severity.GAP,
        "sequence_gap": Severity.GAP,
        "suppressed": Severity.GAP,
        "torn": Severity.NOTE,
        "unsigned": Severity.NOTE,
        "unclean_end": Severity.NOTE,
    }
)


@dataclass(frozen=True)
class Finding:
    """One thing that verification found; docs/reference/audit_format.md lists the codes.

    Attributes:
        code: What it is.
        message: The same in words, ASCII.
        segment: Number of the file; None when it concerns none.
        index: Index of the record; None when it concerns none.
    """

    code: str
    message: str
    segment: int | None = None
    index: int | None = None

    @property
    def severity(self) -> Severity:
        """What it means for the log."""
        return _SEVERITIES.get(self.code, Severity.BROKEN)


@dataclass
class Report:
    """The result of a verification.

    Attributes:
        findings: What was found, in the order of the log; at most 100 of each code.
        counts: How often each code was found.
        records: Records read.
        size: Bytes read.
        log: Identity of the log; empty when it has none.
        checkpoint: The checkpoint in HEAD if it is authentic.
    """

    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    records: int = 0
    size: int = 0
    log: str = ""
    checkpoint: Checkpoint | None = None

    def add(self, code: str, message: str, segment: int | None = None, index: int | None = None) -> None:
        """Add a finding."""
        self.counts[code] += 1
        if self.counts[code] <= _MOST:
            self.findings.append(Finding(code, message, segment, index))

    @property
    def is_broken(self) -> bool:
        """True when the log is not what was written."""
        return any(finding.severity is Severity.BROKEN for finding in self.findings)

    @property
    def has_gaps(self) -> bool:
        """True when the log itself names events that it does not hold."""
        return any(finding.severity is Severity.GAP for finding in self.findings)
