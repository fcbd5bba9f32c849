"""Panels made ready for the templates: what is escaped as HTML and what is carried as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from bioseq_lstm.reporting import galleries, grids, inline, sequences, tables
from bioseq_lstm.reporting.packing import packed
from bioseq_lstm.reporting.panels import (
    Chart,
    Choice,
    Drawing,
    Gallery,
    Grid,
    Panel,
    Table,
    Text,
    Tracks,
    Warning,
)

TABLE_UNDER_CHART_ROWS = 100  # a chart of up to so many rows is also shown as a table


@dataclass(frozen=True)
class PanelView:
    """A panel ready for the template: ``payload`` is its JSON block, ``view`` what is escaped."""

    kind: str
    id: str
    panel: Any
    view: Any = None
    payload: Any = None
    name: str = ""


@dataclass(frozen=True)
class ChartData:
    """The dataset of a chart that a reader would want: the largest."""

    dataset: str
    rows: int

    @property
    def small(self) -> bool:
        return 0 < self.rows <= TABLE_UNDER_CHART_ROWS


def panel_views(items: Sequence[Panel], key: str) -> Iterator[PanelView]:
    """Panels as views.

    Ids are ``<key>_<place>``: a key has no underscore, so they never meet the id of a section.
    """
    for place, panel in enumerate(items, 1):
        yield _view(panel, f"{key}_{place}")


def _view(panel: Panel, id: str) -> PanelView:
    if isinstance(panel, Tracks):
        tracks = sequences.view(panel)
        return PanelView("tracks", id, panel, tracks, tracks.payload(), _file_name(panel.title))
    if isinstance(panel, Table):
        table = tables.view(panel)
        return PanelView("table", id, panel, table, table.payload(), _file_name(panel.title))
    if isinstance(panel, Chart):
        spec = chart_spec(panel.spec)
        name = _file_name(panel.title)
        return PanelView("chart", id, panel, _data_of(spec), _chart_payload(spec, panel), name)
    if isinstance(panel, Grid):
        grid = grids.view(panel)
        return PanelView("grid", id, panel, grid, grid.payload(), _file_name(panel.title))
    if isinstance(panel, Gallery):
        return PanelView("gallery", id, panel, payload=galleries.payload(panel))
    if isinstance(panel, Drawing):
        view = tables.view(Table(panel.title, panel.data))
        payload = {"columns": [column.name for column in view.columns], "rows": view.rows}
        return PanelView("drawing", id, panel, payload=payload, name=_file_name(panel.title))
    if isinstance(panel, Text):
        return PanelView("text", id, panel)
    if isinstance(panel, Warning):
        return PanelView("warning", id, panel)
    raise TypeError(f"not a panel: {type(panel).__name__}")


def chart_spec(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """The Vega-Lite specification with its data, numbers to seven digits; a URL is refused."""
    with alt.data_transformers.enable("default", max_rows=None):
        spec = chart.to_dict()
    spec.pop("$schema", None)
    spec.pop("config", None)  # the page's configuration holds for every chart
    spec.pop("usermeta", None)
    if '"url":' in inline.json_text({key: spec[key] for key in spec if key != "datasets"}):
        raise ValueError("a chart of a report may not load its data from a URL")
    cleaned: dict[str, Any] = _harmless(spec)
    return cleaned


def _chart_payload(spec: dict[str, Any], panel: Chart) -> dict[str, Any]:
    """The specification without its tables, the tables packed, and what may be chosen."""
    tables_of = {name: packed(rows) for name, rows in spec.get("datasets", {}).items()}
    bare = {key: value for key, value in spec.items() if key != "datasets"}
    return {"spec": bare, "data": tables_of, "choice": _choice(panel.choice, _data_of(spec))}


def _choice(choice: Choice | None, data: ChartData) -> dict[str, Any] | None:
    """Options are written as the chart's data are, so that they are found there."""
    if choice is None or not data.rows:
        return None
    options = [[_harmless(name), note] for name, note in choice.notes.items()]
    return {"dataset": data.dataset, "column": choice.column, "options": options}


# Vega-Lite writes titles and orders of names into Vega expressions. It escapes quotes but neither
# a backslash before one (in titles) nor line separators (anywhere), so a label could end the string
# that it stands in. These characters are replaced before Vega-Lite sees them.
_SEPARATORS = dict.fromkeys([*range(32), 127, 0x85, 0x2028, 0x2029], " ")
_IN_TITLES = _SEPARATORS | {ord("\\"): "\u2216", ord('"'): "\u2033"}


def _harmless(part: Any, key: str = "") -> Any:
    """The specification with harmless texts and short numbers, whatever stands in it."""
    if isinstance(part, dict):
        return {name: _harmless(value, name) for name, value in part.items()}
    if isinstance(part, list):
        return [_harmless(value, key) for value in part]
    if isinstance(part, str):
        return part.translate(_IN_TITLES if key == "title" else _SEPARATORS)
    return tables.significant(part) if isinstance(part, float) else part


def _data_of(spec: dict[str, Any]) -> ChartData:
    datasets = {name: len(rows) for name, rows in spec.get("datasets", {}).items()}
    if not datasets:
        return ChartData("", 0)
    largest = max(datasets, key=lambda name: datasets[name])
    return ChartData(largest, datasets[largest])


def _file_name(title: str) -> str:
    """A title as the name of a download: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "data"
