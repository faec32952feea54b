"""Mutation testing of the code that a stop and the audit depend on: which changes of the code does no test notice?

Works on a copy in a temporary folder, with the unit tests of each target. Prints the survivors as file:line, the mutation and the line,
for docs/explanation/mutation_testing.md, where each that is left is explained.

    python tools/mutation.py [latch gate chain ...]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Target:
    """Modules below src/strands_robots, the tests below test/ that must notice a change, and the processor time that these may take [s].

    A mutant that uses more counts as killed. Wall time has a limit of ten times that, so that a busy machine kills no mutant.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    timeout: float


TARGETS = {
    "latch": Target(
        ("control/latch.py", "control/lease.py", "control/sequences.py", "control/rest.py"),
        (
            "safety/test_latch.py",
            "safety/test_lease.py",
            "safety/test_rest.py",
            "safety/test_sequences.py",
            "safety/test_gate_motion.py",
            "safety/test_gate_refusals.py",
        ),
        40.0,
    ),
    "gate": Target(
        ("control/gate.py", "control/limits.py", "control/checks.py"),
        (
            "safety/test_gate_edges.py",
            "safety/test_limits.py",
            "safety/test_gate_refusals.py",
            "safety/test_supervision.py",
            "safety/test_latch.py",
            "safety/test_gate_motion.py",
            "motion/test_handover.py",
            "safety/test_workspace.py",
        ),
        60.0,
    ),
    "chain": Target(
        ("audit/log/record.py", "audit/log/checkpoint.py", "audit/log/lines.py"),
        (
            "audit/test_record.py",
            "audit/test_checkpoint.py",
            "audit/test_vectors.py",
            "audit/test_lines_and_ranges.py",
            "audit/test_tamper.py",
        ),
        60.0,
    ),
}

CONFIGURATION = """\
[cosmic-ray]
module-path = [{modules}]
timeout = {wall}
excluded-modules = []
test-command = "sh -c 'ulimit -t {timeout}; rm -f {compiled}; exec {python} -m pytest -q -x -o addopts=--import-mode=importlib {tests}'"

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = [
    "core/ReplaceBinaryOperator_(?!(Add_Sub|Sub_Add|Mul_Div|Div_Mul|Mod_Mul)$).*",
    "core/Variable.*",
    "core/RemoveDecorator",
]
"""
"""What was compiled of a mutated module is removed: Python would take it for a mutant of the same size and second.

Binary operators are exchanged with their opposites only: the others mostly make a TypeError, and `|` stands in annotations."""


def run_target(name: str, copy: Path) -> tuple[int, int]:
    """Mutate one target in the copy, print its survivors, and return how many mutants there were and how many survived."""
    target = TARGETS[name]
    configuration, session = copy / f"{name}.toml", copy / f"{name}.sqlite"
    configuration.write_text(
        CONFIGURATION.format(
            modules=", ".join(f'"src/strands_robots/{module}"' for module in target.modules),
            timeout=round(target.timeout),
            wall=10.0 * target.timeout,
            python=sys.executable,
            compiled=" ".join(_compiled(module) for module in target.modules),
            tests=" ".join(f"test/{test}" for test in target.tests),
        ),
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for program in (
        ["cosmic-ray", "baseline", configuration.name],
        ["cosmic-ray", "init", configuration.name, session.name],
        ["cr-filter-operators", session.name, configuration.name],
        ["cosmic-ray", "exec", configuration.name, session.name],
    ):
        path = str(Path(sys.executable).with_name(program[0]))
        subprocess.run([path, *program[1:]], cwd=copy, env=environment, check=True, stdout=subprocess.DEVNULL)
    return _print_survivors(name, copy, session)


def _compiled(module: str) -> str:
    path = Path("src/strands_robots") / module
    return str(path.parent / "__pycache__" / f"{path.stem}.*.pyc")


def _print_survivors(name: str, copy: Path, session: Path) -> tuple[int, int]:
    from cosmic_ray.work_db import WorkDB, use_db
    from cosmic_ray.work_item import TestOutcome, WorkerOutcome

    count = survived = 0
    with use_db(str(session), WorkDB.Mode.open) as database:
        for item, result in database.completed_work_items:
            if result.worker_outcome is WorkerOutcome.SKIPPED:
                continue
            count += 1
            if result.test_outcome is TestOutcome.KILLED:
                continue
            survived += 1
            for mutation in item.mutations:
                line = (copy / mutation.module_path).read_text(encoding="utf-8").splitlines()[mutation.start_pos[0] - 1]
                operator = mutation.operator_name.removeprefix("core/")
                place = f"{Path(mutation.module_path).name}:{mutation.start_pos[0]}:{mutation.start_pos[1]}"
                print(f"{name} {place} {operator} #{mutation.occurrence}: {line.strip()}", flush=True)
    print(f"{name}: {count} mutants, {survived} survived", flush=True)
    return count, survived


def main() -> None:
    """Run the named targets, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "targets", nargs="*", default=list(TARGETS), help=f"of {', '.join(TARGETS)}; all when not given"
    )
    names: list[str] = parser.parse_args().targets
    for name in names:
        if name not in TARGETS:
            parser.error(f"unknown target '{name}'; valid: {', '.join(TARGETS)}")
    with tempfile.TemporaryDirectory(prefix="strands_robots_mutation_") as folder:
        copy = Path(folder)
        for part in ("src", "test", "config", "urdf"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        for name in names:
            run_target(name, copy)


if __name__ == "__main__":
    main()
