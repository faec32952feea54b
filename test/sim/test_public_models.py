"""The robots of example-robot-data, robosuite and robosuite-models, where they are present: each loads, or says why not.

They are found as installed packages, or in the folders that STRANDS_ROBOTS_PUBLIC_MODELS names (unpacked wheels do). The table in
docs/how_to/use_another_robot.md is what this test finds; `python -m test.sim.test_public_models` prints it.
"""

from __future__ import annotations

import os
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from strands_robots.core.errors import ModelError
from strands_robots.description.robot_model import describe_model
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

FOLDERS = "STRANDS_ROBOTS_PUBLIC_MODELS"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "robots.md"
BEGIN, END = "<!-- public models: begin -->", "<!-- public models: end -->"
PATTERNS = {
    "example-robot-data": "share/example-robot-data/robots/**/*.urdf",
    "robosuite": "robosuite/models/assets/robots/*/robot.xml",
    "robosuite-models": "robosuite_models/assets/robots/*/robot.xml",
}
REASONS = {
    "collision shapes in Collada; convert them to .stl or .obj": r"a collision shape is the mesh",
    "no joint; an object (`world/load`, `spawn_entity`), not a robot": r"no hinge or slide joint",
    "mesh with too many or no faces; convert it": r"stl_decoder",
    "names a mesh that the collection does not have": r"not found on AMENT_PREFIX_PATH|does not exist",
    "mesh that is no solid, with a mass; give the link an `<inertial>`": r"mesh volume is too small|inconsistent orientation",
}


def found() -> dict[str, list[Path]]:
    """Return the model files of each collection that is present."""
    roots = [Path(text) for text in os.environ.get(FOLDERS, "").split(os.pathsep) if text]
    roots += [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    files: dict[str, list[Path]] = {}
    for collection, pattern in PATTERNS.items():
        for root in roots:
            for base in (root, *root.glob("*.prefix"), *root.glob("*/*.prefix"), *root.glob("*")):
                hits = sorted(base.glob(pattern)) if base.is_dir() else []
                if hits:
                    files.setdefault(collection, hits)
    return files


def outcome(path: Path) -> str:
    """Return "loads" or why a model does not."""
    try:
        config = describe_model(path)
        World(WorldConfig(robots=(RobotSpec("r", config, (0.0, 0.0, 1.5)),))).step(20)
    except ModelError as error:
        words = str(error)
        assert re.search("valid: |remedy: |Try |use ", words), f"no remedy in: {words}"
        return next((reason for reason, pattern in REASONS.items() if re.search(pattern, words)), words)
    return "loads"


def name_of(path: Path) -> str:
    return path.stem if path.suffix == ".urdf" else path.parent.name


def table(files: dict[str, list[Path]]) -> dict[str, list[str]]:
    """Return the rows of each collection."""
    rows: dict[str, list[str]] = {}
    for collection, paths in files.items():
        names: dict[str, set[str]] = defaultdict(set)
        for path in paths:
            names[outcome(path)].add(name_of(path))
        rows[collection] = [
            f"| {collection} | {result} | {len(names[result])} | {', '.join(f'`{name}`' for name in sorted(names[result]))} |"
            for result in sorted(names, key=lambda result: (result != "loads", result))
        ]
    return rows


@pytest.mark.long
@pytest.mark.parametrize("collection", PATTERNS)
def test_table_of_public_models_says_what_loads(collection: str) -> None:
    files = found()
    if collection not in files:
        pytest.skip(f"{collection} is not installed, and {FOLDERS} names no folder with it")
    text = DOCS.read_text(encoding="utf-8")
    said = text[text.index(BEGIN) : text.index(END)]
    rows = table({collection: files[collection]})[collection]
    missing = [row for row in rows if row not in said]
    assert not missing, "docs/how_to/use_another_robot.md should say:\n" + "\n".join(rows)


if __name__ == "__main__":
    for lines in table(found()).values():
        print("\n".join(lines))
