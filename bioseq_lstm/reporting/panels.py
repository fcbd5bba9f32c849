"""What a report is made of: plain, frozen data that knows no task and no HTML.

Every text in here may come from a user's file. Nothing is escaped at this level; the page escapes
all of it when it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import altair as alt
import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Table:
    """A table of the report; long ones get a search box and pages.

    ``formats`` maps a column to one of the forms ``d``, ``,d``, ``.3f``, ``,.1f``, ``.2e``,
    ``.4g``, ``.1%`` (as in Python's format language; other specs are refused). ``file`` names
    where the whole table lies, for the reader of a table that is too long to be inlined; ``total``
    counts its rows where ``frame`` has only the first of them.
    """

    title: str
    frame: pd.DataFrame
    caption: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)
    download: bool = True
    file: str = ""
    total: int = 0


@dataclass(frozen=True)
class Choice:
    """Which rows of a chart's largest table are drawn: those whose ``column`` is what is chosen.

    ``notes`` has the options in their order, each with what is said under it; the first is drawn
    when the page opens.
    """

    label: str
    column: str
    notes: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Chart:
    """A Vega-Lite chart. ``alt`` says in words what it shows; ``half`` lets two stand abreast."""

    title: str
    spec: alt.TopLevelMixin
    caption: str
    alt: str
    half: bool = False
    choice: Choice | None = None


@dataclass(frozen=True, eq=False)
class Grid:
    """Matrices of the same rows and columns side by side, shaded on one scale.

    Each of ``layers`` is ``(rows, columns)``; NaN is left blank. Values below ``centre`` have one
    hue, those above it another; without a centre all have one. ``label`` names quantity and unit.
    """

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    layers: Mapping[str, np.ndarray]
    label: str
    caption: str
    alt: str
    row_label: str = "row"
    column_label: str = "column"
    centre: float | None = None

    def __post_init__(self) -> None:
        shape = (len(self.rows), len(self.columns))
        for name, values in self.layers.items():
            if np.shape(values) != shape:
                raise ValueError(f"{name} has the shape {np.shape(values)}, not {shape}")


SHAPES: Mapping[str, frozenset[str]] = {
    "path": frozenset({"d"}),
    "circle": frozenset({"cx", "cy", "r"}),
    "line": frozenset({"x1", "y1", "x2", "y2"}),
    "text": frozenset({"x", "y", "textLength", "lengthAdjust", "transform"}),
}
PAINT = frozenset(
    {"fill", "fill-rule", "opacity", "stroke", "stroke-width", "stroke-dasharray",
     "stroke-linecap", "stroke-linejoin"}
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """An element of a drawing: its kind, its attributes as SVG names them, and its text."""

    kind: str
    attributes: Mapping[str, str | float]
    text: str = ""

    def __post_init__(self) -> None:
        known = SHAPES.get(self.kind, frozenset()) | PAINT
        unknown = sorted(self.attributes.keys() - known)
        if self.kind not in SHAPES or unknown:
            raise ValueError(f"a drawing has no {self.kind} with {unknown}")


@dataclass(frozen=True)
class Drawing:
    """A drawing that is no chart: a sequence logo, a molecule. ``alt`` says what it shows.

    ``data`` is the table that it was drawn from, for download.
    """

    title: str
    width: float
    height: float
    shapes: Sequence[Shape]
    caption: str
    alt: str
    data: pd.DataFrame
    half: bool = False


@dataclass(frozen=True)
class Card:
    """One thing of a gallery: its name, what is said of it, and the key of its drawing."""

    name: str
    facts: Sequence[tuple[str, str]]
    drawing: str


@dataclass(frozen=True)
class Gallery:
    """Cards in groups, of which the reader chooses one: the compounds of a target.

    ``groups`` has the cards of each group in their order, ``notes`` what is said of each group.
    ``drawings`` are shapes by key, each ``width`` by ``height``, ``described`` in words; a card
    whose drawing is not among them shows the words. ``label`` names what is chosen.
    """

    title: str
    label: str
    groups: Mapping[str, Sequence[Card]]
    notes: Mapping[str, str]
    drawings: Mapping[str, Sequence[Shape]]
    described: Mapping[str, str]
    width: float
    height: float
    caption: str

    def __post_init__(self) -> None:
        if not self.groups:
            raise ValueError(f"{self.title}: a gallery needs a group to begin with")


@dataclass(frozen=True)
class Text:
    """Paragraphs of plain text."""

    title: str
    paragraphs: Sequence[str]


@dataclass(frozen=True)
class SequenceTrack:
    """A protein chain with its secondary structure, drawn in lines of 60 residues.

    ``predicted`` and ``observed`` are DSSP states, one letter per residue (three or eight states;
    ``.`` is unknown); ``confidence`` is the probability of the predicted state, per residue.
    ``three`` is the call among helix, strand and coil (H, E, C) where it is one of its own: it is
    what is drawn. Without it ``predicted``, reduced, is drawn.
    """

    id: str
    sequence: str
    predicted: str
    confidence: Sequence[float] | None = None
    observed: str | None = None
    note: str = ""
    three: str | None = None

    def __post_init__(self) -> None:
        for name in ("predicted", "confidence", "observed", "three"):
            track = getattr(self, name)
            if track is not None and len(track) != len(self.sequence):
                raise ValueError(
                    f"{self.id}: {name} has {len(track)} entries for {len(self.sequence)} residues"
                )


@dataclass(frozen=True)
class Tracks:
    """A list of chains that can be searched, sorted, copied and downloaded.

    ``file`` names where all of them lie; ``total`` counts them where ``tracks`` are a choice.
    """

    title: str
    tracks: Sequence[SequenceTrack]
    caption: str = ""
    file: str = ""
    total: int = 0


@dataclass(frozen=True)
class Warning:
    """Something the reader must know before believing the figures beside it."""

    text: str


Panel = Table | Chart | Grid | Drawing | Gallery | Text | Tracks | Warning


@dataclass(frozen=True)
class Section:
    """A part of the report; ``key`` becomes its anchor (lower-case letters, digits, hyphens)."""

    key: str
    title: str
    intro: str
    items: Sequence[Panel]


@dataclass(frozen=True)
class Page:
    """A whole report. ``provenance`` is text, numbers, lists and mappings of these, nested."""

    title: str
    subtitle: str
    verdict: Sequence[str]
    warnings: Sequence[str]
    sections: Sequence[Section]
    provenance: Mapping[str, object]


@dataclass(frozen=True)
class Entry:
    """One dataset in the index: ``href`` is the path of its report relative to the index."""

    name: str
    subtitle: str
    href: str
    verdict: Sequence[str]
    warnings: Sequence[str] = ()
    items: Sequence[Panel] = ()
