"""Baselines for affinity: means, one-sided models, neighbours; others: ``kronecker``, ``profiles``.

Drugs and targets are numbers into two similarity matrices that cover everything ever asked about
(training, validation and test): Tanimoto of fingerprints ``(drugs, drugs)`` and a sequence kernel
``(targets, targets)``, both 1 on the diagonal. They come from structures and sequences alone, no
affinity is in them. Strengths of shrinkage are chosen by squared error on the validation pairs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse.linalg import lsqr

_STRENGTHS = tuple(float(strength) for strength in np.logspace(-2, 3, 16))
_POWERS = (0.5, 1.0, 2.0, 4.0, 8.0)
# What is less similar counts as this similar. To a target that is like none all targets then weigh
# alike: it has the mean of its drug and of similar drugs.
_UNLIKE = 1e-3


@dataclass(frozen=True)
class Pairs:
    """Numbers of drugs and targets with their affinities, all ``(pairs,)``."""

    drugs: np.ndarray
    targets: np.ndarray
    values: np.ndarray

    def joined(self, others: Pairs) -> Pairs:
        """These and then the others."""
        return Pairs(
            np.concatenate([self.drugs, others.drugs]),
            np.concatenate([self.targets, others.targets]),
            np.concatenate([self.values, others.values]),
        )

    def error(self, predicted: np.ndarray) -> float:
        """Mean squared error of a prediction of these pairs."""
        return float(np.square(predicted - self.values).mean()) if len(self.values) else 0.0


@dataclass(frozen=True)
class Similarities:
    """Similarity of all drugs ``(drugs, drugs)`` and of all targets ``(targets, targets)``."""

    drugs: np.ndarray
    targets: np.ndarray


class Choosing(ABC):
    """A baseline whose choices can be given: then it takes nothing else from validation pairs."""

    @property
    @abstractmethod
    def choices(self) -> dict[str, Any]:
        """What it chose, JSON-ready."""

    @classmethod
    @abstractmethod
    def with_choices(cls, choices: Mapping[str, Any]) -> Self:
        """One that chooses no more."""

    @abstractmethod
    def fit(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        """Fit on the training pairs; what was not given is chosen on the validation pairs."""

    def on_both(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        """Another one with the choices of this one, fitted on the validation pairs too."""
        return self.with_choices(self.choices).fit(train.joined(validation), validation, similar)


class DrugTargetMean:
    """Overall mean plus what the drug and the target are above or below it, shrunk to 0.

    ``mu + a_drug + b_target``, with a ridge penalty on both effects. It knows no structure and no
    sequence: where it does well, the split lets drugs or targets be remembered. A drug or target
    without training pairs has effect 0, so with both unseen it is the overall mean.
    """

    about: ClassVar[str] = (
        "The overall mean, plus what the drug and the target are above or below it in "
        "training, shrunk. It knows no structure and no sequence; a new drug or target adds "
        "nothing."
    )

    def fit(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        drugs, targets = len(similar.drugs), len(similar.targets)
        self._mean = float(train.values.mean())
        rows = np.tile(np.arange(len(train.values)), 2)
        columns = np.concatenate([train.drugs, drugs + train.targets])
        shape = (len(train.values), drugs + targets)
        design = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
        best = np.inf
        for strength in _STRENGTHS:
            solution = lsqr(design, train.values - self._mean, damp=strength**0.5)[0]
            effects = solution[:drugs], solution[drugs:]
            error = validation.error(self._predict(effects, validation.drugs, validation.targets))
            if error < best:
                best, self._effects = error, effects
        return self

    def predict(self, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(pairs,)``."""
        return self._predict(self._effects, drugs, targets)

    def _predict(
        self, effects: tuple[np.ndarray, np.ndarray], drugs: np.ndarray, targets: np.ndarray
    ) -> np.ndarray:
        predicted: np.ndarray = self._mean + effects[0][drugs] + effects[1][targets]
        return predicted


class _OneSided:
    """Kernel ridge regression on one side of the pairs, blind to the other.

    Pairs with the same member have the same input, so the problem shrinks to the mean of each
    member, weighted by its number of pairs: exactly the solution over all pairs.
    """

    def _fit(
        self,
        kernel: np.ndarray,
        members: np.ndarray,
        train: Pairs,
        validation_members: np.ndarray,
        validation: Pairs,
    ) -> None:
        self._mean = float(train.values.mean())
        known, index, counts = np.unique(members, return_inverse=True, return_counts=True)
        means = np.bincount(index.reshape(-1), train.values - self._mean) / counts
        best = np.inf
        for strength in _STRENGTHS:
            noisy = kernel[np.ix_(known, known)] + np.diag(strength / counts)
            fitted = kernel[:, known] @ cho_solve(cho_factor(noisy, lower=True), means)
            error = validation.error(self._mean + fitted[validation_members])
            if error < best:
                best, self._fitted = error, fitted


class DrugOnly(_OneSided):
    """Kernel ridge regression on drug similarity; the target is not looked at.

    What part of the affinities is that some molecules bind well to everything.
    """

    about: ClassVar[str] = (
        "Kernel ridge regression on the likeness of drugs (Tanimoto coefficients); it never "
        "looks at the target."
    )

    def fit(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        self._fit(similar.drugs, train.drugs, train, validation.drugs, validation)
        return self

    def predict(self, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(pairs,)``; ``targets`` do not matter."""
        predicted: np.ndarray = self._mean + self._fitted[drugs]
        return predicted


class TargetOnly(_OneSided):
    """Kernel ridge regression on target similarity; the drug is not looked at."""

    about: ClassVar[str] = (
        "Kernel ridge regression on the likeness of targets (local alignments); it never "
        "looks at the drug."
    )

    def fit(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        self._fit(similar.targets, train.targets, train, validation.targets, validation)
        return self

    def predict(self, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(pairs,)``; ``drugs`` do not matter."""
        predicted: np.ndarray = self._mean + self._fitted[targets]
        return predicted


class NearestPair:
    """The affinity of the training pair that is most similar: a look-up, and a detector of leaks.

    The similarity of two pairs is the product of the similarities of their drugs and of their
    targets; of equally similar pairs the mean is taken.
    """

    about: ClassVar[str] = (
        "Copies the value of the training pair that is most alike (likeness of drugs times "
        "likeness of targets): a look-up, good where the split leaks."
    )

    def fit(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        """``validation`` is not used: there is nothing to choose."""
        self._train, self._similar = train, similar
        return self

    def predict(self, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(pairs,)``."""
        nearest = np.empty(len(drugs))
        for rows, alike in similarity_blocks(self._similar, self._train, drugs, targets):
            best = alike >= alike.max(axis=1, keepdims=True) - 1e-9
            nearest[rows] = best @ self._train.values / best.sum(axis=1)
        return nearest


class NeighbourMean(Choosing):
    """Mean of all training pairs, weighted by a power of their similarity.

    The regression of Nadaraya and Watson (1964) with the product of both similarities as kernel;
    the power, which says how fast a neighbour loses influence, is chosen on the validation pairs.
    A product of powers is a power of the product, so both sums over the training pairs are matrix
    products with a table of drugs x targets.
    """

    about: ClassVar[str] = (
        "The mean of all training pairs, each weighted by a power of its likeness (that of "
        "the drugs times that of the targets)."
    )

    def __init__(self, power: float | None = None) -> None:
        self.power = power

    @property
    def choices(self) -> dict[str, Any]:
        return {"power": self.power}

    @classmethod
    def with_choices(cls, choices: Mapping[str, Any]) -> Self:
        return cls(choices["power"])

    def fit(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        table = _Table.of(train)
        powers = _POWERS if self.power is None else (self.power,)
        best = np.inf
        for power in powers:
            means = table.means(similar, power)
            error = validation.error(means[validation.drugs, validation.targets])
            if error < best:
                best, self.power, self._means = error, power, means
        return self

    def predict(self, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(pairs,)``."""
        predicted: np.ndarray = self._means[drugs, targets]
        return predicted


@dataclass(frozen=True)
class _Table:
    """Sums and numbers of the training values, ``(training drugs, training targets)``."""

    drugs: np.ndarray
    targets: np.ndarray
    sums: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, train: Pairs) -> _Table:
        drugs, row = np.unique(train.drugs, return_inverse=True)
        targets, column = np.unique(train.targets, return_inverse=True)
        shape = (len(drugs), len(targets))
        cells = row.reshape(-1) * shape[1] + column.reshape(-1)
        sums, counts = (
            np.bincount(cells, weights, shape[0] * shape[1]).reshape(shape)
            for weights in (train.values, np.ones(len(cells)))
        )
        return cls(drugs, targets, sums, counts)

    def means(self, similar: Similarities, power: float) -> np.ndarray:
        """Of every drug with every target, ``(drugs, targets)``."""
        drugs = np.maximum(similar.drugs[:, self.drugs], _UNLIKE) ** power
        targets = np.maximum(similar.targets[self.targets], _UNLIKE) ** power
        means: np.ndarray = (drugs @ self.sums @ targets) / (drugs @ self.counts @ targets)
        return means


# Test pairs whose similarities to all training pairs are held at a time.
_BLOCK = 512


def similarity_blocks(
    similar: Similarities, train: Pairs, drugs: np.ndarray, targets: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Similarity of pairs to all training pairs, ``(block, training pairs)``, block by block."""
    for start in range(0, len(drugs), _BLOCK):
        rows = slice(start, start + _BLOCK)
        alike = similar.drugs[np.ix_(drugs[rows], train.drugs)]
        yield rows, alike * similar.targets[np.ix_(targets[rows], train.targets)]
