"""How usual a sequence is to a trained network: the distance of its states from training's.

Lee, Lee, Lee, Shin (2018), "A simple unified framework for detecting out-of-distribution samples
and adversarial attacks", NeurIPS 31: the Mahalanobis distance of a network's features tells records
that are unlike the training data. The features are the mean and the maximum, over the positions of
a sequence, of each state of the recurrent encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.covariance import LedoitWolf
from sklearn.model_selection import KFold
from torch import nn

from bioseq_lstm.data.batching import token_batches
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.learning.windows import WINDOW
from bioseq_lstm.model_settings import TrainingSettings
from bioseq_lstm.nn.reversal import position_mask

MOST_FITTED = 4_000  # training sequences that mean and covariance are taken from
FOLDS = 5


@dataclass(frozen=True)
class Familiarity:
    """Mean ``(features,)`` and precision ``(features, features)`` of the training states."""

    mean: np.ndarray
    precision: np.ndarray

    @classmethod
    def fit(cls, states: np.ndarray) -> Familiarity:
        """Mean and shrunk precision (Ledoit and Wolf 2004) of ``(sequences, features)``."""
        fitted = LedoitWolf().fit(states)
        return cls(fitted.location_, fitted.precision_)

    def distances(self, states: np.ndarray) -> np.ndarray:
        """Mahalanobis distance ``(sequences,)`` of states ``(sequences, features)``."""
        off = states - self.mean
        squared = np.einsum("ij,jk,ik->i", off, self.precision, off, optimize=True)
        distances: np.ndarray = np.sqrt(np.maximum(squared, 0.0))
        return distances

    def whitened(self, states: np.ndarray) -> np.ndarray:
        """States whose Euclidean distances are Mahalanobis distances."""
        # No Cholesky factor: of one or two training sequences the precision is singular.
        values, vectors = np.linalg.eigh(self.precision)
        turned: np.ndarray = (states - self.mean) @ (vectors * np.sqrt(np.maximum(values, 0.0)))
        return turned


def crossed(states: np.ndarray) -> np.ndarray:
    """Distance ``(sequences,)`` of each training sequence from the others, in five parts."""
    if len(states) < 2 * FOLDS:
        return Familiarity.fit(states).distances(states)
    distances = np.empty(len(states))
    for fitted, asked in KFold(FOLDS, shuffle=True, random_state=0).split(states):
        distances[asked] = Familiarity.fit(states[fitted]).distances(states[asked])
    return distances


@torch.inference_mode()
def summed_up(encoder: nn.Module, sequences: Ragged) -> np.ndarray:
    """Mean and maximum over positions of the encoder's states: ``(sequences, 2 features)``.

    Sequences beyond a window are read in pieces, each weighing as it is long.
    """
    encoder.eval()
    starts = [np.arange(0, max(int(length), 1), WINDOW) for length in sequences.lengths]
    owner = np.repeat(np.arange(len(sequences)), [len(own) for own in starts])
    pieces = sequences
    if len(owner) > len(sequences):
        cut = [sequences[n][s : s + WINDOW] for n, own in enumerate(starts) for s in own]
        pieces = Ragged.from_list(cut)
    size = int(encoder.get_submodule("encoder").output_size)  # type: ignore[arg-type]
    sums, tokens = np.zeros((len(sequences), size)), np.zeros(len(sequences))
    highest = np.full((len(sequences), size), -np.inf)
    for members in token_batches(pieces.lengths, TrainingSettings().token_budget):
        codes, lengths = (torch.from_numpy(part) for part in pieces.padded(members))
        states, counts = encoder(codes, lengths)
        within = position_mask(counts, states.shape[1]).unsqueeze(-1)
        sums_here = states.double().masked_fill(~within, 0.0).sum(dim=1).numpy()
        np.add.at(sums, owner[members], sums_here)
        np.add.at(tokens, owner[members], counts.numpy())
        np.maximum.at(
            highest, owner[members], states.masked_fill(~within, -torch.inf).amax(dim=1).numpy()
        )
    return np.concatenate([sums / np.maximum(tokens, 1.0)[:, None], highest], axis=1)
