from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import r2_score

from bioseq_lstm.metrics.correlation import Ranks, determination, weighted_pearson


@st.composite
def weighted_columns(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two columns with many ties, and how often each row is repeated."""
    rows = draw(st.integers(3, 25))
    values = st.lists(st.integers(-3, 3), min_size=rows, max_size=rows)
    times = draw(st.lists(st.integers(0, 4), min_size=rows, max_size=rows))
    return np.array(draw(values), float), np.array(draw(values), float), np.array(times)


@given(weighted_columns())
def test_ranks_are_those_of_scipy_after_repeating_the_rows(columns) -> None:
    x, _, times = columns
    ranks = Ranks(x[:, None])(times[:, None].astype(float))[:, 0]
    np.testing.assert_allclose(np.repeat(ranks, times), stats.rankdata(np.repeat(x, times)))


@given(weighted_columns())
def test_pearson_and_r2_are_those_of_repeated_rows(columns) -> None:
    x, y, times = columns
    weights = times[:, None].astype(float)
    long_x, long_y = np.repeat(x, times), np.repeat(y, times)
    pearson = weighted_pearson(x[:, None], y[:, None], weights)[0]
    r2 = determination(x[:, None], y[:, None], weights)[0]
    if len(set(long_x)) < 2:
        assert np.isnan(pearson)
        assert np.isnan(r2)
        return
    assert r2 == pytest.approx(r2_score(long_x, long_y))
    if len(set(long_y)) < 2:
        assert np.isnan(pearson)
    else:
        assert pearson == pytest.approx(stats.pearsonr(long_x, long_y)[0], abs=1e-12)


def test_a_large_offset_does_not_cost_digits() -> None:
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(2, 100))
    far = weighted_pearson((x + 1e5)[:, None], (y - 1e5)[:, None], np.ones((100, 1)))[0]
    assert far == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-8)


def test_a_constant_that_is_not_a_binary_fraction_has_no_correlation() -> None:
    x = np.arange(7.0)[:, None]
    assert np.isnan(weighted_pearson(x, np.full((7, 1), 0.1), np.full((7, 1), 3.0))[0])
