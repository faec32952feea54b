"""The words after `strands-robots estop`, read so that none of them can keep a stop from being made. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

REASON = "from the command line"
WAIT = 5.0
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 9.0

_VALUED = ("--reason", "--wait", "--namespace")


@dataclass(frozen=True)
class EstopWords:
    """What was asked for.

    Attributes:
        reason: Why; words that are no option belong to it.
        wait: Longest wait for evidence of rest [s].
        namespace: Namespace of the graph; None for every graph of the domain.
        everything: Stop every graph of this machine.
        complaints: What could not be used, in words.
    """

    reason: str = REASON
    wait: float = WAIT
    namespace: str | None = None
    everything: bool = False
    complaints: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """Return the same as arguments that the command cannot refuse."""
        words = [f"--reason={self.reason}", f"--wait={self.wait:g}"]
        words += [] if self.namespace is None else [f"--namespace={self.namespace}"]
        return [*words, "--all"] if self.everything else words


def read_estop(words: Sequence[str]) -> EstopWords:
    """Return what the words ask for. An option that is unknown, lacks its value or has a bad one is complained about, never refused.

    Args:
        words: The words after "estop".
    """
    given: dict[str, str] = {}
    rest, complaints, everything = [], [], False
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, is_joined, value = word.partition("=")
        if word == "--all":
            everything = True
        elif name in _VALUED and is_joined:
            given[name] = value
        elif name in _VALUED and waiting and not waiting[0].startswith("--"):
            given[name] = waiting.pop(0)
        elif name in _VALUED:
            complaints.append(f"{name} has no value")
        else:
            rest.append(word)
            if word.startswith("-"):
                complaints.append(f"{word} is no option of estop; valid: {', '.join(_VALUED)}, --all")
    wait, problem = _seconds(given.get("--wait"))
    reason = " ".join([*([given["--reason"]] if "--reason" in given else []), *rest]) or REASON
    return EstopWords(
        reason, wait, given.get("--namespace"), everything, tuple([*complaints, problem] if problem else complaints)
    )


def _seconds(text: str | None) -> tuple[float, str]:
    if text is None:
        return WAIT, ""
    try:
        wait = float(text)
    except ValueError:
        wait = math.nan
    if SHORTEST_WAIT <= wait <= LONGEST_WAIT:
        return wait, ""
    used = WAIT if math.isnan(wait) else min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)
    return used, f"--wait is {text[:40]!r}; valid: {SHORTEST_WAIT:g} to {LONGEST_WAIT:g} s; {used:g} s is used"
