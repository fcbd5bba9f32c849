"""Kernels between pairs of a drug and a target, and ridge regression with them.

The kernel of two pairs is the product of that of their drugs and that of their targets. It is never
written down between all pairs: its product with a vector is two small matrix products (Airola &
Pahikkala 2018, IEEE Transactions on Neural Networks and Learning Systems 29, 3374-3387).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from bioseq_lstm.baselines.affinity import Pairs, Similarities
from bioseq_lstm.baselines.similarity_kernels import positive_part

ROUGH, FINE = 1e-2, 1e-4  # of conjugate gradients: while choosing, and for the chosen
_MAX_STEPS = 1000


@dataclass(frozen=True)
class KernelForm:
    """How both kernels are made: ``similarity ** power + shared + own`` (own: for itself alone).

    Their product then holds, beside the pair itself, what all targets of a drug and all drugs of a
    target have in common (``shared Kd + shared Kt + shared²``), and what only this very drug or
    this very target shows, which no relative tells of (``own``; both together are noise).
    """

    drug_power: float = 1.0
    target_power: float = 1.0
    shared: float = 0.1
    drug_own: float = 0.0
    target_own: float = 0.0


def raised(similar: Similarities, form: KernelForm) -> Similarities:
    """``similarity ** power`` of both sides, positive semi-definite if the similarities are."""
    return Similarities(
        _power(similar.drugs, form.drug_power), _power(similar.targets, form.target_power)
    )


def _power(similarity: np.ndarray, power: float) -> np.ndarray:
    kernel = np.maximum(similarity, 0.0) ** power
    # Only whole powers keep it so by themselves.
    return kernel if power == round(power) else positive_part(kernel)


@dataclass(frozen=True)
class Kernels:
    """Kernels between everything and the training members: ``(drugs, training drugs)``, and the
    same for targets."""

    drugs: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, similar: Similarities, form: KernelForm, known: KnownPairs) -> Kernels:
        """From similarities of everything with everything."""
        return cls.between(raised(similar, form), known).completed(form, known)

    @classmethod
    def between(cls, similar: Similarities, known: KnownPairs) -> Kernels:
        """Similarities as they are, of everything with the training members."""
        return cls(similar.drugs[:, known.drugs], similar.targets[:, known.targets])

    def completed(self, form: KernelForm, known: KnownPairs) -> Kernels:
        """With what is shared by all, and what each has of its own."""
        drugs, targets = self.drugs + form.shared, self.targets + form.shared
        drugs[known.drugs, np.arange(len(known.drugs))] += form.drug_own
        targets[known.targets, np.arange(len(known.targets))] += form.target_own
        return Kernels(drugs, targets)

    def table(self, weights: np.ndarray) -> np.ndarray:
        """Weighted sums of the kernel over the training pairs, ``(drugs, targets)``."""
        sums: np.ndarray = self.drugs @ weights @ self.targets.T
        return sums


@dataclass(frozen=True)
class KnownPairs:
    """Training pairs as places in a table of training drugs x training targets.

    ``drugs`` and ``targets`` number the table's rows and columns among all; ``row`` and ``column``
    place each pair in it; ``values`` are centred: above ``mean``.
    """

    drugs: np.ndarray
    targets: np.ndarray
    row: np.ndarray
    column: np.ndarray
    values: np.ndarray
    mean: float

    @classmethod
    def of(cls, train: Pairs) -> KnownPairs:
        drugs, row = np.unique(train.drugs, return_inverse=True)
        targets, column = np.unique(train.targets, return_inverse=True)
        mean = float(train.values.mean())
        return cls(drugs, targets, row.reshape(-1), column.reshape(-1), train.values - mean, mean)

    def table(self, vector: np.ndarray) -> np.ndarray:
        """Sums of a vector of pairs in each cell, ``(training drugs, training targets)``."""
        shape = (len(self.drugs), len(self.targets))
        cells = self.row * shape[1] + self.column
        return np.bincount(cells, vector, minlength=shape[0] * shape[1]).reshape(shape)

    def predictions(
        self, kernels: Kernels, strengths: tuple[float, ...], tolerance: float
    ) -> Iterator[tuple[float, np.ndarray]]:
        """Values of every drug with every target, for each strength that could be solved.

        Those of kernel ridge regression, ``mean + K(all, known) (K + strength I)⁻¹ values``:
        ``(drugs, targets)``. When the pairs are all drugs times all targets, from the eigenvectors
        of both kernels, exactly; otherwise by conjugate gradients to ``tolerance``.
        """
        for strength, weights in self.solutions(kernels, strengths, tolerance):
            yield strength, self.mean + kernels.table(weights)

    def solutions(
        self, kernels: Kernels, strengths: tuple[float, ...], tolerance: float
    ) -> Iterator[tuple[float, np.ndarray]]:
        """``(K + strength I)⁻¹ values`` as a table, for each strength that could be solved."""
        kd, kt = kernels.drugs[self.drugs], kernels.targets[self.targets]
        if (self.table(np.ones(len(self.values))) == 1).all():
            return _complete(kd, kt, self.table(self.values), strengths)
        return self._observed(kd, kt, strengths, tolerance)

    def solved(self, kernels: Kernels, strength: float) -> np.ndarray:
        """Values of every drug with every target, ``(drugs, targets)``, as exact as can be.

        Raises RuntimeError when conjugate gradients do not even converge roughly.
        """
        for tolerance in (FINE, ROUGH):
            for _, table in self.predictions(kernels, (strength,), tolerance):
                return table
        raise unsolved(f"strength {strength:g}")

    def _observed(
        self, kd: np.ndarray, kt: np.ndarray, strengths: tuple[float, ...], tolerance: float
    ) -> Iterator[tuple[float, np.ndarray]]:
        """By conjugate gradients; each strength starts where the last one ended.

        The products are in single precision, twice as fast, the rest in double. A strength at
        which they did not converge within ``_MAX_STEPS`` is left out.
        """
        solution, size = np.zeros(len(self.values)), len(self.values)
        kd, kt = kd.astype(np.float32), kt.astype(np.float32)
        for strength in strengths:

            def product_with(vector: np.ndarray, strength: float = strength) -> np.ndarray:
                table = self.table(vector).astype(np.float32)
                products: np.ndarray = (kd @ table @ kt)[self.row, self.column]
                return products + strength * vector

            operator = LinearOperator((size, size), matvec=product_with, dtype=float)
            solution, failed = cg(
                operator, self.values, x0=solution, rtol=tolerance, maxiter=_MAX_STEPS
            )
            if not failed:
                yield strength, self.table(solution)


def unsolved(strength: str) -> RuntimeError:
    return RuntimeError(
        "kernel ridge of pairs: conjugate gradients did not converge to a finite solution for "
        f"{strength} of the ridge"
    )


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
