"""Kronecker kernel ridge regression: drugs and targets together, in closed form.

Pahikkala et al. (2015), Briefings in Bioinformatics 16, 325-337, and Airola & Pahikkala (2018),
IEEE Transactions on Neural Networks and Learning Systems 29, 3374-3387.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from bioseq_lstm.baselines.affinity import Pairs, Similarities

_STRENGTHS = tuple(float(strength) for strength in np.logspace(-1.5, 1.5, 7))
_POWERS = (1, 2)
_SHARED = (0.03, 0.3)
_TOLERANCE = 1e-4
_MAX_STEPS = 300


@dataclass(frozen=True)
class KernelChoice:
    """How both kernels are made, and the ridge strength.

    Each kernel is ``similarity ** power + shared``; their product then holds, beside the pair
    itself, what all targets of a drug and all drugs of a target have in common:
    ``Kd Kt + shared Kd + shared Kt + shared²``.
    """

    drug_power: int
    target_power: int
    shared: float
    strength: float


class KroneckerRidge:
    """Kernel ridge regression with the product of drug and target similarity as kernel.

    On public kinase benchmarks it is as good as most published networks, which makes it the floor
    that a network has to reach. When the training pairs are all drugs times all targets, the
    solution comes from the eigenvectors of both kernels, exactly; otherwise by conjugate gradients
    on the observed pairs alone, where the kernel between all pairs is never written down: its
    product with a vector is two small matrix products. Powers of the similarities, the shared part
    and the strength are chosen on the validation pairs.
    """

    def fit(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        self._mean = float(train.values.mean())
        best = np.inf
        for choice, weights, kernels in _candidates(train, self._mean, similar):
            predicted = kernels.predict(weights, validation.drugs, validation.targets)
            error = validation.error(self._mean + predicted)
            if error < best:
                best, self.choice = error, choice
                self._weights, self._kernels = weights, kernels
        return self

    def predict(self, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(pairs,)``."""
        return self._mean + self._kernels.predict(self._weights, drugs, targets)


@dataclass(frozen=True)
class _Kernels:
    """Kernels between everything and the training members: ``(drugs, training drugs)``, same for
    targets. ``weights`` below are ``(training drugs, training targets)``."""

    drugs: np.ndarray
    targets: np.ndarray

    def predict(self, weights: np.ndarray, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        halfway = self.drugs @ weights
        predicted: np.ndarray = np.einsum("pt,pt->p", halfway[drugs], self.targets[targets])
        return predicted


def _candidates(
    train: Pairs, mean: float, similar: Similarities
) -> Iterator[tuple[KernelChoice, np.ndarray, _Kernels]]:
    """Every choice with its solution."""
    drugs, d = np.unique(train.drugs, return_inverse=True)
    targets, t = np.unique(train.targets, return_inverse=True)
    d, t, centred = d.reshape(-1), t.reshape(-1), train.values - mean
    shape = (len(drugs), len(targets))
    cells = d * shape[1] + t
    complete = len(np.unique(cells)) == len(cells) == shape[0] * shape[1]
    for drug_power, target_power, shared in product(_POWERS, _POWERS, _SHARED):
        kernels = _Kernels(
            similar.drugs[:, drugs] ** drug_power + shared,
            similar.targets[:, targets] ** target_power + shared,
        )
        kd, kt = kernels.drugs[drugs], kernels.targets[targets]
        if complete:
            table = np.empty(shape)
            table[d, t] = centred
            solutions = _complete_solutions(kd, kt, table)
        else:
            solutions = _observed_solutions(kd, kt, d, t, centred)
        for strength, weights in solutions:
            yield KernelChoice(drug_power, target_power, shared, strength), weights, kernels


def _complete_solutions(
    kd: np.ndarray, kt: np.ndarray, table: np.ndarray
) -> Iterator[tuple[float, np.ndarray]]:
    """``(Kd ⊗ Kt + strength I)⁻¹ y`` for every strength, from two eigendecompositions."""
    drug_values, drug_vectors = np.linalg.eigh(kd)
    target_values, target_vectors = np.linalg.eigh(kt)
    rotated = drug_vectors.T @ table @ target_vectors
    values = np.outer(drug_values, target_values)
    for strength in _STRENGTHS:
        yield strength, drug_vectors @ (rotated / (values + strength)) @ target_vectors.T


def _observed_solutions(
    kd: np.ndarray, kt: np.ndarray, d: np.ndarray, t: np.ndarray, y: np.ndarray
) -> Iterator[tuple[float, np.ndarray]]:
    """The same over the observed pairs alone, by conjugate gradients.

    From the strongest to the weakest, each starting where the last one ended. A pair that was
    measured more than once takes part that often.
    """
    cells, shape, solution = d * len(kt) + t, (len(kd), len(kt)), np.zeros(len(y))

    def spread(vector: np.ndarray) -> np.ndarray:
        return np.bincount(cells, vector, minlength=len(kd) * len(kt)).reshape(shape)

    for strength in reversed(_STRENGTHS):

        def product_with(vector: np.ndarray, strength: float = strength) -> np.ndarray:
            products: np.ndarray = (kd @ spread(vector) @ kt)[d, t]
            return products + strength * vector

        operator = LinearOperator((len(y), len(y)), matvec=product_with, dtype=float)
        solution, _ = cg(operator, y, x0=solution, rtol=_TOLERANCE, maxiter=_MAX_STEPS)
        yield strength, spread(solution)
