from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from bioseq_lstm.metrics.temperature import at_temperature, fit_temperature


def observed(temperature: float, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and classes drawn with the probabilities that they have at a temperature."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=3, size=(n, 8))
    # Gumbel's trick: the largest of logits plus noise is a draw from their softmax.
    return logits, (logits / temperature + rng.gumbel(size=logits.shape)).argmax(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_classes_is_found(temperature: float) -> None:
    assert fit_temperature(*observed(temperature)) == pytest.approx(temperature, rel=0.05)


def test_it_does_not_matter_whether_logits_or_logarithms_of_probabilities_are_given() -> None:
    logits, truth = observed(2.5, 500)
    logarithms = np.log(softmax(logits, axis=1))
    assert fit_temperature(logits, truth) == pytest.approx(fit_temperature(logarithms, truth))


def test_overconfident_probabilities_become_as_sure_as_they_are_right() -> None:
    logits, truth = observed(2.5)
    calibrated = at_temperature(softmax(logits, axis=1), fit_temperature(logits, truth))
    right = (calibrated.argmax(axis=1) == truth).mean()
    assert softmax(logits, axis=1).max(axis=1).mean() > right + 0.1
    assert calibrated.max(axis=1).mean() == pytest.approx(right, abs=0.01)


@pytest.mark.parametrize("wrong", [True, False])
def test_the_temperature_stays_finite_where_the_best_one_is_not(wrong: bool) -> None:
    logits = np.eye(3)
    temperature = fit_temperature(logits, np.array([1, 2, 0] if wrong else [0, 1, 2]))
    assert temperature == pytest.approx(20 if wrong else 1 / 20, rel=0.01)


def test_probabilities_are_raised_to_a_power_and_normalised() -> None:
    # Temperature 1/2 squares: (.64, .04) / .68
    found = at_temperature(np.array([[0.8, 0.2]]), 0.5)
    np.testing.assert_allclose(found, [[0.64 / 0.68, 0.04 / 0.68]])
    np.testing.assert_allclose(at_temperature(found, 2.0), [[0.8, 0.2]])


def test_order_stays_and_a_probability_of_zero_is_no_accident() -> None:
    probabilities = np.array([0.0, 0.1, 0.6, 0.3])
    for temperature in (0.1, 1.0, 10.0):
        scaled = at_temperature(probabilities, temperature)
        assert np.argsort(scaled).tolist() == np.argsort(probabilities).tolist()
        assert scaled.sum() == pytest.approx(1)
