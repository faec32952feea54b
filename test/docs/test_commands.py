"""Every block of commands in the documents runs against one simulated graph, or says why it does not."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from system.simulation import Simulation

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TIMEOUT = 60.0

# The README is read on its own page, without comments for tests: what these begin with would start a graph or a build of its own.
OWN_GRAPH = {"README.md": ("make ", "colcon ", "git clone ", "docker ")}
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*) *$")
_REASON = re.compile(r"<!-- not run: (?P<reason>.+) -->")


@dataclass(frozen=True)
class Block:
    """One fenced block of shell commands."""

    page: str
    line: int
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Return a page's blocks of bash."""
    name = str(page.relative_to(ROOT))
    lines = page.read_text(encoding="utf-8").splitlines()
    found, start, before = [], None, ""
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if start is None and fence:
            start, language = number, fence["language"]
        elif start is not None and fence and not fence["language"]:
            text = "\n".join(lines[start : number - 1])
            if language in ("bash", "sh", "shell", "console"):
                reason = _REASON.search(before)
                why = reason["reason"] if reason else ""
                if text.startswith(OWN_GRAPH.get(name, ("\0",))):
                    why = why or "starts a graph or a build of its own"
                found.append(Block(name, start, text, why))
            start = None
        if start is None and line.strip() and not fence:
            before = line
    return found


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
DISTINCT = {block.text: block for block in reversed(BLOCKS) if not block.reason}


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    folder = tmp_path_factory.mktemp("documents")
    for name in ("install", "examples", "config", "requirements"):
        (folder / name).symlink_to(ROOT / name)
    # The documents' robot is called so101; the blocks draw a picture, which needs no camera topic.
    started = Simulation(folder)
    yield started
    started.close()


CASES = [block for block in BLOCKS if DISTINCT.get(block.text) is block]


@pytest.mark.long
@pytest.mark.flaky(reruns=2)  # a busy machine can stall the simulated robot, which then stops
@pytest.mark.parametrize("block", CASES, ids=str)
def test_commands_of_the_document_succeed(simulation: Simulation, block: Block) -> None:
    simulation.arm()
    done = subprocess.run(
        ["bash", "-e", "-u", "-c", "set +u; " + block.text],
        cwd=simulation.output_file.parent,
        env={**simulation.environment, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, f"{block}\n{block.text}\n{done.stdout}\n{done.stderr}"


def test_blocks_that_do_not_run_say_why() -> None:
    assert len(BLOCKS) > 15 and len(DISTINCT) >= 8
    for block in BLOCKS:
        assert block.text.strip()
        assert not block.reason or len(block.reason) > 10, str(block)


def test_blocks_of_strands_robots_are_marked_as_bash() -> None:
    for page in PAGES:
        inside, language = False, ""
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            fence = _FENCE.match(line)
            if fence:
                inside, language = not inside, fence["language"]
            elif inside and line.startswith("strands-robots "):
                assert language in ("bash", "sh"), (
                    f"{page.relative_to(ROOT)}:{number} is in no block of bash, so it is not run"
                )
