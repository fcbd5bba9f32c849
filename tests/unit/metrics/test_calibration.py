from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from bioseq_lstm.metrics.calibration import CalibrationScorer, CoverageScorer


def test_the_error_agrees_with_arithmetic_by_hand() -> None:
    # Bin (.8, .9]: confidence .9, accuracy 1/2, two residues; bin (.5, .6]: .6, 1, one residue.
    scorer = CalibrationScorer([np.array([0.9, 0.9, 0.6])], [np.array([True, False, True])], [0])
    assert scorer.figures(np.ones(1))["ece"] == pytest.approx((2 * 0.4 + 0.4) / 3)


def test_the_reliability_table_agrees_with_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    confidence = generator.random(2000)
    correct = generator.random(2000) < confidence**2
    halves = np.array_split(confidence, 2), np.array_split(correct, 2)
    table = CalibrationScorer(*halves, [0, 1]).table()
    accuracy, mean = calibration_curve(correct, confidence, n_bins=10)
    np.testing.assert_allclose(table["accuracy"], accuracy)
    np.testing.assert_allclose(table["confidence"], mean)
    assert table["residues"].sum() == 2000


def test_a_chain_counts_as_often_as_its_weight_says() -> None:
    confidence = [np.array([0.75, 0.35]), np.array([1.0])]
    correct = [np.array([True, False]), np.array([True])]
    weighted = CalibrationScorer(confidence, correct, [0, 1]).figures(np.array([2.0, 1.0]))
    repeated = CalibrationScorer(
        [confidence[0], confidence[0], confidence[1]],
        [correct[0], correct[0], correct[1]],
        [0, 1, 2],
    )
    assert weighted == pytest.approx(repeated.figures(np.ones(3)))


def test_a_confidence_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match="outside 0 to 1"):
        CalibrationScorer([np.array([1.2])], [np.array([True])], [0])


def test_coverage_counts_true_values_inside_and_leaves_out_the_unknown() -> None:
    truth = np.array([1.0, 2.0, 5.0, np.nan])
    low, high = np.zeros(4), np.array([1.0, 3.0, 4.0, 9.0])
    scorer = CoverageScorer(truth, low, high, np.arange(4))
    assert scorer.figures(np.ones(4))["coverage"] == pytest.approx(2 / 3)
    assert scorer.figures(np.array([1.0, 1, 2, 1]))["coverage"] == pytest.approx(2 / 4)
