"""What keeps a heartbeat from waiting for the disk and the garbage collector."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from strands_robots.core.resident import program_mappings

MAPS = """\
55d0a1c00000-55d0a1c01000 r--p 00000000 08:01 123 /usr/bin/python3
55d0a1c01000-55d0a1c05000 r-xp 00001000 08:01 123 /usr/bin/python3
7f0000000000-7f0000021000 rw-p 00000000 00:00 0
7f00a0000000-7f00a0002000 r-xp 00000000 08:01 9 /a path/with spaces.so
7ffd1e5fe000-7ffd1e600000 r-xp 00000000 00:00 0 [vdso]
""".splitlines()


def test_programs_and_libraries_are_found_among_the_mappings() -> None:
    assert list(program_mappings(MAPS)) == [(0x55D0A1C01000, 0x4000), (0x7F00A0000000, 0x2000)]


def test_process_that_stays_resident_collects_in_no_time_and_goes_on_allocating() -> None:
    code = (
        "import gc, json, resource, sys; sys.path.insert(0, sys.argv[1])\n"
        "kept = [[number] for number in range(300_000)]\n"
        "from strands_robots.core.resident import stay_resident\n"
        "found = stay_resident()\n"
        "left = len(gc.get_objects())\n"
        "more = [bytearray(1 << 20) for _ in range(64)]\n"
        "print(json.dumps([found.frozen, left, found.programs, len(more)]))"
    )
    source = str(Path(__file__).resolve().parents[1] / "src")
    done = subprocess.run([sys.executable, "-c", code, source], capture_output=True, text=True, check=True, timeout=60)
    frozen, left, programs, more = json.loads(done.stdout)
    assert frozen > 300_000 and left < 10_000 and programs > 0 and more == 64
