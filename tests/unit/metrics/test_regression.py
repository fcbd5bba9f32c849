from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import r2_score, root_mean_squared_error

from bioseq_lstm.metrics.regression import METRICS, ExpressionScorer


@pytest.fixture
def table() -> tuple[np.ndarray, np.ndarray]:
    """Truth and prediction, 40 genes x 5 conditions; one truth in ten is missing."""
    generator = np.random.default_rng(2)
    level = generator.normal(8, 2, size=(40, 1))
    truth = np.round(level + generator.normal(size=(40, 5)), 1)
    predicted = 0.5 * level + generator.normal(size=(40, 5))
    truth[generator.random(truth.shape) < 0.1] = np.nan
    return truth, predicted


def by_hand(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Condition by condition with scipy and scikit-learn."""
    rows = []
    for t, p in zip(truth.T, predicted.T, strict=True):
        known = ~np.isnan(t)
        t, p = t[known], p[known]
        rows.append((stats.pearsonr(t, p)[0], stats.spearmanr(t, p)[0], r2_score(t, p)))
    return dict(zip(("pearson", "spearman", "r2"), np.mean(rows, axis=0), strict=True))


def centred(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    shown = np.where(known, values, np.nan)
    return np.round(shown - np.nanmean(shown, axis=1, keepdims=True), 9)


def test_figures_agree_with_scipy_and_scikit_learn_on_repeated_genes(table) -> None:
    truth, predicted = table
    times = np.random.default_rng(3).integers(0, 4, size=len(truth))
    figures = ExpressionScorer(truth, predicted, np.arange(40)).figures(times.astype(float))

    t, p = np.repeat(truth, times, axis=0), np.repeat(predicted, times, axis=0)
    known = ~np.isnan(t)
    expected = by_hand(t, p)
    within = by_hand(centred(t, known), centred(p, known))
    expected |= {f"{key}_centred": value for key, value in within.items()}
    pooled = (centred(values, known)[known] for values in (t, p))
    expected["pearson_pooled"] = stats.pearsonr(*pooled)[0]
    expected["rmse"] = root_mean_squared_error(t[known], p[known])
    assert figures == pytest.approx(expected, abs=1e-8)


def test_each_gene_at_its_own_level_is_a_good_correlation_and_a_useless_centred_one() -> None:
    generator = np.random.default_rng(4)
    level = generator.normal(8, 2, size=(200, 1))
    truth = level + generator.normal(0, 0.3, size=(200, 6))
    figures = ExpressionScorer(truth, np.tile(level, 6), np.arange(200)).figures(np.ones(200))
    assert figures["pearson"] > 0.95
    assert np.isnan(figures["pearson_centred"])
    assert np.isnan(figures["spearman_centred"])
    assert np.isnan(figures["pearson_pooled"])
    assert figures["r2_centred"] == pytest.approx(0, abs=0.05)


def test_the_mean_of_each_condition_ranks_no_gene(table) -> None:
    _, truth = table
    means = np.tile(truth.mean(axis=0) / 3, (40, 1))
    figures = ExpressionScorer(truth, means, np.arange(40)).figures(np.ones(40))
    undefined = {key for key, value in figures.items() if np.isnan(value)}
    assert undefined == {"pearson", "spearman", "pearson_centred", "spearman_centred"}


def test_the_mean_of_each_condition_tells_what_all_genes_share() -> None:
    generator = np.random.default_rng(6)
    shared, own = generator.normal(size=(1, 50)), generator.normal(size=(2000, 50))
    truth = generator.normal(8, 2, size=(2000, 1)) + shared + own
    figures = ExpressionScorer(truth, np.tile(shared, (2000, 1)), np.arange(2000)).figures(
        np.ones(2000)
    )
    # What is shared and what is a gene's own have variances v and 1: r = sqrt(v / (v + 1)).
    spread = float(shared.var())
    assert figures["pearson_pooled"] == pytest.approx((spread / (spread + 1)) ** 0.5, abs=0.01)


def test_a_condition_with_constant_prediction_counts_as_no_correlation() -> None:
    truth = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    predicted = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    assert ExpressionScorer(truth, predicted, [0, 1, 2]).figures(np.ones(3))["pearson"] == 0.5


def test_a_condition_with_constant_truth_is_left_out() -> None:
    truth = np.array([[1.0, 4.0], [2.0, 4.0], [3.0, 4.0]])
    predicted = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 4.0]])
    figures = ExpressionScorer(truth, predicted, [0, 1, 2]).figures(np.ones(3))
    assert figures["pearson"] == pytest.approx(1)
    assert figures["r2"] == pytest.approx(1)


def test_the_table_of_conditions_averages_to_the_figures(table) -> None:
    scorer = ExpressionScorer(*table, np.arange(40))
    conditions = scorer.per_condition(list("abcde"))
    figures = scorer.figures(np.ones(40))
    assert list(conditions["genes"]) == list((~np.isnan(table[0])).sum(axis=0))
    for key in ("pearson", "spearman", "r2", "pearson_centred", "r2_centred"):
        assert conditions[key].mean() == pytest.approx(figures[key])


def test_every_figure_is_described_as_a_metric(table) -> None:
    figures = ExpressionScorer(*table, np.arange(40)).figures(np.ones(40))
    assert list(figures) == [metric.key for metric in METRICS]


def test_a_missing_prediction_is_refused_only_where_the_truth_is_known() -> None:
    truth = np.array([[1.0, np.nan], [2.0, 3.0]])
    ExpressionScorer(truth, np.array([[1.0, np.nan], [2.0, 3.0]]), [0, 1])
    with pytest.raises(ValueError, match="missing or infinite where the truth is known"):
        ExpressionScorer(truth, np.array([[np.nan, 1.0], [2.0, 3.0]]), [0, 1])
