"""Sequence logos of attributions: letters as tall as what they bear, below the line if negative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bioseq_lstm.reporting.charts import style
from bioseq_lstm.reporting.panels import Drawing, Shape

ACROSS = 60  # letters in a line
MOST_LINES = 6
WIDTH, HALF, CAPITAL = 12.0, 32.0, 10.0  # of a letter, of a line, of a capital at scale 1
LABELS = 16.0  # under each line
SMALL, DIGIT = 0.65, 5.6  # of the numbers there: scale, and width of a digit
FAINTEST = 0.012  # share of the tallest below which a letter is not drawn


@dataclass(frozen=True)
class Lines:
    """Which lines of a sequence are drawn: where they begin, counted from 0."""

    starts: list[int]
    total: int

    @property
    def said(self) -> str:
        if len(self.starts) == self.total:
            return ""
        return f"Drawn are the {len(self.starts)} of {self.total} lines that bear most."


def lines(values: np.ndarray) -> Lines:
    """All lines of a sequence, or those that bear most of (length,) attributions."""
    starts = list(range(0, len(values), ACROSS))
    borne = [-np.abs(values[start : start + ACROSS]).sum() for start in starts]
    kept = sorted(np.argsort(borne, kind="stable")[:MOST_LINES].tolist())
    return Lines([starts[place] for place in kept], len(starts))


def logo(
    title: str,
    letters: Sequence[str],
    values: np.ndarray,
    drawn: Lines,
    caption: str,
    alt: str,
    data: pd.DataFrame,
) -> Drawing:
    """Letters (length,) with what each of them bears (length,), from ``data``."""
    shown = np.concatenate([values[start : start + ACROSS] for start in drawn.starts])
    tallest = float(np.abs(shown).max(initial=0)) or 1.0
    shapes: list[Shape] = []
    for line, start in enumerate(drawn.starts):
        middle = HALF + line * (2 * HALF + LABELS)
        width = WIDTH * len(values[start : start + ACROSS])
        shapes.append(_rule(width, middle))
        for place in range(start, min(start + ACROSS, len(values))):
            left = (place - start) * WIDTH
            share = float(values[place]) / tallest
            if abs(share) >= FAINTEST:
                shapes.append(_letter(letters[place], left, middle, share))
            if (place + 1) % 10 == 0:
                shapes.append(_label(place + 1, left, middle + HALF + LABELS - 4))
    height = len(drawn.starts) * (2 * HALF + LABELS)
    return Drawing(
        title, ACROSS * WIDTH, height, shapes, f"{caption} {drawn.said}".strip(), alt, data
    )


def _rule(width: float, middle: float) -> Shape:
    ends = {"x1": 0, "x2": width, "y1": middle, "y2": middle}
    return Shape("line", {**ends, "stroke": style.RULE, "stroke-width": 1})


def _letter(letter: str, left: float, middle: float, share: float) -> Shape:
    height = abs(share) * (HALF - 2)
    foot = middle if share > 0 else middle + height
    return Shape(
        "text",
        {
            "transform": f"translate({left:g} {foot:.2f}) scale(1 {height / CAPITAL:.3f})",
            "textLength": WIDTH - 1,
            "lengthAdjust": "spacingAndGlyphs",
            "fill": style.ACCENT if share > 0 else style.OPPOSITE,
        },
        letter,
    )


def _label(number: int, left: float, foot: float) -> Shape:
    text = str(number)
    place = f"translate({left + WIDTH - DIGIT * len(text):g} {foot:g}) scale({SMALL})"
    return Shape("text", {"transform": place, "fill": style.MUTED}, text)
