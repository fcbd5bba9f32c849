"""The leakage check: planted leaks stop the run, an open gate lets them pass and says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.data.alphabets import reverse_complement
from bioseq_lstm.data.leakage import COLUMNS, LeakageSettings, Side, check_leakage
from bioseq_lstm.data.similarity import Entries
from bioseq_lstm.errors import UserError

OPEN = LeakageSettings(gate="open")


def random_texts(count: int, length: int, letters: str, seed: int = 0) -> list[str]:
    generator = np.random.default_rng(seed)
    return ["".join(row) for row in generator.choice(list(letters), (count, length))]


PROTEINS = random_texts(8, 100, "ACDEFGHIKLMNPQRSTVWY")
GENES = random_texts(8, 200, "ACGT")
#        0        1        2        3             4       5       6       7
PARTS = ["train", "train", "train", "validation", "test", "test", "test", "unused"]
IDS = [f"r{i}" for i in range(8)]
SPLITS = pd.DataFrame({"id": IDS, "group": range(8), "fold0": PARTS})


def chains(**replaced: str) -> list[Side]:
    sequences = [replaced.get(name, text) for name, text in zip(IDS, PROTEINS, strict=True)]
    return [Side("chain", "id", Entries("protein", IDS, sequences))]


def genes(**replaced: str) -> list[Side]:
    sequences = [replaced.get(name, text) for name, text in zip(IDS, GENES, strict=True)]
    return [Side("gene", "id", Entries("dna", IDS, sequences))]


def near_copy(text: str) -> str:
    """5 of 100 residues differ."""
    return "".join("A" if i % 20 == 10 and c != "A" else c for i, c in enumerate(text))


def test_strangers_pass_and_every_test_record_is_in_the_table() -> None:
    leakage = check_leakage(LeakageSettings(), SPLITS, chains())
    assert tuple(leakage.table.columns) == COLUMNS
    assert leakage.table["id"].tolist() == ["r4", "r5", "r6"]
    assert leakage.table["identity"].isna().all()
    assert leakage.shares[["judged", "near_duplicates", "share"]].to_numpy().tolist() == [[3, 0, 0]]
    assert leakage.warnings == []


def test_a_near_copy_is_told_with_share_threshold_example_and_mend() -> None:
    sides = chains(r5=near_copy(PROTEINS[1]))
    with pytest.raises(UserError) as caught:
        check_leakage(LeakageSettings(max_near_duplicates=0.2), SPLITS, sides)
    message = str(caught.value)
    assert "1 of 3 test chains (33.3%) have a near-duplicate in training" in message
    assert "at least 90% alike; allowed are 20.0%" in message
    assert "r5 ~ r1 (9" in message
    assert message.endswith("set leakage.gate to open")


def test_a_share_of_near_copies_at_the_threshold_passes() -> None:
    sides = chains(r5=near_copy(PROTEINS[1]))
    leakage = check_leakage(LeakageSettings(max_near_duplicates=1 / 3), SPLITS, sides)
    row = leakage.table.set_index("id").loc["r5"]
    assert row["nearest"] == "r1"
    assert 0.9 <= row["identity"] < 1
    assert leakage.shares["near_duplicates"].tolist() == [1]


def test_a_short_stretch_in_common_is_no_near_duplicate() -> None:
    sides = chains(r5=PROTEINS[5][:60] + PROTEINS[1][:40])
    leakage = check_leakage(LeakageSettings(max_near_duplicates=0), SPLITS, sides)
    row = leakage.table.set_index("id").loc["r5"]
    assert row["nearest"] == "r1"
    assert row["identity"] == 1
    assert row["coverage"] == pytest.approx(0.4, abs=0.05)


def test_an_exact_copy_is_an_error_that_names_both_records() -> None:
    settings = LeakageSettings(max_near_duplicates=1)
    with pytest.raises(UserError, match="test chain 'r6' is identical to training chain 'r0'"):
        check_leakage(settings, SPLITS, chains(r6=PROTEINS[0]))
    with pytest.raises(UserError, match="test chain 'r6' is identical to validation chain 'r3'"):
        check_leakage(settings, SPLITS, chains(r6=PROTEINS[3]))


def test_a_reverse_complement_is_an_error_that_names_both_records() -> None:
    sides = genes(r4=reverse_complement(GENES[2]), r5=GENES[0])
    with pytest.raises(UserError) as caught:
        check_leakage(LeakageSettings(max_near_duplicates=1), SPLITS, sides)
    assert "test gene 'r4' is the reverse complement of training gene 'r2'" in str(caught.value)
    assert "and 1 more such genes" in str(caught.value)


def test_a_reversed_protein_is_no_copy() -> None:
    text = "ACGTACGTTTACGGA" * 4  # letters that are residues as well as bases
    sides = chains(r0=text, r6=reverse_complement(text))
    check_leakage(LeakageSettings(max_near_duplicates=1), SPLITS, sides)


def test_a_copy_outside_the_test_part_is_none_of_its_business() -> None:
    check_leakage(LeakageSettings(), SPLITS, chains(r3=PROTEINS[0], r7=PROTEINS[4]))


def test_an_open_gate_lets_all_pass_and_warns() -> None:
    sides = chains(r4=PROTEINS[0], r5=near_copy(PROTEINS[1]))
    leakage = check_leakage(OPEN, SPLITS, sides)
    assert len(leakage.warnings) == 2
    assert "'r4' is identical to training chain 'r0'" in leakage.warnings[0]
    assert "2 of 3 test chains" in leakage.warnings[1]
    assert all("gate" in warning for warning in leakage.warnings)
    assert leakage.table.set_index("id").loc["r4", "nearest"] == "r0"


def test_each_fold_is_checked() -> None:
    splits = SPLITS.assign(fold1=["test", *PARTS[1:4], "train", "validation", "train", "unused"])
    leakage = check_leakage(OPEN, splits, chains(r4=PROTEINS[0]))
    rows = leakage.table.set_index(["fold", "id"])
    assert rows.loc[(0, "r4"), "nearest"] == "r0"
    assert rows.loc[(1, "r0"), "nearest"] == "r4"
    with pytest.raises(UserError):
        check_leakage(LeakageSettings(), splits.drop(columns="fold0"), chains(r4=PROTEINS[0]))


PAIRS = pd.DataFrame(
    {
        "drug": ["d0", "d0", "d1", "d1", "d2", "d2"],
        "target": ["t0", "t1", "t0", "t1", "t0", "t2"],
        "fold0": ["train", "train", "validation", "validation", "test", "test"],
    }
)
TARGETS = Entries("protein", ["t0", "t1", "t2"], [PROTEINS[0], PROTEINS[1], PROTEINS[1]])


def pair_sides(*smiles: str) -> list[Side]:
    drugs = Entries("molecule", ["d0", "d1", "d2"], smiles)
    return [Side("drug", "drug", drugs), Side("target", "target", TARGETS, promised_new=False)]


def test_a_target_that_also_trains_is_its_own_nearest_and_is_not_judged() -> None:
    leakage = check_leakage(LeakageSettings(), PAIRS, pair_sides("CCO", "CCN", "c1ccncc1"))
    targets = leakage.table[leakage.table["entity"] == "target"].set_index("id")
    assert targets["nearest"].to_dict() == {"t0": "t0", "t2": "t1"}
    assert targets["identity"].tolist() == [1, 1]
    assert leakage.shares.set_index("entity")["judged"].to_dict() == {"drug": 1, "target": 0}


def test_a_cold_drug_that_equals_a_training_drug_is_an_error() -> None:
    with pytest.raises(UserError, match="test drug 'd2' is identical to training drug 'd0'"):
        check_leakage(LeakageSettings(), PAIRS, pair_sides("CCO", "CCN", "CCO"))


def unpromised(*smiles: str) -> list[Side]:
    """Sides of a split that may test known drugs on known targets."""
    return [replace(side, promised_new=False) for side in pair_sides(*smiles)]


def test_known_drugs_and_known_targets_in_new_pairs_are_no_leak() -> None:
    # t2 equals t1; d2 is tested on t0 and t2, of which training holds d0 with both.
    leakage = check_leakage(LeakageSettings(), PAIRS, unpromised("CCO", "CCN", "c1ccncc1"))
    assert leakage.warnings == []
    assert leakage.shares["judged"].tolist() == [0, 0]


def test_a_copy_of_a_pair_across_the_line_is_an_error_that_names_both_pairs() -> None:
    with pytest.raises(UserError) as caught:
        check_leakage(LeakageSettings(), PAIRS, unpromised("CCO", "CCN", "CCO"))
    assert str(caught.value).startswith(
        "the test pair of drug 'd2' and target 't0' is identical to the training pair of "
        "drug 'd0' and target 't0' (and 1 more such pairs); choose a split"
    )
    validation = "the validation pair of drug 'd1' and target 't1'"
    with pytest.raises(UserError, match=validation):
        check_leakage(LeakageSettings(), PAIRS.iloc[[0, 3, 5]], unpromised("CCO", "CCN", "CCN"))


def test_an_open_gate_lets_a_copied_pair_pass_and_warns() -> None:
    (warning,) = check_leakage(OPEN, PAIRS, unpromised("CCO", "CCN", "CCO")).warnings
    assert "target 't0' is identical to the training pair" in warning
    assert "gate" in warning
