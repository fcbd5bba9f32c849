"""Secondary structure: share of residues right, per-state figures, and overlap of segments.

Eight states are DSSP's (Kabsch & Sander 1983): H G I helices, E B strands, T turn, S bend, C for
DSSP's blank. Three states follow H, G, I -> H; E, B -> E; all else -> C. Figures of three states
are of the state whose summed probability is highest, which need not be that of the most probable
of eight. A residue whose truth is ``.`` (unknown) counts nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from bioseq_lstm.metrics.base import Metric, ratio

STATES8 = "HBEGITSC"
STATES3 = "HEC"
_TO3 = np.array([STATES3.index({"G": "H", "I": "H", "B": "E"}.get(s, s if s in "HE" else "C"))
                 for s in STATES8])  # fmt: skip
_UNKNOWN = len(STATES8)
_CODES = np.full(256, 255, dtype=np.uint8)
_CODES[np.frombuffer(STATES8.encode(), dtype=np.uint8)] = np.arange(len(STATES8))
_CODES[ord(".")] = _UNKNOWN
_NAMES8 = ("α-helix", "β-bridge", "β-strand", "3₁₀-helix", "π-helix", "turn", "bend", "coil")
_NAMES3 = ("helix", "strand", "coil")
_MEASURES = {
    "precision": ("Precision", "of the residues predicted {}, the share that are"),
    "recall": ("Recall", "of the residues that are {}, the share predicted so"),
    "f1": ("F1", "harmonic mean of precision and recall for {}"),
}

METRICS: tuple[Metric, ...] = (
    Metric("q8", "Q8", "", True, "share of residues whose 8-state label is right"),
    Metric("q3", "Q3", "", True, "share of residues right among helix, strand, coil"),
    Metric("sov", "SOV'99", "", True, "segment overlap of helix, strand, coil; mean over chains"),
    *(
        Metric(
            f"{key}_{len(states)}_{state}",
            f"{label} {state} ({name}, {len(states)} states)",
            "",
            True,
            f"{text.format(name)} ({len(states)} states)",
        )
        for states, names in ((STATES8, _NAMES8), (STATES3, _NAMES3))
        for state, name in zip(states, names, strict=True)
        for key, (label, text) in _MEASURES.items()
    ),
)


def three_states(labels: str) -> str:
    """Reduce a string of 8-state labels to H, E and C; ``.`` stays."""
    codes = _encode(labels)
    letters = np.frombuffer((STATES3 + ".").encode(), dtype=np.uint8)
    return letters[np.append(_TO3, len(STATES3))[codes]].tobytes().decode()


def three_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities (length, 8) of ``STATES8`` summed to those of ``STATES3``, (length, 3)."""
    belongs = np.eye(len(STATES3))[_TO3]
    summed: np.ndarray = probabilities @ belongs
    return summed


def best_three(probabilities: np.ndarray) -> str:
    """The most probable of the three states at each residue, of probabilities (length, 3)."""
    return "".join(STATES3[place] for place in probabilities.argmax(axis=1).tolist())


def segment_overlap(truth: str, predicted: str) -> float:
    """SOV of one chain on 0 to 1, for strings of any states; NaN if no residue is known.

    Zemla, Venclovas, Fidelis & Rost (1999), Proteins 34, 220-223, "SOV'99": for each pair of an
    observed segment s1 and a predicted segment s2 of the same state that overlap,
    ``(minov + delta) / maxov * len(s1)`` with
    ``delta = min(maxov - minov, minov, len(s1) // 2, len(s2) // 2)``; the sum over all pairs and
    states is divided by N, the sum of ``len(s1)`` over all those pairs and over the observed
    segments without any overlap, so that an observed segment counts once for every predicted one
    that it meets. Residues with unknown truth cut both strings: each known stretch has its own
    segments.
    """
    total, normaliser = _overlap(truth, predicted)
    return ratio(total, normaliser)


class StructureScorer:
    """8-state truth and prediction of many chains; the unit of resampling is the chain's group.

    ``predicted_3`` are the predicted strings of three states; without them those of eight are
    reduced. Figures: ``q8``, ``q3`` (over residues), ``sov`` (mean over chains), and
    ``precision_8_H``, ``recall_8_H``, ``f1_8_H``, ... , ``f1_3_C``. A state that is never
    predicted has no precision, one that never occurs no recall (NaN).
    """

    def __init__(
        self,
        truth: Sequence[str],
        predicted: Sequence[str],
        groups: np.ndarray | Sequence[int],
        predicted_3: Sequence[str] | None = None,
    ) -> None:
        three = [three_states(p) for p in predicted] if predicted_3 is None else predicted_3
        if not len(truth) == len(predicted) == len(three) == len(groups):
            raise ValueError("truth, predicted and groups differ in number of chains")
        self.units = (np.asarray(groups),)
        self._eight = np.stack(
            [_confusion(t, p, STATES8) for t, p in zip(truth, predicted, strict=True)]
        )
        pairs = list(zip([three_states(t) for t in truth], three, strict=True))
        self._three = np.stack([_confusion(t, p, STATES3) for t, p in pairs])
        sov = np.array([segment_overlap(t, p) for t, p in pairs])
        self._known = np.isfinite(sov).astype(float)
        self._sov = np.nan_to_num(sov)

    def confusion(self, states: int = 8) -> np.ndarray:
        """Residue counts, ``(truth, predicted)``, in the order of ``STATES8`` or ``STATES3``."""
        counts: np.ndarray = (self._eight if states == 8 else self._three).sum(axis=0)
        return counts

    def figures(self, weights: np.ndarray) -> dict[str, float]:
        eight = np.tensordot(weights, self._eight, axes=1)
        three = np.tensordot(weights, self._three, axes=1)
        figures = {
            "q8": ratio(np.trace(eight), eight.sum()),
            "q3": ratio(np.trace(three), three.sum()),
            "sov": ratio(weights @ self._sov, weights @ self._known),
        }
        for counts, states in ((eight, STATES8), (three, STATES3)):
            right, predicted, observed = counts.diagonal(), counts.sum(axis=0), counts.sum(axis=1)
            for k, state in enumerate(states):
                tail = f"_{len(states)}_{state}"
                figures[f"precision{tail}"] = ratio(right[k], predicted[k])
                figures[f"recall{tail}"] = ratio(right[k], observed[k])
                figures[f"f1{tail}"] = ratio(2 * right[k], predicted[k] + observed[k])
        return figures


def _encode(labels: str) -> np.ndarray:
    codes = _CODES[np.frombuffer(labels.encode("latin-1", "replace"), dtype=np.uint8)]
    if (codes == 255).any():
        at = int(np.argmax(codes == 255))
        raise ValueError(f"{labels[at]!r} at position {at + 1} is not one of {STATES8} or '.'")
    return codes


def _confusion(truth: str, predicted: str, states: str) -> np.ndarray:
    """Counts of (truth, predicted), ``(states, states)``, where the truth is known."""
    if len(truth) != len(predicted):
        raise ValueError(f"{len(truth)} labels but {len(predicted)} predictions")
    true, guess = _encode(truth), _encode(predicted)
    known = true != _UNKNOWN
    if (guess[known] == _UNKNOWN).any():
        raise ValueError("a prediction is '.' where the truth is known")
    place = np.array([states.find(state) for state in STATES8])
    pairs = place[true[known]] * len(states) + place[guess[known]]
    counts = np.bincount(pairs, minlength=len(states) ** 2)
    return counts.reshape(len(states), len(states)).astype(float)


def _overlap(truth: str, predicted: str) -> tuple[float, float]:
    """The sum and the normalisation N of SOV'99."""
    if len(truth) != len(predicted):
        raise ValueError(f"{len(truth)} labels but {len(predicted)} predictions")
    masked = "".join("." if t == "." else p for t, p in zip(truth, predicted, strict=True))
    guesses = _segments(masked)
    total = normaliser = 0.0
    first = 0
    for state, start, end in _segments(truth):
        while first < len(guesses) and guesses[first][2] <= start:
            first += 1
        length, met, at = end - start, False, first
        while at < len(guesses) and guesses[at][1] < end:
            other, left, right = guesses[at]
            at += 1
            if other != state:
                continue
            met = True
            shortest = min(end, right) - max(start, left)
            longest = max(end, right) - min(start, left)
            delta = min(longest - shortest, shortest, length // 2, (right - left) // 2)
            total += (shortest + delta) / longest * length
            normaliser += length
        if not met:
            normaliser += length
    return total, normaliser


def _segments(labels: str) -> list[tuple[str, int, int]]:
    """Runs of one known state as (state, start, end), end exclusive."""
    segments, at = [], 0
    for state, run in groupby(labels):
        length = sum(1 for _ in run)
        if state != ".":
            segments.append((state, at, at + length))
        at += length
    return segments
