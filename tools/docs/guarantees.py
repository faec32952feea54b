"""The tables of guarantees in docs/explanation/safety.md, made from the marks of the tests that show them.

    python tools/docs/guarantees.py          # writes the tables anew; test/docs/test_guarantees.py says when that is needed

A test that shows a guarantee says so itself:

    @pytest.mark.guarantee("Stop", "a stop is idempotent and keeps its first reason", "control/latch.py close")

The document names the place of a table by `<!-- guarantees: Stop -->` and its end by `<!-- end of guarantees -->`.
Rows keep their order; a new one comes last.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "safety.md"

_TABLE = re.compile(r"<!-- guarantees: (?P<section>[^>]+?) -->\n(?P<rows>.*?)<!-- end of guarantees -->", re.S)
_HEAD = "| guarantee | code | test |\n|---|---|---|\n"


@dataclass
class Guarantee:
    """One row.

    Attributes:
        section: The table that it stands in.
        text: What is guaranteed, Markdown.
        code: Files below src/strands_robots that do it, with the names in them, separated by ";".
        tests: Tests that show it, below test/.
    """

    section: str
    text: str
    code: str
    tests: list[str] = field(default_factory=list)

    def row(self) -> str:
        """Return the row of the table."""
        code = ", ".join(_code(part.split()) for part in self.code.split(";") if part.strip())
        return f"| {self.text} | {code} | {', '.join(f'`{name}`' for name in self.tests)} |"


def guarantees() -> dict[tuple[str, str], Guarantee]:
    """Return every guarantee that tests are marked with, by section and text.

    Raises:
        ValueError: If two tests give different code for the same guarantee, or a file does not exist.
    """
    found: dict[tuple[str, str], Guarantee] = {}
    for path in sorted((ROOT / "test").rglob("test_*.py")):
        for name, (section, text, code) in _marks(path):
            known = found.setdefault((section, text), Guarantee(section, text, code))
            if known.code != code:
                raise ValueError(f"{path.name}::{name} says that '{text}' is in '{code}', another test '{known.code}'")
            known.tests.append(f"{path.relative_to(ROOT / 'test')}::{name}")
    for each in found.values():
        for part in each.code.split(";"):
            file = part.split()[0]
            if not any((root / file).is_file() for root in (ROOT / "src" / "strands_robots", ROOT)):
                raise ValueError(f"'{each.text}' names {file}, which does not exist")
    return found


def rewritten(page: str) -> str:
    """Return the page with its tables made anew.

    Raises:
        ValueError: If a section of the marks has no table on the page.
    """
    found = guarantees()
    places = {match["section"] for match in _TABLE.finditer(page)}
    if lost := {section for section, _ in found} - places:
        raise ValueError(f"{PAGE.name} has no table for {sorted(lost)}; it has {sorted(places)}")

    def table(match: re.Match[str]) -> str:
        section = match["section"]
        before = [row.split(" | ")[0].removeprefix("| ") for row in match["rows"].splitlines()[2:]]
        texts = [text for place, text in found if place == section]
        ordered = [text for text in before if text in texts] + [text for text in texts if text not in before]
        rows = "\n".join(found[section, text].row() for text in ordered)
        return f"<!-- guarantees: {section} -->\n{_HEAD}{rows}\n<!-- end of guarantees -->"

    return _TABLE.sub(table, page)


def _code(words: list[str]) -> str:
    return " ".join(
        [f"`{words[0]}`", *(f"`{word.rstrip(',')}`{',' if word.endswith(',') else ''}" for word in words[1:])]
    )


def _marks(path: Path) -> Iterator[tuple[str, tuple[str, str, str]]]:
    text = path.read_text(encoding="utf-8")
    if "mark.guarantee" not in text:
        return
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.guarantee":
                    section, words, code = (ast.literal_eval(argument) for argument in mark.args)
                    yield node.name, (section, words, code)


def main() -> None:
    """Write the tables anew."""
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
