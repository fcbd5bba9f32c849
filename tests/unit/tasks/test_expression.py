from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bioseq_lstm.config import parse_settings
from bioseq_lstm.data.alphabets import DNA
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.records import Reading
from bioseq_lstm.errors import UserError
from bioseq_lstm.metrics.bands import BAND_EDGES
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.tasks import TASKS
from bioseq_lstm.tasks.outcomes import Nearest, Trust

TASK = TASKS["expression"]
MODEL = ModelSettings.model_validate({"encoder": {"name": "lstm", "hidden_size": 4}})
VALUES = np.array(
    [[1, 10, np.nan], [3, 14, 7], [5, np.nan, 7], [7, 12, 7]], np.float32
)  # genes x conditions; the third condition never varies


@pytest.fixture
def encoded() -> Encoded:
    return make(VALUES)


def make(values: np.ndarray) -> Encoded:
    genes = ["ACGT", "ACGTACG", "GG", "TTTTT"][: len(values)]
    about = {"conditions": ["warm", "cold", "NA"], "coding_start": None}
    return Encoded({"gene": DNA.encode_all(genes)}, {"values": values}, about)


def settings(folder: Path, **files: str) -> Any:
    named = {"sequences": "genes.fasta", "expression": "tpm.tsv", **files}
    paths = {kind: str(folder / name) for kind, name in named.items()}
    return parse_settings({"task": "expression", "files": paths, "coding_start": 2})[1]


def write(folder: Path, sequences: str, table: str, annotations: str = "") -> None:
    (folder / "genes.fasta").write_text(sequences)
    (folder / "tpm.tsv").write_text(table)
    (folder / "genes.tsv").write_text(annotations)


GENES = ">thrL\nACGT\n>NA\nACCC\n>alone\nGGGG\n>bad\nACG1\n"
TABLE = "id\twarm\tcold\nNA\t1\t\n007\t3\t4\nthrL\t5\t6\n"


# --- reading


def test_genes_and_values_are_matched_and_the_rest_refused(tmp_path: Path) -> None:
    write(tmp_path, GENES, TABLE)
    found = TASK.read(settings(tmp_path))
    assert found.records["id"].tolist() == found.measurements["id"].tolist() == ["NA", "thrL"]
    assert found.records["sequence"].tolist() == ["ACCC", "ACGT"]
    np.testing.assert_array_equal(found.measurements[["warm", "cold"]], [[1, np.nan], [5, 6]])
    refused = {r.record: (Path(r.file).name, r.line, r.reason) for r in found.refusals}
    assert refused.keys() == {"bad", "007", "alone"}
    assert refused["bad"][:2] == ("genes.fasta", 7)
    assert refused["007"][:2] == ("tpm.tsv", 3)
    assert "has no sequence in" in refused["007"][2]
    assert refused["alone"][:2] == ("genes.fasta", 5)
    assert "has no values in" in refused["alone"][2]


def test_a_table_whose_ids_match_no_sequence_stops_the_run(tmp_path: Path) -> None:
    write(tmp_path, ">THRL\nACGT\n", TABLE)
    with pytest.raises(UserError, match=r"tpm\.tsv: none of its ids .* differ only in letter case"):
        TASK.read(settings(tmp_path))


def test_annotations_come_along_by_id(tmp_path: Path) -> None:
    rows = "thrL\t190\t255\t+\nNA\t337\t2799\t-\nelse\t1\t2\t+\n"
    write(tmp_path, GENES, TABLE, "id\tstart\tend\tstrand\n" + rows)
    found = TASK.read(settings(tmp_path, annotations="genes.tsv"))
    assert found.records["id"].tolist() == ["NA", "thrL"]
    assert found.records["start"].tolist() == [337, 190]
    assert found.records["strand"].tolist() == ["-", "+"]


def test_a_gene_without_annotation_is_named(tmp_path: Path) -> None:
    write(tmp_path, GENES, TABLE, "id\tstart\nthrL\t190\n")
    with pytest.raises(UserError, match=r"genes\.tsv: 1 genes have no row here, the first is 'NA'"):
        TASK.read(settings(tmp_path, annotations="genes.tsv"))


def test_numbers_and_what_must_be_known_of_them_are_encoded(tmp_path: Path) -> None:
    write(tmp_path, GENES, TABLE)
    found = TASK.encode(TASK.read(settings(tmp_path)), settings(tmp_path))
    assert [DNA.decode(row) for row in found.sequences["gene"]] == ["ACCC", "ACGT"]
    assert found.about == {"conditions": ["warm", "cold"], "coding_start": 2}
    np.testing.assert_array_equal(
        found.arrays["values"], np.array([[1, np.nan], [5, 6]], np.float32), strict=True
    )


# --- learning


def test_missing_values_do_not_count(encoded: Encoded) -> None:
    batch = TASK.collate(encoded, np.array([0, 2]))
    assert batch.mask.tolist() == [[True, True, False], [True, False, True]]
    assert torch.isfinite(batch.target).all()


def test_new_genes_have_no_values_at_all() -> None:
    new = Encoded({"gene": DNA.encode_all(["ACGT"])}, about={"conditions": ["a", "b"]})
    batch = TASK.collate(new, np.array([0]))
    assert batch.target.shape == (1, 2)
    assert not batch.mask.any()


def test_means_and_scales_come_from_the_training_rows_alone(encoded: Encoded) -> None:
    network: Any = TASK.network(MODEL, encoded, np.array([0, 1, 2]))
    np.testing.assert_allclose(network.centre, [3, 12, 7])
    np.testing.assert_allclose(network.scale, [np.sqrt(8 / 3), 2, 1])  # no scale of zero
    changed = VALUES.copy()
    changed[3] = 1000
    other: Any = TASK.network(MODEL, make(changed), np.array([0, 1, 2]))
    assert torch.equal(network.centre, other.centre)
    assert torch.equal(network.spread, other.spread)


def test_a_condition_without_a_training_value_makes_no_nan() -> None:
    values = VALUES.copy()
    values[:3, 2] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network: Any = TASK.network(MODEL, make(values), np.array([0, 1, 2]))
    batch = TASK.collate(make(values), np.array([0, 1, 2]))
    assert torch.isfinite(TASK.loss(network, network(batch.inputs), batch))


def test_predictions_are_in_the_unit_of_the_table(encoded: Encoded) -> None:
    network = TASK.network(MODEL, encoded, np.arange(3))
    batch = TASK.collate(encoded, np.array([0, 1]))
    decoded = TASK.decode(network, torch.tensor([[0.0, 0, 0], [1, -1, 2]]), batch)
    np.testing.assert_allclose(decoded, [[3, 12, 7], [3 + np.sqrt(8 / 3), 10, 9]], rtol=1e-6)


def test_the_loss_is_zero_for_the_truth_and_blind_to_missing_values(encoded: Encoded) -> None:
    network: Any = TASK.network(MODEL, encoded, np.arange(4))
    batch = TASK.collate(encoded, np.arange(4))
    truth = (torch.from_numpy(VALUES) - network.centre) / network.scale
    for missing in (0.0, 1e6):
        outputs = truth.nan_to_num(missing)
        assert float(TASK.loss(network, outputs, batch)) == pytest.approx(0, abs=1e-9)


def test_an_error_between_conditions_costs_more_than_the_same_for_all(encoded: Encoded) -> None:
    # Both errors have square 1 in each value; only the second is a deviation within the gene.
    full = make(np.array([[1, 2, 4], [2, 4, 1]], np.float32))
    network: Any = TASK.network(MODEL, full, np.arange(2))
    batch = TASK.collate(full, np.arange(1))
    truth = (batch.target - network.centre) / network.scale
    same = float(TASK.loss(network, truth + torch.tensor([1.0, 1, 1]), batch))
    apart = float(TASK.loss(network, truth + torch.tensor([1.0, -1, 1]), batch))
    assert same == pytest.approx(1)
    # Deviations of (1, -1, 1) from their mean 1/3: (2/3)^2, (4/3)^2, (2/3)^2; their mean is 8/9.
    assert apart == pytest.approx(1 + 8 / 9 / float(network.spread))


def test_shuffling_moves_whole_profiles_of_the_rows_asked(encoded: Encoded) -> None:
    rows = np.array([0, 1, 3])
    for seed in range(5):
        shuffled = TASK.shuffled(encoded, rows, np.random.default_rng(seed)).arrays["values"]
        np.testing.assert_array_equal(shuffled[2], VALUES[2])
        assert {row.tobytes() for row in shuffled} == {row.tobytes() for row in VALUES}
    np.testing.assert_array_equal(encoded.arrays["values"], VALUES)


def test_intervals_hold_new_values_as_often_as_promised_by_condition() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(scale=[1, 5], size=(3000, 2)).astype(np.float32)
    noise[rng.random(noise.shape) < 0.2] = np.nan
    genes = DNA.encode_all(["A"] * 3000)
    data = Encoded({"gene": genes}, {"values": 7 + noise}, {"conditions": ["a", "b"]})
    rows = np.arange(1000)
    widths = TASK.calibrate(data, rows, list(np.full((1000, 2), 7.0)))["half_width"]
    covered = np.abs(noise[1000:]) <= widths
    share = covered.sum(axis=0) / np.isfinite(noise[1000:]).sum(axis=0)
    np.testing.assert_allclose(share, 0.95, atol=0.02)
    assert 4 < widths[1] / widths[0] < 6


def test_a_condition_without_a_validation_value_gets_the_interval_over_all() -> None:
    values = np.array([[1, np.nan], [2, np.nan], [0, np.nan]], np.float32)
    data = Encoded({"gene": DNA.encode_all(["A"] * 3)}, {"values": values})
    found = TASK.calibrate(data, np.arange(3), list(np.zeros((3, 2))))
    assert found == {"half_width": [2, 2]}


# --- judging and telling


def test_the_table_has_a_row_for_each_gene_and_condition(encoded: Encoded) -> None:
    splits = pd.DataFrame({"id": list("abcd"), "group": ["g", "h", "g", "h"]})
    decoded = [np.array([3.0, 14, 7]), np.array([5.0, 11, 8])]
    table = TASK.table(encoded, splits, np.array([1, 2]), decoded, {"half_width": [1, 2, 3]})
    assert table["id"].tolist() == ["b"] * 3 + ["c"] * 3
    assert table["condition"].tolist() == ["warm", "cold", "NA"] * 2
    np.testing.assert_array_equal(table["truth"], [3, 14, 7, 5, np.nan, 7])
    np.testing.assert_array_equal(table["predicted"], [3, 14, 7, 5, 11, 8])
    np.testing.assert_array_equal(table["half_width"], [1, 2, 3] * 2)
    (units,) = TASK.scorer(table, splits).units
    assert len(units) == 2
    assert units[0] != units[1]


def test_new_predictions_carry_the_unit_and_an_interval(tmp_path: Path) -> None:
    bands = pd.DataFrame({"value": np.linspace(0.1, 0.7, len(BAND_EDGES) - 1), "records": 4})
    trust = Trust(
        [{"half_width": [1.0, 2.0]}, {"half_width": [3.0, 4.0]}],
        bands.assign(low=0.0, high=1.0),
        {"conditions": ["warm", "NA"]},
    )
    genes = pd.DataFrame({"entity": "gene", "id": ["x", "NA"], "sequence": ["ACGT", "GG"]})
    near = Nearest(["thrL", ""], np.array([1.0, np.nan]))
    decoded = [np.array([10.0, 4.0]), np.array([1.0, 2.0])]
    found = TASK.new_tables(
        Reading(genes, pd.DataFrame()), decoded, near, trust, settings(tmp_path)
    )
    assert list(found.tables) == [".tsv", ".conditions.tsv"]
    summary, long = found.tables[".tsv"], found.tables[".conditions.tsv"]
    assert summary["mean_predicted_log2_tpm"].tolist() == [7, 1.5]
    assert summary["length_bases"].tolist() == [4, 2]
    assert summary["nearest_training_gene"].tolist() == ["thrL", ""]
    assert summary["pearson_measured_in_band"].tolist() == [0.7, 0.1]
    assert long["id"].tolist() == ["x", "x", "NA", "NA"]
    assert long["condition"].tolist() == ["warm", "NA"] * 2
    assert long["predicted_log2_tpm"].tolist() == [10, 4, 1, 2]
    assert long["interval_low_log2_tpm"].tolist() == [8, 1, -1, -1]  # mean half-widths 2 and 3
    assert long["interval_high_log2_tpm"].tolist() == [12, 7, 3, 5]


def test_a_unit_of_any_spelling_makes_a_plain_column_name(tmp_path: Path) -> None:
    plain = settings(tmp_path).model_copy(update={"unit": "log₂(TPM + 1)"})
    trust = Trust(
        [{"half_width": [1.0]}],
        pd.DataFrame(0.5, index=range(7), columns=["value", "low", "high", "records"]),
        {"conditions": ["a"]},
    )
    genes = pd.DataFrame({"entity": "gene", "id": ["x"], "sequence": ["ACGT"]})
    near = Nearest([""], np.array([np.nan]))
    found = TASK.new_tables(Reading(genes, pd.DataFrame()), [np.array([1.0])], near, trust, plain)
    names = [name for name in found.tables[".tsv"] if name.startswith("mean_predicted_")]
    assert len(names) == 1
    assert names[0].replace("_", "").isalnum()
    assert "tpm_1" in names[0]
