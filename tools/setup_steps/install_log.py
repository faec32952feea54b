"""Reads the log of a failed installation: which package did not fit, or that the network failed."""

from __future__ import annotations

import re

_NETWORK = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Connection (?:refused|reset|timed out)|ConnectTimeout|ReadTimeout"
    r"|dns error|failed to lookup address|error sending request|ProxyError|Network is unreachable|tls handshake|certificate verify failed",
    re.I,
)
# In the order in which they are tried: the first that fits says most.
_MISFITS = (
    # uv
    (r"Python version \(([^)]*)\) does not satisfy Python(\S+) and (\S+)", "{2} needs Python {1}"),
    (r"\(e\.g\., (\S+) only supports (\S+)\)", "{0} needs Python {1}"),
    (r"Because (\S+==\S+) depends on Python(\S+)", "{0} needs Python {1}"),
    (
        r"Because (\S+) depends on (\S+) and you require .*? And because you require (\S+), we can conclude",
        "{0} needs {1}, and {2} is required",
    ),
    (r"Because there is no version of (\S+) and you require", "{0} is not on the index"),
    (r"Because (\S+) was not found in the package registry", "{0} is not on the index"),
    (r"Failed to build `?([^`\n]+?)`?\n", "{0} has no wheel for this machine and cannot be built"),
    # pip
    (r"No matching distribution found for (\S+)", "{0} has no version for this Python and machine"),
    (
        r"Cannot install (.+?) because these package versions have conflicting dependencies",
        "{0} ask for different versions of the same package",
    ),
    (r"ERROR: Failed building wheel for (\S+)", "{0} has no wheel for this machine and cannot be built"),
    (r"No space left on device", "the disk is full"),
)


def explain(log: str) -> str:
    """Return which package did not fit, and why; empty when the log does not say."""
    # uv breaks its sentences into lines.
    joined = re.sub(r"\n\s{2,}", " ", log)
    for pattern, words in _MISFITS:
        if found := re.search(pattern, joined):
            return words.format(*(group.rstrip(".,") for group in found.groups()))
    return ""


def is_network_trouble(log: str) -> bool:
    """Return whether the installer could not reach its index."""
    return _NETWORK.search(log) is not None
