"""The generated reference: nothing is missing, and everything has words."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def tools() -> Iterator[None]:
    sys.path.insert(0, str(ROOT / "tools" / "docs"))
    yield
    sys.path.remove(str(ROOT / "tools" / "docs"))
    for name in ("interfaces", "parameters", "remedies", "commands"):
        sys.modules.pop(name, None)


def tool(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize(("kind", "folder"), [("msg", "msg"), ("srv", "srv"), ("action", "action")])
def test_every_interface_and_field_has_a_comment(kind: str, folder: str) -> None:
    interfaces = tool("interfaces")
    files = sorted((ROOT / folder).glob(f"*.{kind}"))
    page = interfaces.page(ROOT, kind, "x")
    silent = []
    for path in files:
        parsed = interfaces.parse(path.read_text(encoding="utf-8"), path.name)
        assert f"\n## {path.stem}\n" in page
        assert len(parsed.parts) == len(interfaces.PARTS[kind]), path.name
        silent += [
            f"{path.name}: {e.name}" for entries in parsed.parts for e in entries if not e.comment and e.name.islower()
        ]
        if not parsed.comment:
            silent.append(path.name)
    assert files and not silent


def test_line_that_is_no_field_is_refused_with_its_number() -> None:
    with pytest.raises(ValueError, match=r"Odd\.msg, line 2"):
        tool("interfaces").parse("# x\nno field at all!\n", "Odd.msg")


def test_every_parameter_of_every_node_is_on_the_page_with_its_words() -> None:
    parameters = tool("parameters")
    page = parameters.page(ROOT)
    for path in (ROOT / "src" / "strands_robots").glob("*/node.py"):
        source = path.read_text(encoding="utf-8")
        name, found = parameters.of_node(source)
        assert len(found) == len(re.findall(r"=\s*parameter\(", source)), path
        for entry in found:
            assert entry.description and f"| `{entry.name}` |" in page, (name, entry.name)


def test_every_remedy_of_doctor_is_in_the_table() -> None:
    remedies = tool("remedies")
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src" / "strands_robots" / "doctor").glob("*.py")]
    found = [remedy for source in sources for remedy in remedies.of_source(source)]
    assert len(found) > 10
    assert all(len(remedy.remedy) == 2 and all(remedy.remedy) for remedy in found)
    assert remedies.table(ROOT).count("\n") == len(found) + 1


def test_table_without_doctor_says_so(tmp_path: Path) -> None:
    assert "no remedies" in tool("remedies").table(tmp_path)


def test_commands_and_launch_arguments_are_complete() -> None:
    from strands_robots.bringup.sim import LAUNCH_ARGUMENTS
    from strands_robots.cli.commands import COMMANDS

    page = tool("commands").commands_page()
    for name in COMMANDS:
        assert f"## strands-robots {name}\n" in page
    launch = tool("commands").launch_page()
    assert all(f"| `{name}` |" in launch for name in LAUNCH_ARGUMENTS)


def test_text_of_comments_is_no_markup() -> None:
    assert tool("interfaces").escape("<run> a|b [m] *x*") == r"&lt;run&gt; a&#124;b \[m\] \*x\*"
