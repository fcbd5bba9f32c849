from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bioseq_lstm.config import parse_settings
from bioseq_lstm.data.alphabets import DSSP8, PROTEIN
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.records import Reading
from bioseq_lstm.errors import UserError
from bioseq_lstm.metrics.bands import BAND_EDGES
from bioseq_lstm.model_settings import ModelSettings, TrainingSettings
from bioseq_lstm.newfiles import visible_files
from bioseq_lstm.tasks import TASKS
from bioseq_lstm.tasks.base import Parts, nearest_rows
from bioseq_lstm.tasks.outcomes import Nearest, Trust

TASK = TASKS["structure"]
MODEL = ModelSettings.model_validate({"encoder": {"name": "lstm", "hidden_size": 4}})


def settings(folder: Path, **more: Any) -> Any:
    files = {"sequences": str(folder / "chains.3line")}
    return parse_settings({"task": "structure", "files": files, **more})[1]


@pytest.fixture
def encoded() -> Encoded:
    chains, labels = ["MKVL", "AC", "GHIKLM"], ["HH.C", "EC", "..GIBT"]
    return Encoded({"chain": PROTEIN.encode_all(chains), "labels": DSSP8.encode_all(labels)})


@pytest.fixture
def trust() -> Trust:
    bands = pd.DataFrame({"from": BAND_EDGES[:-1], "to": BAND_EDGES[1:]})
    bands["records"] = [5, 0, 0, 0, 0, 0, 7]
    bands["value"] = [0.61234, *[np.nan] * 5, 0.9]
    bands["low"], bands["high"] = bands["value"] - 0.1, bands["value"] + 0.1
    return Trust([{"temperature": 1.0}], bands, {})


def reading(*records: tuple[str, str]) -> Reading:
    table = pd.DataFrame(records, columns=["id", "sequence"])
    return Reading(table.assign(entity="chain", file="x", line=1), pd.DataFrame())


# --- reading


def test_chains_are_read_with_labels_and_the_wrong_ones_refused(tmp_path: Path) -> None:
    (tmp_path / "chains.3line").write_text(
        ">007 first\nMKVLAC\nHHHH-C\n>NA\nACDEFG\nEEEEEE\n>bad\nMKV\nHH\n>long\n"
        + "M" * 30 + "\n" + "H" * 30 + "\n"
    )  # fmt: skip
    found = TASK.read(settings(tmp_path, max_length=20))
    assert found.records["id"].tolist() == found.measurements["id"].tolist() == ["007", "NA"]
    assert found.records["entity"].tolist() == ["chain", "chain"]
    assert found.measurements["labels"].tolist() == ["HHHHCC", "EEEEEE"]
    assert [(r.record, r.line) for r in found.refusals] == [("bad", 7), ("long", 10)]
    assert "2 labels for 3 residues" in found.refusals[0].reason
    assert "more than max_length 20" in found.refusals[1].reason


def test_labels_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "chains.3line").write_text(">a\nMKVL\n>b\nACDE\n")
    (tmp_path / "states.fasta").write_text(">b\nEEEE\n>a\nHHHC\n")
    files = {"sequences": str(tmp_path / "chains.3line"), "labels": str(tmp_path / "states.fasta")}
    _, both = parse_settings({"task": "structure", "files": files})
    found = TASK.read(both)
    assert found.measurements["labels"].tolist() == ["HHHC", "EEEE"]


def test_new_files_are_read_one_by_one_and_may_be_long(tmp_path: Path) -> None:
    (tmp_path / "b.fasta").write_text(">x\n" + "MKV" * 10_000 + "\n>y\nM1\n")
    (tmp_path / "a.fa").write_text(">x\nmkvl\n")
    found = dict(TASK.read_new(visible_files(tmp_path), settings(tmp_path, max_length=20)))
    assert list(found) == ["a", "b"]
    assert found["a"].records["sequence"].tolist() == ["MKVL"]
    assert len(found["b"].records["sequence"][0]) == 30_000
    assert [r.record for r in found["b"].refusals] == ["y"]
    encoded = TASK.encode(found["b"], settings(tmp_path))
    assert TASK.count(encoded) == 1
    assert not TASK.collate(encoded, np.array([0])).mask.any()


def test_records_are_encoded_in_the_order_of_the_measurements() -> None:
    given = reading(("a", "MKX"), ("b", "AC"))
    given.measurements = pd.DataFrame({"id": ["a", "b"], "labels": ["H.C", "EE"]})
    found = TASK.encode(given, None)
    assert [PROTEIN.decode(row) for row in found.sequences["chain"]] == ["MKX", "AC"]
    assert [DSSP8.decode(row) for row in found.sequences["labels"]] == ["H.C", "EE"]


# --- learning


def test_unknown_labels_and_padding_do_not_count(encoded: Encoded) -> None:
    batch = TASK.collate(encoded, np.array([0, 1]))
    assert batch.inputs["lengths"].tolist() == [4, 2]
    assert batch.mask.tolist() == [[True, True, False, True], [True, True, False, False]]
    states = [DSSP8.letters[state] for state in batch.target[batch.mask]]
    assert "".join(states) == "HHCEC"


def test_the_loss_is_the_cross_entropy_of_known_residues(encoded: Encoded) -> None:
    batch = TASK.collate(encoded, np.array([0, 1]))
    network = TASK.network(MODEL, encoded, np.arange(3))
    even = torch.zeros(2, 4, 8)
    assert float(TASK.loss(network, even, batch)) == pytest.approx(np.log(8))
    right = torch.nn.functional.one_hot(batch.target, 8) * 50.0
    right[0, 2], right[1, 2:] = -50.0, torch.nan  # unknown, and past the end
    assert float(TASK.loss(network, right, batch)) == pytest.approx(0, abs=1e-6)


def test_label_smoothing_spreads_a_share_of_each_label_in_training_alone(encoded: Encoded) -> None:
    batch = TASK.collate(encoded, np.array([0, 1]))
    training = MODEL.training.model_copy(update={"label_smoothing": 0.2})
    network = TASK.network(MODEL.model_copy(update={"training": training}), encoded, np.arange(3))
    scores = torch.nn.functional.one_hot(batch.target, 8) * 3.0
    right = 3 - np.log(np.exp(3) + 7)  # log-probability of the label; the others have 3 less
    assert float(TASK.loss(network.eval(), scores, batch)) == pytest.approx(-right)
    smoothed = 0.8 * right + 0.2 * (right + 7 * (right - 3)) / 8
    assert float(TASK.loss(network.train(), scores, batch)) == pytest.approx(-smoothed)


def test_shuffling_permutes_known_labels_of_the_rows_asked_and_nothing_else(
    encoded: Encoded,
) -> None:
    before = [DSSP8.decode(row) for row in encoded.sequences["labels"]]
    found = set()
    for seed in range(20):
        shuffled = TASK.shuffled(encoded, np.array([0, 2]), np.random.default_rng(seed))
        after = [DSSP8.decode(row) for row in shuffled.sequences["labels"]]
        assert after[1] == before[1]
        assert sorted(after[0] + after[2]) == sorted(before[0] + before[2])
        assert [[c == "." for c in text] for text in after] == [
            [c == "." for c in text] for text in before
        ]
        assert shuffled.sequences["chain"] is encoded.sequences["chain"]
        found.add(tuple(after))
    assert len(found) > 10
    assert [DSSP8.decode(row) for row in encoded.sequences["labels"]] == before


def test_batches_keep_the_budget_and_hold_the_rows_asked(encoded: Encoded) -> None:
    training = TrainingSettings(token_budget=8)
    batches = TASK.batches(encoded, np.array([2, 0, 1]), training, None)
    assert [b.tolist() for b in batches] == [[1, 0], [2]]


def test_codons_make_no_sense_for_residues(encoded: Encoded) -> None:
    model = ModelSettings.model_validate({"embedding": {"kmer": 3}})
    with pytest.raises(UserError, match="labels every residue: embedding needs kmer 1, stride 1"):
        TASK.network(model, encoded, np.arange(3))


def test_outputs_are_decoded_to_probabilities_of_the_residues_alone(encoded: Encoded) -> None:
    batch = TASK.collate(encoded, np.array([0, 1]))
    outputs = torch.randn(2, 4, 8)
    decoded = TASK.decode(TASK.network(MODEL, encoded, np.arange(3)), outputs, batch)
    assert [p.shape for p in decoded] == [(4, 8), (2, 8)]
    np.testing.assert_allclose(decoded[1], outputs[1, :2].softmax(-1), rtol=1e-6)


def test_calibration_finds_the_temperature_of_overconfident_probabilities() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=3, size=(4000, 8))
    truth = (logits / 2.0 + rng.gumbel(size=logits.shape)).argmax(axis=1)
    labels = np.where(np.arange(4000) % 5 == 0, 8, truth)  # a fifth is unknown
    text = "".join((*DSSP8.letters, ".")[state] for state in labels)
    chains = PROTEIN.encode_all(["A" * 2000, "MK", "A" * 2000])
    encoded = Encoded(
        {"chain": chains, "labels": DSSP8.encode_all([text[:2000], "HH", text[2000:]])}
    )
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = TASK.calibrate(encoded, np.array([0, 2]), [probabilities[:2000], probabilities[2000:]])
    assert found["temperature"] == pytest.approx(2.0, rel=0.1)


# --- judging and telling


def test_the_table_holds_truth_prediction_and_calibrated_confidence(encoded: Encoded) -> None:
    splits = pd.DataFrame({"id": ["a", "b", "c"], "group": ["g", "g", "h"]})
    sure = np.full((2, 8), 0.2 / 7)
    sure[:, DSSP8.letters.index("E")] = 0.8
    table = TASK.table(encoded, splits, np.array([1]), [sure], {"temperature": 0.5})
    (row,) = table.to_dict("records")
    assert (row["sample"], row["id"], row["truth"], row["predicted"]) == (1, "b", "EC", "EE")
    squared = 0.8**2 / (0.8**2 + 7 * (0.2 / 7) ** 2)
    np.testing.assert_allclose(row["confidence"], [squared, squared], rtol=1e-6)
    scorer = TASK.scorer(table, splits)
    assert scorer.figures(np.ones(1))["q8"] == 0.5


def test_figures_are_resampled_by_groups_of_chains() -> None:
    splits = pd.DataFrame({"id": list("abc"), "group": ["g", "h", "g"]})
    states = dict.fromkeys(("truth", "predicted", "predicted_3"), "HH")
    table = pd.DataFrame({"sample": [2, 0, 1], **states})
    (units,) = TASK.scorer(table, splits).units
    assert units[0] == units[1] != units[2]


def test_similarity_is_identity_times_coverage_in_the_order_of_the_samples() -> None:
    leakage = pd.DataFrame({"id": ["c", "a"], "identity": [0.9, 0.2], "coverage": 0.5})
    found = TASK.similarity(leakage, pd.DataFrame({"id": ["a", "b", "c"]}))
    np.testing.assert_array_equal(found, [0.1, np.nan, 0.45])


def test_the_nearest_row_is_counted_within_the_training_part() -> None:
    parts = Parts(np.array([0, 2, 4]), np.array([1]), np.array([3, 5]))
    leakage = pd.DataFrame({"id": ["d", "f"], "nearest": ["e", np.nan]})
    ids = np.array(list("abcdef"), dtype=object)
    assert nearest_rows(ids, parts, leakage).tolist() == [2, -1]


def test_new_predictions_are_tables_with_units_and_a_3_line_file(trust: Trust) -> None:
    probabilities = [np.full((3, 8), 0.3 / 7), np.full((2, 8), 0.5 / 7)]
    probabilities[0][:, DSSP8.letters.index("G")] = 0.7
    probabilities[1][:, DSSP8.letters.index("C")] = 0.5
    near = Nearest(["c7", ""], np.array([0.95, np.nan]))
    found = TASK.new_tables(reading(("a", "MKV"), ("b", "AC")), probabilities, near, trust, None)
    assert list(found.tables) == [".tsv", ".residues.tsv"]
    chains, residues = found.tables[".tsv"], found.tables[".residues.tsv"]
    assert list(chains) == [
        *("id", "length_residues", "mean_confidence_probability"),
        *("nearest_training_chain", "identity_times_coverage_fraction"),
        *("q3_measured_in_band", "q3_interval_low", "q3_interval_high", "test_records_in_band"),
        *("sequence", "states_8", "states_3"),
    ]
    assert chains["length_residues"].tolist() == [3, 2]
    assert chains["mean_confidence_probability"].tolist() == [0.7, 0.5]
    assert chains["q3_measured_in_band"].tolist() == [0.9, 0.612]
    assert chains["test_records_in_band"].tolist() == [7, 5]
    assert (chains["states_8"].tolist(), chains["states_3"].tolist()) == (
        ["GGG", "CC"],
        ["HHH", "CC"],
    )
    assert residues["position"].tolist() == [1, 2, 3, 1, 2]
    assert "".join(residues["residue"]) == "MKVAC"
    assert residues["id"].tolist() == ["a", "a", "a", "b", "b"]
    assert found.texts[".3line"] == ">a\nMKV\nGGG\n>b\nAC\nCC\n"
    assert list(found.texts) == [".3line", ".ss2", ".horiz"]


def test_the_3_line_file_can_be_read_again(tmp_path: Path, trust: Trust) -> None:
    probabilities = [np.random.default_rng(0).dirichlet(np.ones(8), 6)]
    near = Nearest([""], np.array([np.nan]))
    given = reading(("a", "MKVLAC"))
    found = TASK.new_tables(given, probabilities, near, trust, None)
    (tmp_path / "chains.3line").write_text(found.texts[".3line"])
    again = TASK.read(settings(tmp_path))
    assert again.measurements["labels"].tolist() == found.tables[".tsv"]["states_8"].tolist()
