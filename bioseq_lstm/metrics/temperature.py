"""Probabilities made honest by one number (Guo, Pleiss, Sun & Weinberger 2017, ICML)."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The temperature, between 1/20 and 20, under which ``truth`` is most likely.

    Args:
        logits: (observations, classes), or logarithms of probabilities.
        truth: (observations,) number of the true class.
    """

    def surprise(log_temperature: float) -> float:
        scores = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scores[np.arange(len(truth)), truth].mean())

    found = minimize_scalar(surprise, bounds=(-np.log(20), np.log(20)), method="bounded")
    return float(np.exp(found.x))


def at_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (..., classes) sharpened (below 1) or softened (above 1); order stays."""
    logits = np.log(np.clip(probabilities, 1e-12, None)) / temperature
    scaled: np.ndarray = softmax(logits, axis=-1)
    return scaled
