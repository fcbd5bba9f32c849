"""Baselines for secondary structure: the majority state, and a classifier of residue windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from bioseq_lstm.data.alphabets import DSSP8, PROTEIN
from bioseq_lstm.data.ragged import Ragged

STATES = len(DSSP8.letters)


@dataclass(frozen=True)
class LabelledChains:
    """Chains as codes of ``PROTEIN`` and their states as codes of ``DSSP8``, of equal lengths."""

    chains: Ragged
    labels: Ragged


@dataclass(frozen=True)
class PredictedStates:
    """Per chain the 8-state string, and the probability of the stated state, ``(length,)``."""

    states: list[str]
    confidence: list[np.ndarray]


def most_frequent_state(labels: Ragged) -> int:
    """The code of the most frequent known state."""
    counts = np.bincount(labels.codes, minlength=STATES + 2)
    return int(np.argmax(counts[1 : STATES + 1])) + 1


class MajorityState:
    """The most frequent state of the training residues, for every residue.

    What a model reaches without looking at the sequence at all.
    """

    def fit(self, train: LabelledChains) -> Self:
        counts = np.bincount(train.labels.codes, minlength=STATES + 2)[1 : STATES + 1]
        self._state = most_frequent_state(train.labels)
        self._share = counts[self._state - 1] / max(counts.sum(), 1)
        return self

    def predict(self, chains: Ragged) -> PredictedStates:
        letter = DSSP8.letters[self._state - 1]
        lengths = chains.lengths.tolist()
        return PredictedStates(
            [letter * length for length in lengths],
            [np.full(length, self._share, dtype=np.float32) for length in lengths],
        )


class WindowClassifier:
    """A multi-layer perceptron on the residues around each one (after Qian & Sejnowski 1988).

    Qian & Sejnowski, Journal of Molecular Biology 202, 865-884: the window slides along the chain,
    each position is one-hot (20 residues, and one more for unknown or past the end). It sees what
    is near in sequence and nothing else, and so is what a recurrent network has to beat. Trained
    with Adam, a pass at a time, until the log loss on the validation chains stops falling; the
    best pass is kept. Takes a random ``max_residues`` of larger training parts.
    """

    def __init__(
        self,
        window: int = 21,
        hidden: int = 128,
        max_residues: int = 200_000,
        max_passes: int = 20,
        seed: int = 0,
    ) -> None:
        self.window, self.hidden, self.seed = window, hidden, seed
        self.max_residues, self.max_passes = max_residues, max_passes

    def fit(self, train: LabelledChains, validation: LabelledChains) -> Self:
        generator = np.random.default_rng(self.seed)
        places = np.flatnonzero(train.labels.codes <= STATES)
        if len(places) > self.max_residues:
            places = np.sort(generator.choice(places, self.max_residues, replace=False))
        inputs = _windows(train.chains, self.window)[places]
        targets = train.labels.codes[places]
        known = np.flatnonzero(validation.labels.codes <= STATES)
        held_inputs = _windows(validation.chains, self.window)[known]
        held_targets = validation.labels.codes[known]
        model = MLPClassifier(
            hidden_layer_sizes=(self.hidden,),
            batch_size=min(256, len(targets)),
            alpha=_WEIGHT_DECAY,
            learning_rate_init=1e-3,
            random_state=self.seed,
        )
        classes = np.arange(1, STATES + 1)
        best, weights, without_gain = np.inf, None, 0
        for _ in range(self.max_passes):
            order = generator.permutation(len(targets))
            for block in np.array_split(order, max(len(order) // _BLOCK, 1)):
                model.partial_fit(_one_hot(inputs[block]), targets[block], classes=classes)
            loss = log_loss(held_targets, _probabilities(model, held_inputs), labels=classes)
            if loss < best:
                best, without_gain = loss, 0
                weights = [w.copy() for w in (*model.coefs_, *model.intercepts_)]
            else:
                without_gain += 1
            if without_gain == 2:
                break
        if weights is not None:
            half = len(model.coefs_)
            model.coefs_, model.intercepts_ = weights[:half], weights[half:]
        self._model = model
        return self

    def predict(self, chains: Ragged) -> PredictedStates:
        probabilities = _probabilities(self._model, _windows(chains, self.window))
        codes = (probabilities.argmax(axis=1) + 1).astype(np.uint8)
        states = Ragged(codes, chains.offsets)
        return PredictedStates(
            [DSSP8.decode(chain) for chain in states],
            np.split(probabilities.max(axis=1).astype(np.float32), chains.offsets[1:-1]),
        )


# Chosen on validation chains of the demo set, as were the window and the hidden units.
_WEIGHT_DECAY = 0.1
# Residues that are held as one-hot windows at a time; window x 21 float32 values each.
_BLOCK = 16_384


def _windows(chains: Ragged, window: int) -> np.ndarray:
    """Codes around each residue, 0 to 20, 0 for past the end or unknown: ``(residues, window)``."""
    half = window // 2
    lengths = chains.lengths
    spaced = np.zeros(len(chains.codes) + half * (len(chains) + 1), dtype=np.uint8)
    # Every chain is followed by as many zeros as a window reaches, so that no chain sees the next.
    places = np.arange(len(chains.codes)) + half * (
        np.repeat(np.arange(len(chains)), lengths) + 1
    )
    spaced[places] = np.where(chains.codes > len(PROTEIN.letters), 0, chains.codes)
    return np.lib.stride_tricks.sliding_window_view(spaced, window)[places - half]


def _one_hot(codes: np.ndarray) -> np.ndarray:
    """``(rows, window)`` codes to ``(rows, window * 21)`` float32."""
    return _IDENTITY[codes].reshape(len(codes), -1)


_IDENTITY = np.eye(len(PROTEIN.letters) + 1, dtype=np.float32)


def _probabilities(model: MLPClassifier, windows: np.ndarray) -> np.ndarray:
    """``(residues, 8)``, a block of residues at a time."""
    blocks = np.array_split(windows, max(len(windows) // _BLOCK, 1))
    return np.concatenate([model.predict_proba(_one_hot(block)) for block in blocks])
