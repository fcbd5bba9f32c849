"""Kronecker kernel ridge regression: drugs and targets together, in closed form.

Pahikkala et al. (2015), Briefings in Bioinformatics 16, 325-337, and Airola & Pahikkala (2018),
IEEE Transactions on Neural Networks and Learning Systems 29, 3374-3387.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from bioseq_lstm.baselines.affinity import Choosing, Pairs, Similarities
from bioseq_lstm.baselines.similarity_kernels import positive_part

_STRENGTHS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
_RISEN = 1.02  # an error of so many times the best ends the search for a strength
_ROUGH, _FINE = 1e-2, 1e-4  # of conjugate gradients: while choosing, and for the chosen
_MAX_STEPS = 1000
_UNSOLVED = "Kronecker kernel ridge: conjugate gradients did not converge to a finite solution"


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


# One after another, the others as they are by then.
_CHOICES: dict[str, tuple[float, ...]] = {
    "target_own": (0.0, 0.05, 0.2),
    "drug_own": (0.0, 0.05, 0.2),
    "target_power": (0.75, 1.0, 1.5),
    "drug_power": (1.0, 2.0),
    "shared": (0.03, 0.1, 0.3),
}


class KroneckerRidge(Choosing):
    """Kernel ridge regression with the product of drug and target similarity as kernel.

    On public kinase benchmarks it is as good as most published networks, which makes it the floor
    that a network has to reach. When the training pairs are all drugs times all targets, the
    solution comes from the eigenvectors of both kernels, exactly; otherwise by conjugate gradients
    on the observed pairs alone, where the kernel between all pairs is never written down: its
    product with a vector is two small matrix products. The strength of the ridge, the form of the
    kernels and then the strength once more are the best on the validation pairs, among those whose
    system of equations was solved; or they are given, and only the weights are fitted.
    """

    def __init__(self, form: KernelForm | None = None, strength: float | None = None) -> None:
        """Both, as an earlier fit chose them, or neither."""
        self.form, self.strength = form, strength

    @property
    def choices(self) -> dict[str, Any]:
        assert self.form is not None
        return {"form": asdict(self.form), "strength": self.strength}

    @classmethod
    def with_choices(cls, choices: Mapping[str, Any]) -> Self:
        return cls(KernelForm(**choices["form"]), choices["strength"])

    def fit(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        """Raises RuntimeError when conjugate gradients converged for no form or no strength."""
        self._mean = float(train.values.mean())
        known = _KnownPairs.of(train, self._mean)
        if self.form is None or self.strength is None:
            self._choose(known, validation, similar)
        assert self.form is not None
        assert self.strength is not None
        self._kernels = _Kernels.of(self.form, similar, known)
        for tolerance in (_FINE, _ROUGH):
            for _, weights in known.solutions(self._kernels, (self.strength,), tolerance):
                self._weights = weights
                return self
        raise RuntimeError(f"{_UNSOLVED} for any strength of the ridge")

    def _choose(self, known: _KnownPairs, validation: Pairs, similar: Similarities) -> None:
        """Set ``form`` and ``strength``: one choice after another, each by the validation pairs."""
        self.form = KernelForm()
        errors = self._errors(known, validation, similar, self.form, _STRENGTHS)
        if not errors:
            raise RuntimeError(f"{_UNSOLVED} for any strength of the ridge")
        strength = min(errors, key=lambda s: errors[s])
        best = errors[strength]
        for name, values in _CHOICES.items():
            now = self.form
            for value in values:
                form = replace(now, **{name: value})
                if form == now:
                    continue
                found = self._errors(known, validation, similar, form, (strength,))
                if found.get(strength, np.inf) < best:
                    best, self.form = found[strength], form
        errors = {
            strength: best,
            **self._errors(known, validation, similar, self.form, _STRENGTHS),
        }
        self.strength = min(errors, key=lambda s: errors[s])

    def predict(self, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(pairs,)``."""
        return self._mean + self._kernels.apply(self._weights, drugs, targets)

    def _errors(
        self,
        known: _KnownPairs,
        validation: Pairs,
        similar: Similarities,
        form: KernelForm,
        strengths: tuple[float, ...],
    ) -> dict[float, float]:
        """Squared error on the validation pairs, for each strength that was solved and tried."""
        kernels = _Kernels.of(form, similar, known)
        found = {}
        for strength, weights in known.solutions(kernels, strengths, _ROUGH):
            predicted = kernels.apply(weights, validation.drugs, validation.targets)
            error = validation.error(self._mean + predicted)
            if np.isfinite(error):
                found[strength] = error
            if error > _RISEN * min(found.values(), default=np.inf):
                break  # a weaker ridge fits noise, and takes longest
        return found


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
        self, kernels: _Kernels, strengths: tuple[float, ...], tolerance: float
    ) -> Iterator[tuple[float, np.ndarray]]:
        """``(K + strength I)⁻¹ values`` as a table, for each strength that could be solved."""
        kd, kt = kernels.drugs[self.drugs], kernels.targets[self.targets]
        if (self.table(np.ones(len(self.values))) == 1).all():
            return _complete(kd, kt, self.table(self.values), strengths)
        return self._observed(kd, kt, strengths, tolerance)

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
            solution, unsolved = cg(
                operator, self.values, x0=solution, rtol=tolerance, maxiter=_MAX_STEPS
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
            _kernel(similar.drugs, form.drug_power, form.shared, form.drug_own)[:, known.drugs],
            _kernel(similar.targets, form.target_power, form.shared, form.target_own)[
                :, known.targets
            ],
        )

    def apply(self, weights: np.ndarray, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Weighted sums of the kernel over the training pairs, for each pair: ``(pairs,)``."""
        halfway = self.drugs @ weights
        sums: np.ndarray = np.einsum("pt,pt->p", halfway[drugs], self.targets[targets])
        return sums


def _kernel(similarity: np.ndarray, power: float, shared: float, own: float) -> np.ndarray:
    """``(members, members)``, positive semi-definite if ``similarity`` is."""
    kernel = np.maximum(similarity, 0.0) ** power
    if power != round(power):  # only whole powers keep it so by themselves
        kernel = positive_part(kernel)
    return kernel + shared + own * np.eye(len(kernel))


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
