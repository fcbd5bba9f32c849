"""The benchmark of the Kronecker ridge reads what it says, and keeps test rows out of every fit."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
DRUGS, TARGETS = 12, 10


@pytest.fixture(scope="module")
def floors() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        import affinity_floors

        yield affinity_floors


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Affinities that are the nitrogens of the drug plus half the number of the target."""
    path = tmp_path_factory.mktemp("davis")
    generator = np.random.default_rng(0)
    smiles = ["C" * (1 + n % 4) + "N" * (n // 4) + "O" * (n % 3) for n in range(DRUGS)]
    proteins = ["".join(generator.choice(list("ACDEFGHIKL"), 40)) for _ in range(TARGETS)]
    texts = {
        "drugs.smi.gz": "".join(f"{s}\td{n}\n" for n, s in enumerate(smiles)),
        "targets.fasta.gz": "".join(f">t{n}\n{p}\n" for n, p in enumerate(proteins)),
    }
    lines = ["drug\ttarget\ty\trandom\tnew_both"]
    words = ["test", *(f"train{n}" for n in range(5))]
    for drug in range(DRUGS):
        for target in range(TARGETS):
            word = words[(drug * TARGETS + target) % 6]
            new = {0: "train", 1: "drop", 2: "test"}[(drug < 3) + (target < 3)]
            lines.append(f"d{drug}\tt{target}\t{drug // 4 + target / 2}\t{word}\t{new}")
    texts["affinities.tsv.gz"] = "\n".join(lines) + "\n"
    for name, text in texts.items():
        with gzip.open(path / name, "wt") as file:
            file.write(text)
    return path


def test_no_fit_sees_a_test_row_and_no_choice_a_training_row(floors, folder) -> None:
    data = floors.load(folder, mutated=False)
    for split in ("random", "new_both"):
        train, validation, everything, test = floors.parts(data, split)
        assert not set(everything) & set(test)
        assert set(train) | set(validation) <= set(everything)
        assert not set(train) & set(validation)
        assert (data.table[split].iloc[test] == "test").all()
    for side in (data.pairs.drugs, data.pairs.targets):  # of new_both
        assert not set(side[train]) & set(side[validation])
        assert not set(side[everything]) & set(side[test])


def test_it_writes_a_row_for_each_fit_and_beats_the_mean(floors, folder, tmp_path) -> None:
    floors.main(["--davis", str(folder), "--splits", "random", "--out", str(tmp_path)])
    (file,) = tmp_path.glob("affinity_floors-*.tsv")
    table = pd.read_csv(file, sep="\t")
    assert table["fitted_on"].tolist() == ["train", "train and validation"]
    assert table["pairs"].tolist() == [80, 100]
    data = floors.load(folder, mutated=False)
    test = floors.parts(data, "random")[3]
    assert (table["test_pairs"] == len(test)).all()
    assert (table["mse"] < 0.5 * data.pairs.values[test].var()).all()
    assert (table["concordance"] > 0.8).all()
