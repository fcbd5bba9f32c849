"""Intervals for every figure, and paired differences, by resampling independent units.

Residues of a chain, conditions of a gene and the pairs of one drug are not independent, so whole
units are drawn with replacement: homology clusters, gene blocks, drugs and targets. With two axes
a row weighs the product of how often its drug and its target were drawn (the pigeonhole bootstrap:
Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1, 386-411), which allows for
both sources of variation and is, if anything, too wide.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bioseq_lstm.metrics.base import Scorer

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure on the whole test part with its 95 % percentile interval.

    ``low`` and ``high`` are NaN when an axis has fewer than two units, or when the figure is
    undefined in more than half of the replicates. ``replicates`` counts the defined ones.
    """

    value: float
    low: float
    high: float
    replicates: int

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Bootstrap:
    """Figures of several models or baselines on the same rows, under the same draws.

    ``points[name]`` is ``(seeds, figures)``; ``draws[name]`` is ``(replicates, figures)``, each
    already the mean over seeds. ``units`` is the number of units on each axis.
    """

    keys: Mapping[str, tuple[str, ...]]
    points: Mapping[str, np.ndarray]
    draws: Mapping[str, np.ndarray]
    units: tuple[int, ...]

    def seeds(self, name: str, key: str) -> np.ndarray:
        """The figure of each seed, on the whole test part: shape ``(seeds,)``."""
        return self.points[name][:, self.keys[name].index(key)]

    def estimate(self, name: str, key: str) -> Interval:
        """The figure, as the mean over seeds, with its interval."""
        column = self.keys[name].index(key)
        return self._interval(self.points[name][:, column].mean(), self.draws[name][:, column])

    def difference(self, a: str, b: str) -> dict[str, Interval]:
        """``a`` minus ``b`` for each figure they share, paired: both scored on each same draw."""
        shared = [key for key in self.keys[a] if key in self.keys[b]]
        pairs = {key: (self.keys[a].index(key), self.keys[b].index(key)) for key in shared}
        return {
            key: self._interval(
                self.points[a][:, i].mean() - self.points[b][:, j].mean(),
                self.draws[a][:, i] - self.draws[b][:, j],
            )
            for key, (i, j) in pairs.items()
        }

    def table(self) -> pd.DataFrame:
        """One row per name and figure: name, metric, value, low, high, seed_sd, replicates, units.

        ``seed_sd`` is the standard deviation over seeds, NaN for a single one.
        """
        rows = []
        for name, keys in self.keys.items():
            for key in keys:
                interval = self.estimate(name, key)
                values = self.seeds(name, key)
                rows.append(
                    {
                        "name": name,
                        "metric": key,
                        "value": interval.value,
                        "low": interval.low,
                        "high": interval.high,
                        "seed_sd": values.std(ddof=1) if len(values) > 1 else math.nan,
                        "seeds": len(values),
                        "replicates": interval.replicates,
                        "units": " x ".join(map(str, self.units)),
                    }
                )
        return pd.DataFrame(rows)

    def _interval(self, value: float, draws: np.ndarray) -> Interval:
        defined = draws[np.isfinite(draws)]
        low = high = math.nan
        if min(self.units) >= 2 and 2 * len(defined) > len(draws) and math.isfinite(value):
            low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Interval(float(value), float(low), float(high), len(defined))


def bootstrap(
    scorers: Mapping[str, Sequence[Scorer]], replicates: int = 1000, seed: int = 0
) -> Bootstrap:
    """Score every name on the test part and on ``replicates`` resamples of its units.

    ``scorers[name]`` lists the seeds of one model (one entry for a baseline); a figure is the mean
    over them. All scorers must hold the same rows in the same order with the same units, because
    each draw is used for all of them. Raises ``ValueError`` when they do not.
    """
    everyone = [scorer for seeds in scorers.values() for scorer in seeds]
    if not everyone or not all(scorers.values()):
        raise ValueError("bootstrap needs at least one scorer under every name")
    units = everyone[0].units
    for scorer in everyone[1:]:
        same = len(scorer.units) == len(units) and all(map(np.array_equal, scorer.units, units))
        if not same:
            raise ValueError("all scorers must hold the same rows with the same units")
    whole = np.ones(len(units[0]))
    figures = {name: [s.figures(whole) for s in seeds] for name, seeds in scorers.items()}
    keys = {name: tuple(first[0]) for name, first in figures.items()}
    draws = {name: np.empty((replicates, len(keys[name]))) for name in scorers}
    for replicate, weights in enumerate(_draws(units, replicates, seed)):
        for name, seeds in scorers.items():
            values = [_row(s.figures(weights), keys[name]) for s in seeds]
            draws[name][replicate] = np.mean(values, axis=0)
    return Bootstrap(
        keys=keys,
        points={n: np.array([_row(f, keys[n]) for f in fs]) for n, fs in figures.items()},
        draws=draws,
        units=tuple(len(np.unique(axis)) for axis in units),
    )


def _draws(units: tuple[np.ndarray, ...], replicates: int, seed: int) -> Iterator[np.ndarray]:
    """Row weights of each replicate: how often the row's unit was drawn, multiplied over axes."""
    generator = np.random.default_rng(seed)
    axes = [np.unique(axis, return_inverse=True)[1].reshape(-1) for axis in units]
    sizes = [int(axis.max()) + 1 for axis in axes]
    for _ in range(replicates):
        weights = np.ones(len(axes[0]))
        for axis, size in zip(axes, sizes, strict=True):
            weights *= generator.multinomial(size, np.full(size, 1 / size))[axis]
        yield weights


def _row(figures: Mapping[str, float], keys: tuple[str, ...]) -> list[float]:
    return [figures[key] for key in keys]
