"""What axe-core finds in a report (WCAG 2.2 AA and its own best practices): nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioseq_lstm.reporting.page import write_index, write_report
from bioseq_lstm.reporting.panels import Entry, Page

pytestmark = pytest.mark.browser

Violations = Callable[..., list[str]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_axe_finds_nothing_in_a_report(
    tmp_path: Path,
    example_page: Callable[[str], Page],
    violations: Violations,
    width: int,
    scheme: str,
) -> None:
    write_report(tmp_path / "report.html", example_page(""))
    assert violations(tmp_path / "report.html", width, scheme) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_index(
    tmp_path: Path, violations: Violations, scheme: str
) -> None:
    entries = [
        Entry(name, "1,200 chains", f"{name}/report.html", ["bilstm wins."], ["careful"])
        for name in ("structure", "expression")
    ]
    write_index(tmp_path / "index.html", entries)
    assert violations(tmp_path / "index.html", 375, scheme) == []


def test_axe_would_find_something(tmp_path: Path, violations: Violations) -> None:
    """Else the tests above would pass for want of looking."""
    path = tmp_path / "bad.html"
    path.write_text("<!doctype html><html><body><img src='data:,'><input></body></html>")
    assert {text.split()[1] for text in violations(path, 375, "light")} >= {
        "html-has-lang:",
        "image-alt:",
        "label:",
    }


def test_everything_can_be_reached_and_used_by_keyboard(
    tmp_path: Path, example_page: Callable[[str], Page], open_report: Callable[..., tuple[Any, Any]]
) -> None:
    write_report(tmp_path / "report.html", example_page(""))
    page, findings = open_report(tmp_path / "report.html")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    head = page.locator("figure", has_text="Refused records").get_by_role("button", name="line")
    head.focus()
    for direction in ("descending", "ascending"):
        page.keyboard.press("Space")
        assert page.locator("th[aria-sort]").first.get_attribute("aria-sort") == direction
    summary = page.locator(".track summary").nth(1)
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator(".track").nth(1).get_attribute("open") is not None
    select = page.locator("figure", has_text="By condition").locator("select").first
    select.focus()
    page.keyboard.press("ArrowDown")
    assert select.input_value() == "option 1"
    assert findings.errors == []
