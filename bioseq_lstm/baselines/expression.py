"""Baselines for expression: the mean, and regressions on k-mers and on codon usage.

All take genes as codes of ``DNA`` and values ``(genes, conditions)`` in the table's unit, with NaN
where a value is missing. Settings are chosen on the validation genes, weights are fitted on the
training genes, and nothing is refitted on both, as for the networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Self

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from bioseq_lstm.baselines.kmers import codon_features, kmer_features
from bioseq_lstm.data.ragged import Ragged

_ALPHAS = tuple(float(alpha) for alpha in np.logspace(0, 6, 19))


@dataclass(frozen=True)
class Genes:
    """Sequences as codes of ``DNA`` and their values, ``(genes, conditions)``."""

    sequences: Ragged
    values: np.ndarray


class MeanExpression:
    """The mean of each condition over the training genes, for every gene.

    R² of 0 by definition on the training genes; it tells no gene from another.
    """

    about: ClassVar[str] = (
        "The mean of each condition over the training genes; it looks at no sequence."
    )

    def fit(self, train: Genes) -> Self:
        self._mean = _condition_means(train.values)
        return self

    def predict(self, sequences: Ragged) -> np.ndarray:
        """``(genes, conditions)``."""
        return np.tile(self._mean, (len(sequences), 1))


@dataclass(frozen=True)
class SequenceFeatures:
    """What the regressions see of a gene.

    ``coding_start`` is the number of bases before the start codon, the same for all genes, or None
    when the sequences hold no coding part. ``upstream_k`` is the longest k-mer counted upstream, 0
    for none. The coding part is described by its codons, read in frame.
    """

    upstream_k: int
    coding_start: int | None

    def __call__(self, sequences: Ragged) -> np.ndarray:
        """``(genes, features)``."""
        upstream, coding = split_at(sequences, self.coding_start)
        blocks = [kmer_features(upstream, self.upstream_k)] if self.upstream_k else []
        if coding is not None:
            blocks.append(codon_features(coding))
        return np.hstack(blocks)


def split_at(sequences: Ragged, coding_start: int | None) -> tuple[Ragged, Ragged | None]:
    """The parts before and from ``coding_start`` on; all and None when there is no coding part."""
    if coding_start is None:
        return sequences, None
    parts = [(codes[:coding_start], codes[coding_start:]) for codes in sequences]
    return Ragged.from_list([a for a, _ in parts]), Ragged.from_list([b for _, b in parts])


class _Ridge:
    """Ridge regression on standardised features, for all conditions at once.

    A gene's level (its mean over conditions) and its deviations from that level have each their
    own strength: the level is predicted far better and bears a weaker penalty.
    """

    def __init__(self, features: SequenceFeatures) -> None:
        self._features = features

    def fit(self, train: Genes, validation: Genes) -> Self:
        """Takes the two strengths with the least squared error on the validation genes."""
        x = self._features(train.sequences)
        self._centre, scale = x.mean(axis=0), x.std(axis=0)
        self._scale = np.where(scale > 0, scale, 1)
        y = filled(train.values)
        self._mean = y.mean(axis=0)
        held_x = self._standard(self._features(validation.sequences))
        held_y = filled(validation.values, self._mean) - self._mean
        u, s, vt = np.linalg.svd(self._standard(x), full_matrices=False)
        self._weights = np.zeros((x.shape[1], y.shape[1]))
        for targets, held in zip(
            _level_and_rest(y - self._mean), _level_and_rest(held_y), strict=True
        ):
            projected = u.T @ targets
            choices = (vt.T @ ((s / (s**2 + alpha))[:, None] * projected) for alpha in _ALPHAS)
            self._weights += min(choices, key=lambda w: float(np.square(held_x @ w - held).sum()))
        return self

    def predict(self, sequences: Ragged) -> np.ndarray:
        """``(genes, conditions)``."""
        predicted: np.ndarray = self._standard(self._features(sequences)) @ self._weights
        return predicted + self._mean

    def _standard(self, x: np.ndarray) -> np.ndarray:
        return (x - self._centre) / self._scale


class KmerRidge(_Ridge):
    """Ridge regression on frequencies of upstream 1- to 4-mers, and of codons where there are any.

    Base composition, short motifs and codon usage without their places: what a network gains over
    it, it gains from order.
    """

    about: ClassVar[str] = (
        "Ridge regression on how often words of 1 to 4 bases stand before coding_start, and "
        "codons from there on (without coding_start: words of the whole sequence); it does "
        "not know where they stand."
    )

    def __init__(self, coding_start: int | None = None, k: int = 4) -> None:
        super().__init__(SequenceFeatures(k, coding_start))


class CodonRidge(_Ridge):
    """Ridge regression on codon frequencies alone.

    Highly expressed genes prefer the codons of abundant tRNAs (Ikemura 1985; Sharp & Li 1987),
    which predicts a gene's level without anything of its regulation.
    """

    about: ClassVar[str] = (
        "Ridge regression on how often each of the 64 codons is used from coding_start on; it "
        "knows nothing of what stands before."
    )

    def __init__(self, coding_start: int) -> None:
        super().__init__(SequenceFeatures(0, coding_start))


class KmerBoosting:
    """Gradient-boosted trees on k-mers and codons, one model per principal component.

    Trees find what a linear model misses, but are slow to add up the many small shares of 64
    codons. Where there is a coding part they are therefore also fitted to what ``CodonRidge``
    leaves, and the validation genes choose between both.
    """

    about: ClassVar[str] = (
        "Boosted trees on how often words of 1 to 3 bases stand before coding_start, and codons "
        "from there on (without coding_start: words of the whole sequence); added to the codon "
        "ridge where the validation part prefers that."
    )

    def __init__(
        self,
        coding_start: int | None = None,
        k: int = 3,
        components: int = 8,
        trees: int = 300,
        seed: int = 0,
    ) -> None:
        self._features = SequenceFeatures(k, coding_start)
        self._coding_start = coding_start
        self._components, self._trees, self._seed = components, trees, seed

    def fit(self, train: Genes, validation: Genes) -> Self:
        y = filled(train.values)
        held_y = filled(validation.values, y.mean(axis=0))
        x, held_x = self._features(train.sequences), self._features(validation.sequences)
        bases: list[CodonRidge | None] = [None]
        if self._coding_start is not None:
            bases.append(CodonRidge(self._coding_start).fit(train, validation))
        least = np.inf
        for base in bases:
            left, held_left = y, held_y
            if base is not None:
                left = y - base.predict(train.sequences)
                held_left = held_y - base.predict(validation.sequences)
            boosted = _Boosted(self._components, self._trees, self._seed)
            error = boosted.fit(x, left, held_x, held_left)
            if error < least:
                least, self._base, self._boosted = error, base, boosted
        return self

    def predict(self, sequences: Ragged) -> np.ndarray:
        """``(genes, conditions)``."""
        predicted = self._boosted.predict(self._features(sequences))
        return predicted if self._base is None else predicted + self._base.predict(sequences)


class _Boosted:
    """Boosted trees (Friedman 2001, Annals of Statistics 29, 1189-1232) for many conditions.

    The values are reduced to their first principal components over conditions. Each is learnt by
    as many trees, from none on, as are best on the validation genes.
    """

    def __init__(self, components: int, trees: int, seed: int) -> None:
        self._components, self._trees, self._seed = components, trees, seed

    def fit(self, x: np.ndarray, y: np.ndarray, held_x: np.ndarray, held_y: np.ndarray) -> float:
        """The squared error of the validation genes."""
        self._mean = y.mean(axis=0)
        self._axes = np.linalg.svd(y - self._mean, full_matrices=False)[2][: self._components]
        scores, held = (y - self._mean) @ self._axes.T, (held_y - self._mean) @ self._axes.T
        self._models = []
        for component in range(scores.shape[1]):
            model = HistGradientBoostingRegressor(
                max_iter=self._trees,
                learning_rate=0.05,
                max_leaf_nodes=15,
                min_samples_leaf=20,
                max_features=0.3,
                early_stopping=False,
                random_state=self._seed,
            ).fit(x, scores[:, component])
            own = held[:, component]
            errors = [np.square(stage - own).mean() for stage in model.staged_predict(held_x)]
            self._models.append((model, int(np.argmin([np.square(own).mean(), *errors]))))
        return float(np.square(self.predict(held_x) - held_y).mean())

    def predict(self, x: np.ndarray) -> np.ndarray:
        scores = [_after(model, x, trees) for model, trees in self._models]
        predicted: np.ndarray = np.column_stack(scores) @ self._axes + self._mean
        return predicted


def filled(values: np.ndarray, means: np.ndarray | None = None) -> np.ndarray:
    """Missing values replaced by the condition's mean plus the gene's mean deviation from it.

    ``means`` ``(conditions,)`` defaults to the means over these genes.
    """
    means = _condition_means(values) if means is None else means
    known = np.isfinite(values)
    deviation = np.where(known, values - means, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known, values, means + deviation[:, None])


def _level_and_rest(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row's mean, in all columns, and what is left."""
    level = np.repeat(y.mean(axis=1, keepdims=True), y.shape[1], axis=1)
    return level, y - level


def _condition_means(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    return np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def _after(model: HistGradientBoostingRegressor, x: np.ndarray, trees: int) -> np.ndarray:
    """The prediction of the first ``trees`` trees."""
    if not trees:
        return np.zeros(len(x))
    return np.asarray(next(islice(model.staged_predict(x), trees - 1, None)))
