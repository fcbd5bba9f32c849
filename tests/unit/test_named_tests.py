"""Tests that the documentation names exist under that name and, where it says so, in that file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bioseq_lstm.explain_settings import ExplainSettings

ROOT = Path(__file__).resolve().parents[2]
TESTS = {path: path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py")}
FAULTS = (
    *("test_faults.py", "test_interruption.py", "test_slurm.py"),
    *("test_full_disk.py", "test_stopping.py", "test_turns.py", "test_devices.py"),
)
PAGES = [*ROOT.glob("docs/*.md"), ROOT / "SECURITY.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)(?:\[…\])?`", text))
    for name in named - set(ExplainSettings.model_fields):  # a setting begins like a test
        assert any(f"def {name}(" in code for code in TESTS.values()), name
    for file in set(re.findall(r"\btests/[\w/]+\.py", text)):
        assert (ROOT / file).is_file(), file


def test_the_pages_name_tests_at_all() -> None:
    named = [page.name for page in PAGES if "`test_" in page.read_text(encoding="utf-8")]
    assert {"input.md", "faults.md", "SECURITY.md"} <= set(named)


@pytest.mark.parametrize("name", FAULTS)
def test_every_test_of_a_fault_is_on_the_page_of_faults(name: str) -> None:
    (code,) = (code for path, code in TESTS.items() if path.name == name)
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    missing = [test for test in re.findall(r"^def (test_\w+)", code, re.MULTILINE)
               if f"`{test}`" not in page]  # fmt: skip
    assert not missing
