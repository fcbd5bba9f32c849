"""PSIPRED's two formats of a predicted secondary structure, for programs that read them.

Jones 1999, doi:10.1006/jmbi.1999.3091; the formats as PSIPRED 4 writes them. A file may hold many
chains, one after another, each under a first line that ends with its id.
"""

from __future__ import annotations

import numpy as np

from bioseq_lstm import __version__
from bioseq_lstm.metrics.structure import STATES3, best_three

WIDTH = 60
_ORDER = [STATES3.index(state) for state in "CHE"]  # the columns of .ss2


def vertical(name: str, sequence: str, probabilities: np.ndarray) -> str:
    """``.ss2``: number, residue, state and the probabilities of coil, helix, strand in each line.

    ``probabilities`` (length, 3) are those of ``STATES3``.
    """
    states = best_three(probabilities)
    rows = zip(sequence, states, probabilities[:, _ORDER].tolist(), strict=True)
    lines = [
        f"{number:4d} {residue} {state}  {c:6.3f} {h:6.3f} {e:6.3f}\n"
        for number, (residue, state, (c, h, e)) in enumerate(rows, 1)
    ]
    return f"# PSIPRED VFORMAT (bioseq_lstm {__version__}) {name}\n\n" + "".join(lines) + "\n"


def horizontal(name: str, sequence: str, probabilities: np.ndarray) -> str:
    """``.horiz``: lines of 60 residues with their states, and how sure each is from 0 to 9.

    That digit is, as in PSIPRED, ten times the distance between the two most probable states.
    """
    states, digits = best_three(probabilities), _digits(probabilities)
    blocks = []
    for start in range(0, len(sequence), WIDTH):
        part = slice(start, start + WIDTH)
        end = min(start + WIDTH, len(sequence))
        tens = "".join(f"{number:>10}" for number in range(start + 10, end + 1, 10))
        blocks.append(
            f"Conf: {digits[part]}\nPred: {states[part]}\n  AA: {sequence[part]}\n      {tens}\n\n"
        )
    return f"# PSIPRED HFORMAT (bioseq_lstm {__version__}) {name}\n\n" + "".join(blocks)


def _digits(probabilities: np.ndarray) -> str:
    ordered = np.sort(probabilities, axis=1)
    distance = np.clip((10 * (ordered[:, -1] - ordered[:, -2])).astype(int), 0, 9)
    return "".join(map(str, distance.tolist()))
