"""Why a residue is called a helix: the mean probability of a predicted segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import PROTEIN, Alphabet
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.explain_settings import ExplainSettings
from bioseq_lstm.metrics.structure import STATES3, three_probabilities
from bioseq_lstm.settings import StructureDataset
from bioseq_lstm.tasks.explained import Explained, Question, Side
from bioseq_lstm.tasks.structure.network import STATES, StructureNetwork

NAMES = {"helix": "H", "strand": "E", "coil": "C"}


class StructureExplained(Explained):
    sides: ClassVar[dict[str, Alphabet]] = {"chain": PROTEIN}
    mutated = "chain"
    letters = "residues"
    kmer = 2

    def parts(self, network: nn.Module) -> dict[str, Side]:
        assert isinstance(network, StructureNetwork)
        return {"chain": Side(network.encoder)}

    def question(
        self,
        asked: ExplainSettings,
        settings: StructureDataset,
        encoded: Encoded,
        decoded: np.ndarray,
    ) -> Question:
        """The longest predicted segment of the state asked for, else of the next that occurs."""
        best = three_probabilities(decoded).argmax(axis=1)
        for name in dict.fromkeys((asked.state, *NAMES)):
            wanted = STATES3.index(NAMES[name])
            segment = longest_run(best == wanted)
            if segment is not None:
                break
        first, last = segment or (0, len(best))
        return Question(
            f"probability of {name}, residues {first + 1} to {last}",
            "probability",
            partial(_of_segment, states=members(wanted), first=first, last=last),
        )

    def sequences(self, encoded: Encoded, row: int) -> dict[str, np.ndarray]:
        return {"chain": encoded.sequences["chain"][row]}

    def mutants(
        self, encoded: Encoded, row: int, side: str, sequences: Sequence[np.ndarray]
    ) -> Encoded:
        return Encoded({"chain": Ragged.from_list(sequences)}, about=encoded.about)

    def effects(
        self,
        settings: StructureDataset,
        about: Mapping[str, Any],
        wild: np.ndarray,
        mutant: np.ndarray,
        site: tuple[int, int, int],
    ) -> dict[str, Any]:
        """Probabilities at the site, and the residue elsewhere or there that changes most."""
        start, removed, added = site
        before, after = three_probabilities(wild), three_probabilities(mutant)
        kept = np.r_[0 : start + min(removed, added), start + removed : len(before)]
        shift = np.where(kept < start + removed, 0, added - removed)
        apart = np.abs(after[kept + shift] - before[kept]).sum(axis=1) / 2
        states = [STATES3[p.argmax()] for p in (before[start], after[min(start, len(after) - 1)])]
        change = after[min(start, len(after) - 1)] - before[start]
        other = after[kept + shift].argmax(axis=1) != before[kept].argmax(axis=1)
        return {
            "state_3": states[0],
            "mutant_state_3": states[1],
            **{
                f"change_probability_{name}": round(float(change[STATES3.index(letter)]), 4)
                for name, letter in NAMES.items()
            },
            "largest_change_probability": round(float(apart.max(initial=0)), 4),
            "largest_change_position": int(kept[apart.argmax()]) + 1 if len(kept) else None,
            "residues_with_another_state_3": int(other.sum()),
        }


def members(state: int) -> list[int]:
    """The eight states that make up one of the three."""
    alone = three_probabilities(np.eye(STATES))
    return [int(place) for place in np.flatnonzero(alone[:, state])]


def longest_run(chosen: np.ndarray) -> tuple[int, int] | None:
    """First and one past the last place of the longest stretch of True; the first of equals."""
    runs, place = [], 0
    for value, members_of_run in groupby(chosen.tolist()):
        length = len(list(members_of_run))
        if value:
            runs.append((length, -place))
        place += length
    if not runs:
        return None
    length, start = max(runs)
    return -start, -start + length


def _of_segment(
    network: nn.Module, outputs: Tensor, states: list[int], first: int, last: int
) -> Tensor:
    probabilities = outputs.float()[:, first:last].softmax(dim=-1)
    return probabilities[..., states].sum(dim=-1).mean(dim=1)


EXPLAINED = StructureExplained()
