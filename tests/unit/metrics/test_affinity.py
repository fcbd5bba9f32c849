from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mean_squared_error

from bioseq_lstm.metrics.affinity import METRICS, AffinityScorer, Concordance


def pairwise_concordance(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, int]:
    """Concordant (ties of prediction one half) and comparable pairs, each pair looked at."""
    concordant, comparable = 0.0, 0
    for i, j in itertools.combinations(range(len(truth)), 2):
        if truth[i] != truth[j]:
            comparable += 1
            agreement = (truth[i] - truth[j]) * (predicted[i] - predicted[j])
            concordant += 1.0 if agreement > 0 else 0.5 if agreement == 0 else 0.0
    return concordant, comparable


@st.composite
def grouped_rows(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    rows = draw(st.integers(1, 30))
    column = st.lists(st.integers(0, 6), min_size=rows, max_size=rows)
    groups = draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows))
    times = draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
    values = (np.array(draw(column), float), np.array(draw(column), float))
    return (*values, np.array(groups), np.array(times))


@given(grouped_rows())
def test_concordance_is_that_of_looking_at_every_pair_of_repeated_rows(rows) -> None:
    truth, predicted, groups, times = rows
    concordant, comparable = Concordance(truth, predicted, groups).counts(times.astype(float))
    for group in range(groups.max() + 1):
        repeated = np.repeat(np.flatnonzero(groups == group), times[groups == group])
        expected = pairwise_concordance(truth[repeated], predicted[repeated])
        assert (concordant[group], comparable[group]) == pytest.approx(expected)


def test_concordance_of_continuous_values_follows_from_kendalls_tau() -> None:
    truth, predicted = np.random.default_rng(0).normal(size=(2, 5000))
    everything = np.zeros(5000, dtype=np.int64)
    concordant, comparable = Concordance(truth, predicted, everything).counts(np.ones(5000))
    tau = stats.kendalltau(truth, predicted).statistic
    assert concordant[0] / comparable[0] == pytest.approx((tau + 1) / 2)


@pytest.fixture
def pairs() -> tuple[np.ndarray, ...]:
    """120 pairs of 15 drugs and 8 targets with affinities on a coarse scale."""
    generator = np.random.default_rng(5)
    truth = np.round(generator.normal(11, 1, size=120), 1)
    predicted = truth + generator.normal(0, 1, size=120)
    every_pair = generator.permutation(15 * 8)
    return truth, predicted, every_pair // 8, every_pair % 8


def test_figures_agree_with_scipy_and_scikit_learn_on_repeated_rows(pairs) -> None:
    times = np.random.default_rng(6).integers(0, 4, size=120)
    figures = AffinityScorer(*pairs).figures(times.astype(float))
    t, p = np.repeat(pairs[0], times), np.repeat(pairs[1], times)
    concordant, comparable = pairwise_concordance(t, p)
    assert figures["mse"] == pytest.approx(mean_squared_error(t, p))
    assert figures["concordance"] == pytest.approx(concordant / comparable)
    assert figures["pearson"] == pytest.approx(stats.pearsonr(t, p)[0])
    assert figures["spearman"] == pytest.approx(stats.spearmanr(t, p)[0])


def test_concordance_per_target_is_the_mean_over_targets_with_five_pairs() -> None:
    generator = np.random.default_rng(7)
    targets = np.repeat([0, 1, 2], [6, 5, 4])
    truth, predicted = generator.normal(size=(2, 15))
    scorer = AffinityScorer(truth, predicted, np.arange(15), targets)
    shares = [
        concordant / comparable
        for concordant, comparable in (
            pairwise_concordance(truth[targets == k], predicted[targets == k]) for k in range(3)
        )
    ]
    assert scorer.figures(np.ones(15))["per_target_concordance"] == pytest.approx(
        (shares[0] + shares[1]) / 2
    )
    # The third target has four pairs, too few to be told by itself.
    assert scorer.per_target()["target"].tolist() == [0, 1]
    np.testing.assert_allclose(scorer.per_target()["concordance"], shares[:2])
    # A target drawn twice counts twice.
    twice = np.where(targets == 0, 2.0, 1.0)
    assert scorer.figures(twice)["per_target_concordance"] == pytest.approx(
        (2 * shares[0] + shares[1]) / 3
    )


def test_rm2_agrees_with_arithmetic_by_hand() -> None:
    # truth 1 2 3, prediction 1 2 4: r² = 4.5² / 3 / ... = (3)² / (2 * 14/3) = 27/28;
    # k = (1 + 4 + 12) / (1 + 4 + 16) = 17/21; errors of the line through the origin:
    # (4/21)² + (8/21)² + (-5/21)² = 105/441, over 2: r0² = 1 - 5/42 = 37/42.
    figures = AffinityScorer([1, 2, 3], [1, 2, 4], [0, 1, 2], [0, 0, 0]).figures(np.ones(3))
    r2, r02 = 27 / 28, 37 / 42
    assert figures["rm2"] == pytest.approx(r2 * (1 - (r2 - r02) ** 0.5))


def test_rm2_is_that_of_repeated_rows(pairs) -> None:
    times = np.random.default_rng(8).integers(0, 4, size=120)
    longer = AffinityScorer(*(np.repeat(column, times) for column in pairs))
    expected = longer.figures(np.ones(times.sum()))["rm2"]
    assert AffinityScorer(*pairs).figures(times.astype(float))["rm2"] == pytest.approx(expected)


def test_a_constant_prediction_is_at_chance_and_has_no_correlation(pairs) -> None:
    truth, _, drugs, targets = pairs
    figures = AffinityScorer(truth, np.full(120, 11.1), drugs, targets).figures(np.ones(120))
    assert figures["concordance"] == 0.5
    assert figures["per_target_concordance"] == 0.5
    assert all(np.isnan(figures[key]) for key in ("pearson", "spearman", "rm2"))


def test_every_figure_is_described_as_a_metric(pairs) -> None:
    figures = AffinityScorer(*pairs).figures(np.ones(120))
    assert list(figures) == [metric.key for metric in METRICS]


def test_drugs_and_targets_are_the_two_axes_of_resampling(pairs) -> None:
    scorer = AffinityScorer(*pairs[:2], [f"d{d}" for d in pairs[2]], [f"t{t}" for t in pairs[3]])
    assert [len(np.unique(axis)) for axis in scorer.units] == [15, 8]
    families = AffinityScorer(*pairs, target_groups=pairs[3] // 4)
    assert [len(np.unique(axis)) for axis in families.units] == [15, 2]


def test_a_missing_prediction_is_refused() -> None:
    with pytest.raises(ValueError, match="missing or infinite"):
        AffinityScorer([1.0, 2.0], [1.0, np.nan], [0, 1], [0, 0])
