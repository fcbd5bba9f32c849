"""Grids as the page needs them: whole numbers of one step, so that a cell takes three digits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioseq_lstm.reporting.panels import Grid

BEYOND = 0.99  # quantile of the distances from the centre at which the shade is full


@dataclass(frozen=True)
class GridView:
    """``low`` and ``high`` are the values at the ends of the scale."""

    panel: Grid
    low: float
    high: float
    step: float

    def payload(self) -> dict[str, Any]:
        return {
            "rows": list(self.panel.rows),
            "columns": list(self.panel.columns),
            "rowLabel": self.panel.row_label,
            "columnLabel": self.panel.column_label,
            "label": self.panel.label,
            "low": self.low,
            "high": self.high,
            "centre": self.panel.centre,
            "step": self.step,
            "layers": [
                {"name": name, "cells": _cells(values, self.step)}
                for name, values in self.panel.layers.items()
            ],
        }


def view(grid: Grid) -> GridView:
    """The scale of all layers together."""
    values = _known(grid.layers.values())
    if grid.centre is None:
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    else:
        far = np.abs(values - grid.centre)
        reach = float(np.quantile(far, BEYOND)) if len(values) else 1.0
        low, high = grid.centre - reach, grid.centre + reach
    return GridView(grid, low, high, _step(max(abs(low), abs(high))))


def _known(layers: Iterable[np.ndarray]) -> np.ndarray:
    values = np.concatenate([np.ravel(layer).astype(float) for layer in layers])
    return values[np.isfinite(values)]


def _step(extent: float) -> float:
    """A thousandth of the power of ten that holds all values, or a little more."""
    return float(10.0 ** (math.ceil(math.log10(extent)) - 3)) if extent > 0 else 1.0


def _cells(values: np.ndarray, step: float) -> list[int | None]:
    return [
        round(value / step) if math.isfinite(value) else None
        for value in np.ravel(values).astype(float).tolist()
    ]
