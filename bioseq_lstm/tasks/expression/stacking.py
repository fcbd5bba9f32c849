"""Baselines of expression that a network can be stacked on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from bioseq_lstm.baselines.expression import CodonRidge, KmerBoosting, KmerRidge
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.tasks.base import StackBase
from bioseq_lstm.tasks.expression.baselines import genes_of

BASES = {"codon ridge": CodonRidge, "k-mer ridge": KmerRidge, "k-mer boosting": KmerBoosting}


class GeneBase(StackBase):
    """A regression on k-mers or codons. What it chooses is cheap: every fit chooses anew."""

    def __init__(self, name: str, encoded: Encoded) -> None:
        self.name, self._encoded, self.choices = name, encoded, {}

    def fit(self, rows: np.ndarray, validation: np.ndarray) -> Self:
        baseline = BASES[self.name](self._encoded.about["coding_start"])
        train, held = (genes_of(self._encoded, some) for some in (rows, validation))
        self._fitted = baseline.fit(train, held)
        return self

    def refit(self, rows: np.ndarray, validation: np.ndarray) -> GeneBase:
        return GeneBase(self.name, self._encoded).fit(rows, validation)

    def predict(self, asked: Encoded, rows: np.ndarray) -> np.ndarray:
        """``(genes, conditions)``."""
        return self._fitted.predict(asked.sequences["gene"].take(rows))


def stack_bases(encoded: Encoded, choices: Mapping[str, Mapping[str, Any]]) -> list[GeneBase]:
    """Those that ``choices`` names; they have none."""
    return [GeneBase(name, encoded) for name in choices]
