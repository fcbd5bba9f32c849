"""A report of one section, and the type of what opens it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bioseq_lstm.reporting.page import write_report
from bioseq_lstm.reporting.panels import Page, Panel, Section

Open = Callable[..., tuple[Any, Any]]


def one_section(path: Path, *items: Panel) -> Path:
    write_report(path, Page("t", "s", ["v"], [], [Section("data", "Data", "", list(items))], {}))
    return path
