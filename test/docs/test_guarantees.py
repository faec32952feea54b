"""The tables of guarantees are what the marks of the tests say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "docs" / "guarantees.py"


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("guarantees", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["guarantees"] = module
    spec.loader.exec_module(module)
    return module


def test_tables_are_up_to_date(tables: ModuleType) -> None:
    page = tables.PAGE.read_text(encoding="utf-8")
    assert page == tables.rewritten(page), "run: python tools/docs/guarantees.py"


def test_many_tests_show_a_guarantee(tables: ModuleType) -> None:
    found = tables.guarantees()
    assert len(found) >= 50
    assert {"Stop", "Supervision"} <= {section for section, _ in found}


def test_section_without_a_table_is_an_error(tables: ModuleType) -> None:
    with pytest.raises(ValueError, match="has no table for"):
        tables.rewritten("# A page without tables\n")
