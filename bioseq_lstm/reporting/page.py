"""One self-contained HTML file per report: it opens offline, from any place, and asks no network.

Text is escaped by Jinja2, data stands in JSON blocks, and a Content-Security-Policy admits only the
scripts and styles that are inlined here (``inline``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bioseq_lstm.files import write_text
from bioseq_lstm.reporting import inline
from bioseq_lstm.reporting.charts.style import CONFIG
from bioseq_lstm.reporting.panels import Entry, Page, Section
from bioseq_lstm.reporting.views import PanelView, panel_views

# Ids that the layout itself uses.
RESERVED_KEYS = {"main", "verdict", "provenance", "tooltip", "chart-theme"}


@dataclass(frozen=True)
class SectionView:
    section: Section
    items: list[PanelView]

    @property
    def warns(self) -> bool:
        return any(item.kind == "warning" for item in self.items)


@dataclass(frozen=True)
class EntryView:
    entry: Entry
    key: str
    href: str
    items: list[PanelView]


def write_report(path: str | Path, page: Page) -> None:
    """Write a report, atomically."""
    write_text(path, render(page))


def write_index(
    path: str | Path,
    entries: Sequence[Entry],
    *,
    title: str = "All datasets",
    subtitle: str = "",
) -> None:
    """Write the index over the reports, atomically."""
    write_text(path, render_index(entries, title=title, subtitle=subtitle))


def render(page: Page) -> str:
    """The HTML of a report; ValueError for two sections of one key or a chart that loads a URL."""
    keys = [section.key for section in page.sections]
    for key in keys:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", key) or key in RESERVED_KEYS:
            raise ValueError(f"the section key {key!r} is reserved or not a plain lower-case word")
    if len(set(keys)) < len(keys):
        raise ValueError(f"two sections have one key: {keys}")
    sections = [
        SectionView(section, list(panel_views(section.items, section.key)))
        for section in page.sections
    ]
    drawn = any(item.kind == "chart" for section in sections for item in section.items)
    return _html("page.html.j2", drawn, page=page, sections=sections)


def render_index(entries: Sequence[Entry], *, title: str, subtitle: str) -> str:
    """The HTML of the index: one part per dataset, with its verdict and a link to its report."""
    views = [
        EntryView(
            entry, f"d{place}", _relative(entry.href), list(panel_views(entry.items, f"d{place}"))
        )
        for place, entry in enumerate(entries, 1)
    ]
    drawn = any(item.kind == "chart" for entry in views for item in entry.items)
    return _html("index.html.j2", drawn, title=title, subtitle=subtitle, entries=views)


def _html(template: str, drawn: bool, **content: Any) -> str:
    # Two scripts, so that the bundle, which is the same on every page, can be checked by its hash.
    scripts = ([inline.vega_bundle()] if drawn else []) + [inline.page_script()]
    styles = [inline.page_style()]
    page_template = _environment().get_template(template)
    text = page_template.render(
        policy=inline.policy(scripts, styles),
        scripts=scripts,
        styles=styles,
        chart_theme=inline.json_text(CONFIG) if drawn else None,
        **content,
    )
    # A broken file name can hold half a surrogate pair, which has no UTF-8, and NUL is no HTML.
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(inline.TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json"] = inline.json_text
    environment.tests["nested_like"] = lambda value: isinstance(value, Mapping | list | tuple)
    environment.tests["mapping_like"] = lambda value: isinstance(value, Mapping)
    environment.tests["list_like"] = lambda value: isinstance(value, list | tuple)
    return environment


def _relative(href: str) -> str:
    """A path relative to the index; a scheme such as ``javascript:`` becomes a plain file name."""
    return "./" + quote(href.encode("utf-8", "replace").lstrip(b"/"), safe="/")
