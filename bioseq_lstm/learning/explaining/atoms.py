"""What each atom of a molecule contributes, in two ways that need not agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from bioseq_lstm.data.alphabets import SMILES
from bioseq_lstm.data.molecules import atom_symbols, atoms_of_letters, substructures
from bioseq_lstm.learning.explaining.gradients import SUBSTRUCTURES, Attribution
from bioseq_lstm.tasks.base import Task
from bioseq_lstm.tasks.explained import Explained, Question, Sample

COLUMNS = ("atom", "symbol", "gradient", "masking")


def atom_contributions(
    task: Task,
    explained: Explained,
    networks: Sequence[nn.Module],
    sample: Sample,
    question: Question,
    attribution: Attribution,
) -> pd.DataFrame:
    """Columns ``COLUMNS``, one row an atom, in the unit of the question.

    ``gradient``: the integrated gradients of the atom's letters in the SMILES (bonds, branches and
    rings go with the atom before them), and its part of the circular substructures. ``masking``:
    what the prediction loses when the atom's letters are unknown and the substructures that it is
    needed for are gone (as in Riniker & Landrum 2013, doi:10.1186/1758-2946-5-43).
    """
    codes = explained.sequences(sample.encoded, sample.row)["drug"]
    letters = [SMILES.decode(codes[place : place + 1]) for place in range(len(codes))]
    owners, own = atoms_of_letters(letters)
    smiles = "".join(letters)
    symbols = atom_symbols(smiles)
    found = substructures(smiles)
    gradient = np.bincount(owners, attribution.letters["drug"], minlength=len(symbols))
    if attribution.substructures is not None:
        for bit, places in found.items():
            for atoms in places:
                part = attribution.substructures[bit] / len(places) / len(atoms)
                gradient[list(atoms)] += part
    masking = _masked(task, explained, networks, sample, question, codes, owners, own, found)
    return pd.DataFrame(
        {
            "atom": np.arange(1, len(symbols) + 1),
            "symbol": symbols,
            "gradient": gradient,
            "masking": masking,
        }
    )


def _masked(
    task: Task,
    explained: Explained,
    networks: Sequence[nn.Module],
    sample: Sample,
    question: Question,
    codes: np.ndarray,
    owners: np.ndarray,
    own: np.ndarray,
    found: dict[int, list[frozenset[int]]],
) -> np.ndarray:
    """The score minus that without each atom, (atoms,), mean over networks."""
    count = int(owners.max()) + 1
    masked = np.repeat(codes[None], count + 1, axis=0)  # the first stays as it is
    for atom in range(count):
        masked[atom + 1, own & (owners == atom)] = SMILES.unknown_code
    encoded = explained.mutants(sample.encoded, sample.row, "drug", list(masked))
    bits = encoded.arrays[SUBSTRUCTURES].copy()
    for bit, places in found.items():
        for atom in frozenset.intersection(*places):
            bits[atom + 1, bit] = 0
    batch = task.collate(encoded.with_arrays(**{SUBSTRUCTURES: bits}), np.arange(count + 1))
    with torch.inference_mode():
        scores = [question.score(network, network(batch.inputs)).numpy() for network in networks]
    mean = np.mean(scores, axis=0)
    lost: np.ndarray = mean[0] - mean[1:]
    return lost
