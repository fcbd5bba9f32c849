"""The scale and the cells of a grid."""

from __future__ import annotations

import numpy as np
import pytest

from bioseq_lstm.reporting import grids
from bioseq_lstm.reporting.ordering import clustered
from bioseq_lstm.reporting.panels import Grid


def grid(values: np.ndarray, centre: float | None = None) -> Grid:
    rows, columns = (list(map(str, range(size))) for size in values.shape)
    return Grid("t", rows, columns, {"a": values}, "unit", "c", "alt", centre=centre)


def test_a_cell_is_carried_to_a_thousandth_of_the_scale() -> None:
    values = np.array([[7.126, -0.004], [np.nan, 3.0]])
    payload = grids.view(grid(values)).payload()
    assert payload["step"] == pytest.approx(0.01)
    assert payload["layers"] == [{"name": "a", "cells": [713, 0, None, 300]}]
    assert (payload["low"], payload["high"]) == (-0.004, 7.126)


def test_around_a_centre_the_scale_is_even_and_ignores_the_farthest_hundredth() -> None:
    values = np.append(np.linspace(0, 1, 200), 1e6).reshape(3, 67)
    view = grids.view(grid(values, centre=0.5))
    assert view.high - 0.5 == pytest.approx(0.5 - view.low)
    assert view.high < 1.1


@pytest.mark.parametrize("values", [np.full((2, 2), np.nan), np.zeros((2, 2)), np.ones((1, 1))])
def test_a_grid_of_nothing_or_of_one_value_is_still_drawn(values: np.ndarray) -> None:
    for centre in (None, 0.0):
        payload = grids.view(grid(values, centre)).payload()
        assert np.isfinite([payload["low"], payload["high"], payload["step"]]).all()


def test_layers_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="not \\(1, 2\\)"):
        Grid("t", ["r"], ["a", "b"], {"x": np.zeros((2, 1))}, "u", "c", "alt")


def test_clustering_puts_like_beside_like() -> None:
    rng = np.random.default_rng(0)
    kinds = np.tile([0, 1, 2], 8)
    values = np.array([[0.0] * 5, [10.0] * 5, [20.0] * 5])[kinds] + rng.normal(0, 0.1, (24, 5))
    values[3, 2] = np.nan
    order = clustered(values)
    assert sorted(order.tolist()) == list(range(24))
    assert (np.diff(kinds[order]) != 0).sum() == 2


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_rows_to_cluster_stay_as_they_are(count: int) -> None:
    assert clustered(np.ones((count, 4))).tolist() == list(range(count))
