from __future__ import annotations

import numpy as np
import pytest

from bioseq_lstm.metrics.intervals import conformal_half_width


def test_the_rank_is_that_of_split_conformal_prediction() -> None:
    # n = 39: ceil(40 x 0.95) = 38, the 38th smallest of |1|, ..., |39|; signs do not matter.
    residuals = np.arange(1, 40) * np.resize([1, -1], 39)
    assert conformal_half_width(np.random.default_rng(0).permutation(residuals)) == 38
    # n = 100 at 80 %: ceil(101 x 0.8) = 81.
    assert conformal_half_width(np.arange(1.0, 101.0), level=0.8) == 81


def test_too_few_residuals_give_the_largest() -> None:
    assert conformal_half_width(np.array([3.0, -8.0, 1.0])) == 8


def test_missing_residuals_are_left_out() -> None:
    assert conformal_half_width(np.array([np.nan, 1.0, np.inf, -2.0])) == 2
    with pytest.raises(ValueError, match="no residual"):
        conformal_half_width(np.array([np.nan]))


@pytest.mark.parametrize("n", [19, 50, 200])
def test_new_residuals_are_held_as_often_as_promised(n: int) -> None:
    # Lei et al. 2018, theorem 2.2: coverage between 0.95 and 0.95 + 1 / (n + 1), whatever the
    # distribution; here it is skewed and heavy-tailed.
    rng = np.random.default_rng(n)
    held = []
    for _ in range(2000):
        residuals = rng.standard_t(2, n + 1) ** 3
        held.append(abs(residuals[-1]) <= conformal_half_width(residuals[:-1]))
    error = 4 * np.sqrt(0.95 * 0.05 / 2000)
    assert 0.95 - error <= np.mean(held) <= 0.95 + 1 / (n + 1) + error
