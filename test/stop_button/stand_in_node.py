"""stop_button_node whose input device is a FIFO: only the two calls that a FIFO cannot answer are replaced.

Run as a process; the parameter `device` is the FIFO.
"""

from __future__ import annotations

import sys
from pathlib import Path

from strands_robots.nodes.stop_button import node
from strands_robots.stop_button import evdev

SPACE, ENTER = 57, 28


def held(descriptor: int) -> frozenset[int]:
    path = Path(f"/proc/self/fd/{descriptor}").resolve().with_suffix(".held")
    return frozenset(map(int, path.read_text(encoding="ascii").split()))


evdev.KernelCalls.__init__.__defaults__ = (held, lambda descriptor: frozenset((SPACE, ENTER)))  # type: ignore[misc]

if __name__ == "__main__":
    sys.exit(node.main())
