from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bioseq_lstm.config import parse_settings
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.mutations import APPLIED, UNKNOWN
from bioseq_lstm.data.records import Reading
from bioseq_lstm.errors import UserError
from bioseq_lstm.metrics.bands import BAND_EDGES
from bioseq_lstm.model_settings import BlockSettings, ModelSettings, TrainingSettings
from bioseq_lstm.newfiles import visible_files
from bioseq_lstm.tasks import TASKS
from bioseq_lstm.tasks.outcomes import Nearest, NewPredictions, Trust

TASK = TASKS["affinity"]
MODEL = ModelSettings.model_validate({"encoder": {"name": "lstm", "hidden_size": 4}})
PAIRS = np.array([[0, 1], [1, 0], [0, 0], [2, 1]], np.int32)
VALUES = np.array([5, 7, 6, 9], np.float32)


@pytest.fixture
def encoded() -> Encoded:
    records = pd.DataFrame(
        {
            "entity": ["drug"] * 3 + ["target"] * 2,
            "id": ["d0", "d1", "d2", "t0", "t1"],
            "sequence": ["CCO", "N", "CC", "MKVL", "AC"],
        }
    )
    measured = pd.DataFrame(
        {"drug": [f"d{n}" for n in PAIRS[:, 0]], "target": [f"t{n}" for n in PAIRS[:, 1]]}
    )
    return TASK.encode(Reading(records, measured.assign(value=VALUES)), None)


def settings(folder: Path, **more: Any) -> Any:
    names = {"drugs": "drugs.tsv", "targets": "targets.fasta", "affinities": "kd.tsv"}
    files = {kind: str(folder / name) for kind, name in names.items()}
    return parse_settings({"task": "affinity", "files": files, **more})[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small data set in which every kind of misfit stands."""
    (tmp_path / "drugs.tsv").write_text("id\tsmiles\nNA\tOCC\nd2\tCC(=O)O\nbad\tC(C\nunused\tCCC\n")
    (tmp_path / "targets.fasta").write_text(">t1\nMKVLAC\n>007\nACDEFG\n")
    (tmp_path / "kd.tsv").write_text(
        "drug\ttarget\tvalue\nd2\t007\t5.5\nNA\tt1\t7\nbad\tt1\t6\nd2\tt9\t6\nd2\tt1\t<5\n"
    )
    (tmp_path / "new").mkdir()
    return tmp_path


# --- reading


def test_pairs_are_matched_with_both_sides_and_the_rest_refused(folder: Path) -> None:
    found = TASK.read(settings(folder))
    assert found.measurements.to_dict("list") == {
        "drug": ["d2", "NA"],
        "target": ["007", "t1"],
        "value": [5.5, 7.0],
    }
    entities = found.records.groupby("entity")["id"].agg(list).to_dict()
    assert entities == {"drug": ["NA", "d2", "unused"], "target": ["t1", "007"]}
    assert found.records["sequence"][0] == "CCO"  # RDKit's canonical SMILES of OCC
    refused = {(Path(r.file).name, r.line): (r.record, r.reason) for r in found.refusals}
    assert refused.keys() == {("drugs.tsv", 4), *(("kd.tsv", line) for line in (5, 6))}
    # The pair of the refused drug is not refused a second time, for a reason that is not true.
    assert found.notes["pairs left out, since their drug or target was refused"] == 1
    assert refused["kd.tsv", 5] == ("d2 t9", f"the target is not in {folder / 'targets.fasta'}")
    assert "is a bound" in refused["kd.tsv", 6][1]
    assert found.notes["drugs without a measured pair"] == 1
    assert "targets without a measured pair" not in found.notes


def test_mutations_of_target_names_are_applied_where_asked(folder: Path) -> None:
    (folder / "targets.fasta").write_text(">t1(K2R)\nMKVLAC\n>007\nACDEFG\n>t1(ITD)\nMKVLAC\n")
    (folder / "kd.tsv").write_text("drug\ttarget\tvalue\nNA\tt1(K2R)\t7\nd2\t007\t5.5\n")
    plain, asked = (TASK.read(settings(folder, apply_mutations=on)) for on in (False, True))
    for found, expected in ((plain, "MKVLAC"), (asked, "MRVLAC")):
        sequences = found.records.set_index("id")["sequence"]
        assert sequences[["t1(K2R)", "007", "t1(ITD)"]].tolist() == [expected, "ACDEFG", "MKVLAC"]
    assert asked.notes[APPLIED] == 1
    assert asked.notes[f"{UNKNOWN}: t1(ITD)"] == 1
    assert not {APPLIED, f"{UNKNOWN}: t1(ITD)"} & plain.notes.keys()


def test_a_row_is_refused_once_also_when_both_sides_are_strange(folder: Path) -> None:
    (folder / "kd.tsv").write_text("drug\ttarget\tvalue\nd2\tt1\t5\nx\ty\t6\n")
    found = TASK.read(settings(folder))
    assert [r.line for r in found.refusals if r.file.endswith("kd.tsv")] == [3]


def test_a_table_of_strangers_stops_the_run(folder: Path) -> None:
    (folder / "kd.tsv").write_text("drug\ttarget\tvalue\nx\tt1\t5\n")
    with pytest.raises(UserError, match=r"kd\.tsv: none of its ids \('x'\) is in .*drugs\.tsv"):
        TASK.read(settings(folder))


def test_a_table_in_which_no_row_is_whole_stops_the_run(folder: Path) -> None:
    (folder / "kd.tsv").write_text("drug\ttarget\tvalue\nd2\ty\t5\nx\tt1\t6\n")
    with pytest.raises(UserError, match=r"kd\.tsv: no row has both its drug .* and its target"):
        TASK.read(settings(folder))


def test_measured_pairs_are_encoded_in_their_order(folder: Path) -> None:
    reading = TASK.read(settings(folder))
    found = TASK.encode(reading, settings(folder))
    assert found.arrays["pairs"].tolist() == [[1, 1], [0, 0]]
    np.testing.assert_array_equal(found.arrays["values"], np.array([5.5, 7], np.float32))
    assert TASK.count(found) == 2


# --- new files


def new(folder: Path, **files: str) -> dict[str, Reading]:
    for name, text in files.items():
        (folder / "new" / name.replace("_", ".")).write_text(text)
    return dict(TASK.read_new(visible_files(folder / "new"), settings(folder)))


def test_new_molecules_alone_meet_the_targets_of_the_data_set(folder: Path) -> None:
    reading = new(folder, mine_smi="CCN amine\nCCS thiol\n")["pairs"]
    by_side = reading.records.groupby("entity")["id"].agg(list).to_dict()
    assert by_side == {"drug": ["amine", "thiol"], "target": ["t1", "007"]}
    # All against all, target by target.
    pairs = TASK.encode(reading, settings(folder)).arrays["pairs"]
    assert pairs.tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]


def test_new_proteins_alone_meet_the_drugs_of_the_data_set(folder: Path) -> None:
    reading = new(folder, kinase_fasta=">k\nMKVL\n")["pairs"]
    by_side = reading.records.groupby("entity")["id"].agg(list).to_dict()
    assert by_side == {"drug": ["NA", "d2", "unused"], "target": ["k"]}
    assert reading.refusals == []  # the data set has told of its own


def test_new_files_of_one_kind_are_joined(folder: Path) -> None:
    files = {"a_smi": "CCN amine\n", "b_smi": "CCN amine\nCC(O ring\n", "k_fasta": ">k\nMKVL\n"}
    reading = new(folder, **files)["pairs"]
    assert reading.records["id"].tolist() == ["amine", "k"]
    assert [(Path(r.file).name, r.line) for r in reading.refusals] == [("b.smi", 2)]
    assert sum(count for note, count in reading.notes.items() if "repeat" in note) == 1


def test_one_name_for_two_new_molecules_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="record 'x' differs from the one of the same id"):
        new(folder, a_smi="CCN x\n", b_smi="CCO x\n")


def test_an_empty_folder_gives_nothing(folder: Path) -> None:
    assert new(folder) == {}


def test_when_every_new_molecule_is_refused_there_is_no_pair(folder: Path) -> None:
    reading = new(folder, a_smi="C(C broken\n")["pairs"]
    assert TASK.count(TASK.encode(reading, settings(folder))) == 0


# --- learning


def test_each_molecule_and_protein_of_a_block_is_encoded_once(encoded: Encoded) -> None:
    batch = TASK.collate(encoded, np.array([3, 0, 2]))
    assert batch.inputs["drug"].shape == (2, 3)  # drugs 0 and 2
    assert batch.inputs["drug_lengths"].tolist() == [3, 2]
    assert batch.inputs["drug_index"].tolist() == [1, 0, 0]
    assert batch.inputs["target_index"].tolist() == [1, 1, 0]
    assert batch.target.tolist() == [9, 5, 6]
    assert batch.mask.all()


def test_batches_are_blocks_of_the_rows_asked(encoded: Encoded) -> None:
    training = TrainingSettings(block=BlockSettings(drugs=1, targets=2))
    batches = TASK.batches(encoded, np.array([3, 2, 0]), training, None)
    assert sorted(sorted(b.tolist()) for b in batches) == [[0, 2], [3]]


def test_the_loss_is_the_squared_error_in_standard_units(encoded: Encoded) -> None:
    rows = np.array([0, 1, 2])
    network: Any = TASK.network(MODEL, encoded, rows)
    assert float(network.centre) == pytest.approx(6)  # of 5, 7, 6; the test row 9 has no say
    assert float(network.scale) == pytest.approx(np.sqrt(2 / 3))
    batch = TASK.collate(encoded, rows)
    loss = TASK.loss(network, torch.zeros(3), batch)
    assert float(loss) == pytest.approx(1)


def test_predictions_are_in_the_unit_of_the_table(encoded: Encoded) -> None:
    network = TASK.network(MODEL, encoded, np.array([0, 1, 2]))
    decoded = TASK.decode(network, torch.tensor([0.0, 1.0]), TASK.collate(encoded, PAIRS[:2, 0]))
    np.testing.assert_allclose(decoded, [6, 6 + np.sqrt(2 / 3)], rtol=1e-6)


def test_values_that_are_all_equal_make_no_scale_of_zero(encoded: Encoded) -> None:
    same = encoded.with_arrays(values=np.full(4, 5, np.float32))
    network: Any = TASK.network(MODEL, same, np.arange(4))
    assert float(network.scale) == 1


def test_shuffling_permutes_the_values_of_the_rows_asked(encoded: Encoded) -> None:
    found = set()
    for seed in range(20):
        shuffled = TASK.shuffled(encoded, np.array([0, 1, 3]), np.random.default_rng(seed))
        values = shuffled.arrays["values"]
        assert values[2] == VALUES[2]
        assert sorted(values) == sorted(VALUES)
        assert shuffled.arrays["pairs"] is encoded.arrays["pairs"]
        found.add(values.tobytes())
    assert len(found) == 6
    assert encoded.arrays["values"].tolist() == [5, 7, 6, 9]


def test_the_interval_holds_new_values_as_often_as_promised(encoded: Encoded) -> None:
    noise = np.random.default_rng(0).standard_t(3, 6000).astype(np.float32)
    data = encoded.with_arrays(values=7 + noise)
    width = TASK.calibrate(data, np.arange(2000), list(np.full(2000, 7.0)))["half_width"]
    assert (np.abs(noise[2000:]) <= width).mean() == pytest.approx(0.95, abs=0.015)


# --- judging and telling


def test_the_table_names_drug_target_truth_and_prediction(encoded: Encoded) -> None:
    splits = pd.DataFrame(
        {"drug": ["d0", "d1", "d0", "d2"], "target": ["t1", "t0", "t0", "t1"],
         "drug_group": ["A", "B", "A", "A"], "target_group": ["P", "Q", "Q", "P"]}
    )  # fmt: skip
    table = TASK.table(
        encoded, splits, np.array([3, 1]), [np.float32(8), np.float32(7)], {"half_width": 0.5}
    )
    assert table.to_dict("list") == {
        "sample": [3, 1],
        "drug": ["d2", "d1"],
        "target": ["t1", "t0"],
        "truth": [9, 7],
        "predicted": [8, 7],
        "half_width": [0.5, 0.5],
    }
    scorer = TASK.scorer(table, splits)
    assert scorer.figures(np.ones(2))["mse"] == 0.5
    assert [len(np.unique(axis)) for axis in scorer.units] == [2, 2]


def test_a_pair_is_as_near_as_the_stranger_of_its_two_sides() -> None:
    leakage = pd.DataFrame(
        {"entity": ["drug", "drug", "target"], "id": ["a", "b", "a"], "identity": [0.3, 1.0, 0.8]}
    )
    splits = pd.DataFrame({"drug": ["a", "b", "b"], "target": ["a", "a", "z"], "fold0": "test"})
    found = TASK.similarity(leakage.assign(fold=0, coverage=np.nan), splits)
    np.testing.assert_array_equal(found, [0.3, 0.8, 0.0])


def test_a_side_that_is_tested_in_several_folds_is_as_near_as_in_that_of_its_pair() -> None:
    leakage = pd.DataFrame(
        {
            "entity": ["drug", "target", "drug", "target"],
            "fold": [0, 0, 1, 1],
            "id": ["a", "t", "b", "t"],
            "identity": [0.9, 0.5, 0.9, 0.7],
        }
    )
    splits = pd.DataFrame(
        {"drug": ["a", "b"], "target": "t", "fold0": ["test", "train"], "fold1": ["train", "test"]}
    )
    found = TASK.similarity(leakage.assign(coverage=[np.nan, 0.5, np.nan, 1.0]), splits)
    np.testing.assert_array_equal(found, [0.25, 0.7])


def told(folder: Path, **more: Any) -> NewPredictions:
    bands = pd.DataFrame({"value": np.linspace(0.5, 0.8, len(BAND_EDGES) - 1), "records": 4})
    trust = Trust([{"half_width": 1.0}, {"half_width": 2.0}], bands.assign(low=0.4, high=0.9), {})
    records = pd.DataFrame(
        {"entity": ["drug"] * 3 + ["target"] * 2, "id": ["a", "b", "c", "z", "y"], "sequence": "C"}
    )
    near = Nearest([f"d{n} t{n}" for n in range(6)], np.array([0.1, 0.2, 0.3, 0.5, 0.95, 1.0]))
    decoded = [np.float32(v) for v in (5, 7, 6, 9, 8, 8.5)]  # z: a b c, then y: a b c
    reading = Reading(records, pd.DataFrame())
    return TASK.new_tables(reading, decoded, near, trust, settings(folder, **more))


def test_pairs_are_ranked_within_each_target_the_strongest_first(tmp_path: Path) -> None:
    table = told(tmp_path).tables[".tsv"]
    assert table["target"].tolist() == ["z"] * 3 + ["y"] * 3
    assert table["drug"].tolist() == ["b", "c", "a", "a", "c", "b"]
    assert table["rank_for_target"].tolist() == [1, 2, 3] * 2
    assert table["predicted_pKd"].tolist() == [7, 6, 5, 9, 8.5, 8]


def test_where_low_values_bind_stronger_the_lowest_is_first(tmp_path: Path) -> None:
    table = told(tmp_path, higher_binds_stronger=False).tables[".tsv"]
    assert table["drug"].tolist() == ["a", "c", "b", "b", "c", "a"]
    assert table["rank_for_target"].tolist() == [1, 2, 3] * 2


def test_values_carry_their_unit_interval_and_neighbour(tmp_path: Path) -> None:
    first = told(tmp_path, unit="KIBA score").tables[".tsv"].iloc[0]
    assert (first["target"], first["drug"]) == ("z", "b")
    assert first["predicted_KIBA_score"] == 7
    assert first["interval_low_KIBA_score"] == 5.5  # the mean half-width is 1.5
    assert first["interval_high_KIBA_score"] == 8.5
    assert first["nearest_training_drug_and_target"] == "d1 t1"
    assert first["similarity_fraction"] == 0.2
    assert first["concordance_measured_in_band"] == 0.5


def test_nothing_was_measured_on_a_new_target_when_only_drugs_were_unseen(folder: Path) -> None:
    reading = new(folder, drugs_smi="CCCN amine\n", kinases_fasta=">k\nMKVLAAGGHH\n>t1\nMKVL\n")
    training = pd.DataFrame(
        {"entity": ["drug", "target"], "id": ["d", "t1"], "sequence": ["CCO", "MKVL"]}
    )
    near = TASK.nearest(reading["pairs"], training, settings(folder), 1)
    assert near.comparable is not None
    assert near.comparable.tolist() == [False, True]
    both = settings(folder, split={"strategy": "cold", "cold": "both"})
    assert TASK.nearest(reading["pairs"], training, both, 1).comparable.tolist() == [True, True]
