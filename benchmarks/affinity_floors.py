"""What the Kronecker ridge reaches on DAVIS and KIBA, split by split.

    python benchmarks/affinity_floors.py --davis FOLDER --kiba FOLDER --out FOLDER

A folder has ``drugs.smi.gz``, ``targets.fasta.gz`` and ``affinities.tsv.gz`` with columns ``drug``,
``target``, ``y`` and one for each split: words ``train0`` to ``train4`` and ``test``, or ``train``,
``test`` and ``drop`` (new_both). Form and strength are chosen on ``train0``, or, for new_both, on
pairs of a fifth of the training drugs with a fifth of the training targets; neither sees a test
row. Then the ridge is fitted on all training folds. Both fits are written, a row each.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from bioseq_lstm import __version__
from bioseq_lstm.baselines.affinity import Pairs, Similarities
from bioseq_lstm.baselines.kronecker import KroneckerRidge
from bioseq_lstm.baselines.similarity_kernels import alignment_similarity
from bioseq_lstm.data.alphabets import PROTEIN
from bioseq_lstm.data.fasta import read_fasta
from bioseq_lstm.data.molecules import fingerprints, read_molecules, tanimoto
from bioseq_lstm.data.mutations import apply_mutations
from bioseq_lstm.files import write_tsv
from bioseq_lstm.metrics.affinity import AffinityScorer

SPLITS = (
    *("random", "new_drug", "new_target"),
    *("new_target_cluster", "new_drug_scaffold", "new_both"),
)
HELD = 0.2  # of drugs, and of targets, to choose on where the split names no folds


@dataclass(frozen=True)
class Data:
    """Pairs in the order of the table, and who is similar to whom."""

    pairs: Pairs
    similar: Similarities
    table: pd.DataFrame

    def take(self, rows: np.ndarray) -> Pairs:
        own = self.pairs
        return Pairs(own.drugs[rows], own.targets[rows], own.values[rows])


def load(folder: Path, mutated: bool) -> Data:
    drugs = read_molecules(folder / "drugs.smi.gz").records
    targets = read_fasta(folder / "targets.fasta.gz", PROTEIN).records
    if mutated:
        targets, notes = apply_mutations(targets)
        print("\n".join(f"{count} {note}" for note, count in notes.items()))
    bits = fingerprints([drug.sequence for drug in drugs])
    similar = Similarities(
        tanimoto(bits, bits).astype(float),
        alignment_similarity(PROTEIN.encode_all([target.sequence for target in targets])),
    )
    table = pd.read_csv(folder / "affinities.tsv.gz", sep="\t", dtype={"drug": str, "target": str})
    numbers = [
        pd.Index([record.id for record in records]).get_indexer(table[side])
        for side, records in (("drug", drugs), ("target", targets))
    ]
    if min(map(np.min, numbers)) < 0:
        raise SystemExit(f"{folder}: a drug or target of the table has no record")
    return Data(Pairs(numbers[0], numbers[1], table["y"].to_numpy(float)), similar, table)


def parts(data: Data, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows to fit on while choosing, to choose on, to fit on in the end, and to test."""
    words = data.table[split].to_numpy()
    test, everything = np.flatnonzero(words == "test"), np.flatnonzero(_starts(words, "train"))
    if "train0" in words:
        held = words[everything] == "train0"
        return everything[~held], everything[held], everything, test
    generator = np.random.default_rng(0)
    sides = []
    for numbers in (data.pairs.drugs[everything], data.pairs.targets[everything]):
        members = np.unique(numbers)
        drawn = generator.permutation(members)[: round(HELD * len(members))]
        sides.append(np.isin(numbers, drawn))
    known, held = ~sides[0] & ~sides[1], sides[0] & sides[1]
    return everything[known], everything[held], everything, test


def _starts(words: np.ndarray, beginning: str) -> np.ndarray:
    return np.array([str(word).startswith(beginning) for word in words])


def figures(data: Data, split: str) -> Iterator[dict[str, object]]:
    """One row for the fit that was chosen with, one for the fit on all training folds."""
    train, validation, everything, test = parts(data, split)
    started = time.process_time()
    ridge = KroneckerRidge().fit(data.take(train), data.take(validation), data.similar)
    held = data.take(validation)
    chosen = {
        "validation_mse": held.error(ridge.predict(held.drugs, held.targets)),
        "strength": ridge.strength,
        **(asdict(ridge.form) if ridge.form else {}),
    }
    again = KroneckerRidge(ridge.form, ridge.strength)
    for name, model, rows in (("train", ridge, train), ("train and validation", again, everything)):
        if model is again:
            model.fit(data.take(rows), held, data.similar)
        seconds = time.process_time() - started
        tested = data.take(test)
        scored = AffinityScorer(
            tested.values, model.predict(tested.drugs, tested.targets), tested.drugs, tested.targets
        ).figures(np.ones(len(test)))
        yield {
            "split": split,
            "fitted_on": name,
            "pairs": len(rows),
            "test_pairs": len(test),
            **{key: scored[key] for key in ("mse", "concordance", "per_target_concordance", "rm2")},
            **chosen,
            "cpu_seconds": round(seconds, 1),
        }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("davis", "kiba"):
        parser.add_argument(f"--{name}", type=Path, help="folder of its three files")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=SPLITS)
    parser.add_argument(
        "--mutated", action="store_true", help="put mutations of target names into the sequences"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the table")
    options = parser.parse_args(arguments)
    today = datetime.now(UTC).date().isoformat()
    rows: list[dict[str, object]] = []
    file = options.out / f"affinity_floors-{today}.tsv"
    for name in ("davis", "kiba"):
        folder = getattr(options, name)
        if folder is None:
            continue
        data = load(folder, options.mutated)
        for split in options.splits:
            for row in figures(data, split):
                about = {"data": name, "mutated": options.mutated, **row}
                rows.append({**about, "date": today, "version": __version__})
                print({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
                write_tsv(file, pd.DataFrame(rows))  # what is there stays if the rest is cut off
    print(f"{file} ({platform.machine()})")


if __name__ == "__main__":
    main()
