"""Baselines for secondary structure: the majority state, and a classifier of residue windows."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from bioseq_lstm.data.alphabets import DSSP8, PROTEIN
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.metrics.structure import best_three, three_probabilities

STATES = len(DSSP8.letters)
_CLASSES = np.arange(1, STATES + 1)
# Chosen on validation chains of the demo set, as were the window and the hidden units.
_WEIGHT_DECAY = 0.1
# Passes without gain on the validation chains after which training stops.
_PATIENCE = 2
# Residues that are held as one-hot windows at a time; window x 21 float32 values each.
_BLOCK = 16_384
_IDENTITY = np.eye(len(PROTEIN.letters) + 1, dtype=np.float32)


@dataclass(frozen=True)
class LabelledChains:
    """Chains as codes of ``PROTEIN`` and their states as codes of ``DSSP8``, of equal lengths."""

    chains: Ragged
    labels: Ragged


@dataclass(frozen=True)
class PredictedStates:
    """Per chain the strings of eight and of three states, and, if any, the probability of the
    stated state of eight, ``(length,)``.
    """

    states: list[str]
    states_3: list[str]
    confidence: list[np.ndarray] | None = None


def most_frequent_states(labels: Ragged) -> tuple[str, str]:
    """The most frequent known state of eight, and of three, which need not be of one kind."""
    counts = np.bincount(labels.codes, minlength=STATES + 2)[1 : STATES + 1]
    return DSSP8.letters[int(np.argmax(counts))], best_three(three_probabilities(counts[None]))


class MajorityState:
    """The most frequent state of the training residues, of eight and of three, for every residue.

    What a model reaches without looking at the sequence at all.
    """

    about: ClassVar[str] = (
        "The most frequent state of the training residues, for every residue; it looks at no "
        "sequence."
    )

    def fit(self, train: LabelledChains) -> Self:
        counts = np.bincount(train.labels.codes, minlength=STATES + 2)[1 : STATES + 1]
        self._state, self._state_3 = most_frequent_states(train.labels)
        self._share = counts.max() / max(counts.sum(), 1)
        return self

    def predict(self, chains: Ragged) -> PredictedStates:
        lengths = chains.lengths.tolist()
        return PredictedStates(
            [self._state * length for length in lengths],
            [self._state_3 * length for length in lengths],
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

    about: ClassVar[str] = (
        "A network with one hidden layer, which sees each residue with 10 on either side, and "
        "nothing farther off."
    )

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
        inputs, targets = _known_windows(train, self.window)
        if len(targets) > self.max_residues:
            drawn = np.sort(generator.choice(len(targets), self.max_residues, replace=False))
            inputs, targets = inputs[drawn], targets[drawn]
        held_inputs, held_targets = _known_windows(validation, self.window)
        self._model = MLPClassifier(
            hidden_layer_sizes=(self.hidden,),
            batch_size=min(256, len(targets)),
            alpha=_WEIGHT_DECAY,
            random_state=self.seed,
        )
        best, kept, without_gain = np.inf, self._model, 0
        for _ in range(self.max_passes):
            self._pass(inputs, targets, generator)
            probabilities = _probabilities(self._model, held_inputs)
            loss = log_loss(held_targets, probabilities, labels=_CLASSES)
            if loss < best:
                best, kept, without_gain = loss, deepcopy(self._model), 0
            else:
                without_gain += 1
            if without_gain == _PATIENCE:
                break
        self._model = kept
        return self

    def _pass(
        self, inputs: np.ndarray, targets: np.ndarray, generator: np.random.Generator
    ) -> None:
        """Once over all residues in a new order, holding one block as one-hot at a time."""
        order = generator.permutation(len(targets))
        for block in np.array_split(order, max(len(order) // _BLOCK, 1)):
            self._model.partial_fit(_one_hot(inputs[block]), targets[block], classes=_CLASSES)

    def predict(self, chains: Ragged) -> PredictedStates:
        probabilities = _probabilities(self._model, _windows(chains, self.window))
        codes = (probabilities.argmax(axis=1) + 1).astype(np.uint8)
        states = Ragged(codes, chains.offsets)
        ends = chains.offsets[1:-1]
        three = np.split(three_probabilities(probabilities), ends)
        return PredictedStates(
            [DSSP8.decode(chain) for chain in states],
            [best_three(own) for own in three],
            np.split(probabilities.max(axis=1).astype(np.float32), ends),
        )


def _known_windows(data: LabelledChains, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows ``(residues, window)`` and states ``(residues,)`` of the residues of known state."""
    known = np.flatnonzero(data.labels.codes <= STATES)
    return _windows(data.chains, window)[known], data.labels.codes[known]


def _windows(chains: Ragged, window: int) -> np.ndarray:
    """Codes around each residue, 0 to 20, 0 for past the end or unknown: ``(residues, window)``."""
    half = window // 2
    lengths = chains.lengths
    spaced = np.zeros(len(chains.codes) + half * (len(chains) + 1), dtype=np.uint8)
    # Every chain is followed by as many zeros as a window reaches, so that no chain sees the next.
    places = np.arange(len(chains.codes)) + half * (np.repeat(np.arange(len(chains)), lengths) + 1)
    spaced[places] = np.where(chains.codes > len(PROTEIN.letters), 0, chains.codes)
    return np.lib.stride_tricks.sliding_window_view(spaced, window)[places - half]


def _one_hot(codes: np.ndarray) -> np.ndarray:
    """``(rows, window)`` codes to ``(rows, window * 21)`` float32."""
    return _IDENTITY[codes].reshape(len(codes), -1)


def _probabilities(model: MLPClassifier, windows: np.ndarray) -> np.ndarray:
    """``(residues, 8)``, a block of residues at a time."""
    blocks = np.array_split(windows, max(len(windows) // _BLOCK, 1))
    return np.concatenate([model.predict_proba(_one_hot(block)) for block in blocks])
