"""The page on encoders names every one, and its figures are what their script draws."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bioseq_lstm.nn.encoders import ENCODERS
from bioseq_lstm.tasks import TASKS

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "encoders.md").read_text(encoding="utf-8")


def test_every_encoder_has_a_section_with_equations_and_a_figure() -> None:
    sections = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## )", PAGE, flags=re.S | re.M))
    assert set(sections) == set(ENCODERS)
    for name, text in sections.items():
        assert f"figures/cell-{name.replace('_', '-')}.svg" in text
        assert text.count("$$") == 2
        assert "*Compared with*" in text


@pytest.mark.parametrize("task", TASKS)
def test_the_page_on_baselines_has_a_row_each(task: str) -> None:
    page = (DOCS / "baselines.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith(f"| {task} |")]
    about = TASKS[task].about_baselines()
    assert rows == [f"| {task} | `{name}` | {line} |" for name, line in about.items()]


def test_every_file_that_the_pages_link_to_exists() -> None:
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (DOCS / target).exists(), f"{page.name}: {target}"


def test_the_figures_are_those_that_the_script_draws(tmp_path: Path) -> None:
    for source in ("cells.py", "drawing.py"):
        (tmp_path / source).write_bytes((DOCS / "figures" / source).read_bytes())
    subprocess.run([sys.executable, str(tmp_path / "cells.py")], check=True)
    drawn = {path.name: path.read_text() for path in tmp_path.glob("cell-*.svg")}
    kept = {path.name: path.read_text() for path in (DOCS / "figures").glob("cell-*.svg")}
    assert drawn == kept
