"""What every training begins and ends with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bioseq_lstm.learning.fitting import Start, fingerprint
from bioseq_lstm.learning.stacking import Stack
from bioseq_lstm.learning.training import run_network

Make = Callable[..., Any]


def stacked(toy: Make, task: str, factor: float) -> tuple[Start, np.ndarray, np.ndarray]:
    """A network whose deviations are to be ``factor`` times as large, what it says, its centre."""
    data = toy(task)
    torch.manual_seed(0)
    network = data.task.network(data.model, data.encoded, data.parts.train).eval()
    rows = np.arange(len(data.splits))
    said = np.array(run_network(data.task, network, data.encoded, rows, data.model.training))
    centre = network.centre.numpy()
    left = data.encoded.with_arrays(values=centre + factor * (said - centre))
    under = Stack(np.zeros_like(said), {})
    return Start(data.task, data.model, network, left, under, {"stack": {"x": 1}}), said, centre


@pytest.mark.parametrize("task", ["affinity", "expression"])
@pytest.mark.parametrize(("factor", "share"), [(0.25, 0.25), (1.0, 1.0), (-0.5, 0.0), (3.0, 1.0)])
def test_what_a_network_adds_is_shrunk_to_what_validation_bears_out(
    toy: Make, task: str, factor: float, share: float
) -> None:
    begun, said, centre = stacked(toy, task, factor)
    rows = toy(task).parts.validation
    record = begun.settle(begun.network, rows)
    assert record["stack"]["x"] == 1
    assert record["stack"]["share"] == pytest.approx(share, abs=1e-5)
    now = np.array(begun.decode(begun.network, begun.left, rows))
    np.testing.assert_allclose(now, centre + share * (said[rows] - centre), rtol=1e-4, atol=1e-5)


def test_the_share_is_that_of_least_squares_over_known_values(toy: Make) -> None:
    begun, said, centre = stacked(toy, "expression", 0.5)
    rows = toy("expression").parts.validation
    values = begun.left.arrays["values"] + np.random.default_rng(0).normal(0, 0.1, said.shape)
    values[rows[0], 0] = np.nan
    record = replace(begun, left=begun.left.with_arrays(values=values)).settle(begun.network, rows)
    known = np.isfinite(values[rows])
    x, y = ((v[rows] - centre)[known].reshape(-1, 1) for v in (said, values))
    expected = np.linalg.lstsq(x, y[:, 0], rcond=None)[0][0]
    assert record["stack"]["share"] == pytest.approx(np.clip(expected, 0, 1), rel=1e-4)


def test_without_a_baseline_beneath_nothing_is_shrunk(toy: Make) -> None:
    begun, said, _ = stacked(toy, "affinity", 0.5)
    rows = toy("affinity").parts.validation
    alone = replace(begun, under=None, record={"init_from": 1})
    assert alone.settle(alone.network, rows) == {"init_from": 1}
    np.testing.assert_array_equal(alone.decode(alone.network, alone.left, rows), said[rows])


def test_the_fingerprint_tells_apart_whatever_differs() -> None:
    one = {"settings": {"a": 1}, "seed": 1}
    assert fingerprint(one) == fingerprint({"seed": 1, "settings": {"a": 1}})
    assert fingerprint(one) != fingerprint({**one, "seed": 2})
