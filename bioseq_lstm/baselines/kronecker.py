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

_POWERS = (1, 2)
_SHARED = (0.03, 0.1, 0.3, 1.0)
_STRENGTHS = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
_FIRST_STRENGTH = 1.0
_TOLERANCE = 1e-4
_MAX_STEPS = 300
_UNSOLVED = "Kronecker kernel ridge: conjugate gradients did not converge to a finite solution"


@dataclass(frozen=True)
class KernelForm:
    """How both kernels are made: ``similarity ** power + shared``.

    Their product then holds, beside the pair itself, what all targets of a drug and all drugs of a
    target have in common: ``Kd Kt + shared Kd + shared Kt + shared²``.
    """

    drug_power: int
    target_power: int
    shared: float


class KroneckerRidge:
    """Kernel ridge regression with the product of drug and target similarity as kernel.

    On public kinase benchmarks it is as good as most published networks, which makes it the floor
    that a network has to reach. When the training pairs are all drugs times all targets, the
    solution comes from the eigenvectors of both kernels, exactly; otherwise by conjugate gradients
    on the observed pairs alone, where the kernel between all pairs is never written down: its
    product with a vector is two small matrix products. The form of the kernels, and then the
    strength of the ridge, are the best on the validation pairs, among those whose system of
    equations was solved.
    """

    form: KernelForm
    strength: float

    def fit(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        """Raises RuntimeError when conjugate gradients converged for no form or no strength."""
        self._mean = float(train.values.mean())
        known = _KnownPairs.of(train, self._mean)
        forms = [KernelForm(*choice) for choice in product(_POWERS, _POWERS, _SHARED)]
        errors = []
        for form in forms:
            kernels = _Kernels.of(form, similar, known)
            solved = known.solutions(kernels, (_FIRST_STRENGTH,))
            found = [self._error(kernels, weights, validation) for _, weights in solved]
            errors.append(min(found, default=np.inf))
        if not np.isfinite(errors).any():
            raise RuntimeError(f"{_UNSOLVED} for any form of the kernels")
        self.form = forms[int(np.argmin(errors))]
        self._kernels = _Kernels.of(self.form, similar, known)
        best = np.inf
        for strength, weights in known.solutions(self._kernels, _STRENGTHS):
            error = self._error(self._kernels, weights, validation)
            if error < best:
                best, self.strength, self._weights = error, strength, weights
        if not np.isfinite(best):
            raise RuntimeError(f"{_UNSOLVED} for any strength of the ridge")
        return self

    def predict(self, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(pairs,)``."""
        return self._mean + self._kernels.apply(self._weights, drugs, targets)

    def _error(self, kernels: _Kernels, weights: np.ndarray, validation: Pairs) -> float:
        predicted = kernels.apply(weights, validation.drugs, validation.targets)
        return validation.error(self._mean + predicted)


@dataclass(frozen=True)
class _KnownPairs:
    """Training pairs as places in a table of training drugs x training targets.

    ``drugs`` and ``targets`` number the table's rows and columns among all; ``row`` and ``column``
    place each pair in it; ``values`` are centred.
    """

    drugs: np.ndarray
    targets: np.ndarray
    row: np.ndarray
    column: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, train: Pairs, mean: float) -> _KnownPairs:
        drugs, row = np.unique(train.drugs, return_inverse=True)
        targets, column = np.unique(train.targets, return_inverse=True)
        return cls(drugs, targets, row.reshape(-1), column.reshape(-1), train.values - mean)

    def table(self, vector: np.ndarray) -> np.ndarray:
        """Sums of a vector of pairs in each cell, ``(training drugs, training targets)``."""
        shape = (len(self.drugs), len(self.targets))
        cells = self.row * shape[1] + self.column
        return np.bincount(cells, vector, minlength=shape[0] * shape[1]).reshape(shape)

    def solutions(
        self, kernels: _Kernels, strengths: tuple[float, ...]
    ) -> Iterator[tuple[float, np.ndarray]]:
        """``(K + strength I)⁻¹ values`` as a table, for each strength that could be solved."""
        kd, kt = kernels.drugs[self.drugs], kernels.targets[self.targets]
        if (self.table(np.ones(len(self.values))) == 1).all():
            return _complete(kd, kt, self.table(self.values), strengths)
        return self._observed(kd, kt, strengths)

    def _observed(
        self, kd: np.ndarray, kt: np.ndarray, strengths: tuple[float, ...]
    ) -> Iterator[tuple[float, np.ndarray]]:
        """By conjugate gradients; each strength starts where the last one ended.

        A strength at which they did not converge within ``_MAX_STEPS`` is left out.
        """
        solution, size = np.zeros(len(self.values)), len(self.values)
        for strength in strengths:

            def product_with(vector: np.ndarray, strength: float = strength) -> np.ndarray:
                products: np.ndarray = (kd @ self.table(vector) @ kt)[self.row, self.column]
                return products + strength * vector

            operator = LinearOperator((size, size), matvec=product_with, dtype=float)
            solution, unsolved = cg(
                operator, self.values, x0=solution, rtol=_TOLERANCE, maxiter=_MAX_STEPS
            )
            if unsolved == 0:
                yield strength, self.table(solution)


@dataclass(frozen=True)
class _Kernels:
    """Kernels between everything and the training members: ``(drugs, training drugs)``, and the
    same for targets."""

    drugs: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, form: KernelForm, similar: Similarities, known: _KnownPairs) -> _Kernels:
        return cls(
            similar.drugs[:, known.drugs] ** form.drug_power + form.shared,
            similar.targets[:, known.targets] ** form.target_power + form.shared,
        )

    def apply(self, weights: np.ndarray, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Weighted sums of the kernel over the training pairs, for each pair: ``(pairs,)``."""
        halfway = self.drugs @ weights
        sums: np.ndarray = np.einsum("pt,pt->p", halfway[drugs], self.targets[targets])
        return sums


def _complete(
    kd: np.ndarray, kt: np.ndarray, table: np.ndarray, strengths: tuple[float, ...]
) -> Iterator[tuple[float, np.ndarray]]:
    """From the eigenvectors of both kernels: K = Kd ⊗ Kt has the products of their eigenvalues."""
    drug_values, drug_vectors = np.linalg.eigh(kd)
    target_values, target_vectors = np.linalg.eigh(kt)
    rotated = drug_vectors.T @ table @ target_vectors
    values = np.outer(drug_values, target_values)
    for strength in strengths:
        yield strength, drug_vectors @ (rotated / (values + strength)) @ target_vectors.T
