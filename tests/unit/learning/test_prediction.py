from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.config import parse_settings
from bioseq_lstm.data.alphabets import PROTEIN
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, read_tsv, sha256, write_json, write_parquet, write_tsv
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.prediction import predict
from bioseq_lstm.learning.run import Run, load_network, run_training
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.metrics.bands import BAND_EDGES
from bioseq_lstm.metrics.temperature import at_temperature
from bioseq_lstm.model_settings import TrainingSettings
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks import TASKS

TASK = TASKS["structure"]
PROTEINS = ("MKVLAAGIVGLCAKAYEERGHHVTVLEKDGR", "MSDNGPQNQRNAPRITFGGPSDSTGSNQNGER")


@dataclass(frozen=True)
class Ready:
    """A dataset with two trained runs of one model, and a folder for new files."""

    layout: Layout
    settings: DatasetSettings
    new: Path

    def drop(self, name: str, *records: tuple[str, str]) -> None:
        text = "".join(f">{title}\n{sequence}\n" for title, sequence in records)
        (self.new / name).write_text(text)

    def predict(self) -> dict[str, Any]:
        predict(TASK, self.settings, self.new, self.layout.folder)
        manifest: dict[str, Any] = read_json(self.layout.predictions / "manifest.json")
        return manifest

    def table(self, name: str) -> pd.DataFrame:
        return read_tsv(self.layout.predictions / name, text=("id", "nearest_training_chain"))


@pytest.fixture
def ready(toy: Callable[..., Any], tmp_path: Path) -> Ready:
    data = toy("structure").told(epochs=1)
    layout = Layout(tmp_path / "results")
    chains = [PROTEIN.decode(codes) for codes in data.encoded.sequences["chain"]]
    data.encoded.save(layout.encoded)
    _, settings = parse_settings(
        {"task": "structure", "files": {"sequences": "a"}, "seeds": [1, 2]}
    )
    records = pd.DataFrame({"entity": "chain", "id": data.splits["id"], "sequence": chains,
                            "file": "a", "line": 1})  # fmt: skip
    # MMseqs2 finds no kinship among chains this short, but an exact copy it need not find.
    records.loc[0, "sequence"] = PROTEINS[0]
    write_parquet(layout.records, records)
    write_tsv(layout.splits, data.splits.drop(columns="fold1"))
    bands = pd.DataFrame({"from": BAND_EDGES[:-1], "to": BAND_EDGES[1:], "records": 3})
    bands["metric"], bands["value"] = "q3", np.arange(len(bands)) / 10
    write_tsv(layout.bands, bands.assign(low=0.1, high=0.9))
    write_json(layout.evaluation, {"chosen": "m"})
    for seed in (1, 2):
        run_training(TASK, settings, data.model, Run("m", 0, seed), layout.folder)
    (tmp_path / "new").mkdir()
    return Ready(layout, settings, tmp_path / "new")


def test_every_file_gives_tables_named_after_it(ready: Ready) -> None:
    ready.drop("first.fasta", ("a", PROTEINS[0]), ("007", PROTEINS[1]))
    ready.drop("second.fa", ("b", PROTEINS[1]))
    manifest = ready.predict()
    assert manifest["model"] == "m"
    assert len(manifest["weights_sha256"]) == 2
    assert set(manifest["files"]) == {"first", "second"}
    assert manifest["files"]["first"]["records"] == 2
    for name, entry in manifest["files"].items():
        for suffix, digest in entry["tables"].items():
            assert sha256(ready.layout.predictions / f"{name}{suffix}") == digest
    table = ready.table("first.tsv")
    assert table["id"].tolist() == ["a", "007"]
    assert table["states_8"].str.len().tolist() == [31, 32]


def test_predictions_of_the_seeds_are_averaged(ready: Ready) -> None:
    ready.drop("x.fasta", ("a", PROTEINS[1]))
    ready.predict()
    encoded = Encoded({"chain": PROTEIN.encode_all([PROTEINS[1]])})
    probabilities, temperatures = [], []
    for run in ready.layout.runs("m", 1, (1, 2)):
        network, card = load_network(TASK, run)
        probabilities.append(
            run_network(TASK, network, encoded, np.array([0]), TrainingSettings())[0]
        )
        temperatures.append(card["calibration"]["temperature"])
    assert np.abs(probabilities[0] - probabilities[1]).max() > 0.01
    mean = at_temperature(np.mean(probabilities, axis=0), float(np.mean(temperatures)))
    residues = ready.table("x.residues.tsv")
    np.testing.assert_allclose(residues["confidence_probability"], mean.max(axis=1), atol=6e-4)


def test_the_nearest_training_record_tells_what_was_measured_that_near(ready: Ready) -> None:
    ready.drop("x.fasta", ("copy", PROTEINS[0]), ("stranger", PROTEINS[1]))
    ready.predict()
    copy, stranger = (row for _, row in ready.table("x.tsv").iterrows())
    assert (copy["nearest_training_chain"], copy["identity_times_coverage_fraction"]) == ("c0", 1.0)
    assert copy["q3_measured_in_band"] == (len(BAND_EDGES) - 2) / 10
    assert pd.isna(stranger["nearest_training_chain"])
    assert stranger["q3_measured_in_band"] == 0.0


def test_a_record_unlike_training_is_marked_and_told_why(ready: Ready) -> None:
    """The toy's chains are shorter than 30 letters and of all letters in equal parts."""
    ready.drop("x.fasta", ("usual", PROTEINS[0]), ("odd", "W" * 400))
    manifest = ready.predict()
    table = ready.table("x.tsv").set_index("id")["surprise_fraction"]
    assert table["odd"] > table["usual"]
    outside = read_tsv(ready.layout.predictions / "outside.tsv")
    assert manifest["files"]["x"]["outside"] == len(outside) == 1
    (row,) = outside.itertuples()
    assert (row.file, row.id) == ("x", "odd")
    assert "400 letters long" in row.why
    assert "100% W" in row.why
    for name, digest in manifest["lists"].items():
        assert sha256(ready.layout.predictions / name) == digest


def test_a_record_in_a_band_where_nothing_was_tested_is_outside(ready: Ready) -> None:
    bands = read_tsv(ready.layout.bands)
    bands.loc[bands["from"] == 0, "records"] = 0
    write_tsv(ready.layout.bands, bands)
    ready.drop("x.fasta", ("copy", PROTEINS[0]), ("stranger", PROTEINS[1]))
    ready.predict()
    (row,) = read_tsv(ready.layout.predictions / "outside.tsv").itertuples()
    assert row.id == "stranger"
    assert row.why.startswith("no similar training record was found, and no test record was so far")


def test_the_plate_lists_first_what_the_runs_disagree_on_most(ready: Ready) -> None:
    ready.drop("x.fasta", ("a", PROTEINS[0]), ("b", PROTEINS[1]))
    ready.drop("y.fasta", ("c", PROTEINS[1][:20]))
    ready.predict()
    plate = read_tsv(ready.layout.predictions / "plate.tsv")
    assert plate["well"].tolist() == ["A1", "A2", "A3"]
    assert sorted(zip(plate["file"], plate["id"], strict=True)) == [
        ("x", "a"),
        ("x", "b"),
        ("y", "c"),
    ]
    assert plate["disagreement"][0] == plate["disagreement"].max() > 0


def test_only_training_records_count_as_nearest(ready: Ready) -> None:
    records = pd.read_parquet(ready.layout.records)
    records["sequence"] = records["sequence"].replace(PROTEINS[0], "MKVA")
    records.loc[4, "sequence"] = PROTEINS[0]  # c4 is a test record
    write_parquet(ready.layout.records, records)
    ready.drop("x.fasta", ("copy", PROTEINS[0]))
    ready.predict()
    assert ready.table("x.tsv")["nearest_training_chain"].isna().all()


def test_refused_records_are_listed_with_file_line_and_reason(ready: Ready) -> None:
    ready.drop("x.fasta", ("good", PROTEINS[0]), ("bad", "MKV1LA"))
    ready.drop("y.fasta", ("dna", "ACGT" * 10))
    manifest = ready.predict()
    assert (manifest["files"]["x"]["records"], manifest["files"]["x"]["refused"]) == (1, 1)
    nothing = {"notes": {}, "tables": {}, "rows": {}}
    assert manifest["files"]["y"] == {"records": 0, "refused": 1, **nothing}
    rejected = read_tsv(ready.layout.predictions / "rejected.tsv")
    assert rejected["record"].tolist() == ["bad", "dna"]
    assert rejected["line"].tolist() == [3, 1]
    assert "digit '1' at position 4" in rejected["reason"][0]


def test_an_empty_folder_gives_an_empty_manifest(ready: Ready) -> None:
    assert ready.predict()["files"] == {}
    assert len(read_tsv(ready.layout.predictions / "rejected.tsv")) == 0


def test_what_is_no_longer_in_the_folder_is_gone_from_the_predictions(ready: Ready) -> None:
    ready.drop("old.fasta", ("a", PROTEINS[0]))
    ready.predict()
    (ready.new / "old.fasta").rename(ready.new / "new.fasta")
    ready.predict()
    assert {path.name.split(".")[0] for path in ready.layout.predictions.iterdir()} == {
        *("new", "manifest", "rejected", "outside", "plate")
    }


def test_after_a_fault_the_predictions_before_stand_and_nothing_else(ready: Ready) -> None:
    ready.drop("x.fasta", ("a", PROTEINS[0]))
    ready.predict()
    before = {p.name: p.read_bytes() for p in ready.layout.predictions.iterdir()}
    around = sorted(ready.layout.folder.iterdir())
    (ready.new / "y.fasta").write_text("no header\n")
    with pytest.raises(UserError, match=r"y\.fasta, line 1: 'no header' stands before"):
        ready.predict()
    assert {p.name: p.read_bytes() for p in ready.layout.predictions.iterdir()} == before
    assert sorted(ready.layout.folder.iterdir()) == around


@pytest.mark.parametrize("name", ["rejected", "x.residues"])
def test_no_output_is_written_over_another(ready: Ready, name: str) -> None:
    ready.drop("x.fasta", ("a", PROTEINS[0]))
    ready.drop(f"{name}.fasta", ("b", PROTEINS[1]))
    with pytest.raises(UserError, match=rf"{name}\.tsv is the name of another output: rename"):
        ready.predict()


def test_a_very_long_sequence_is_predicted(ready: Ready) -> None:
    ready.drop("titin.fasta", ("long", "".join(PROTEINS) * 500))
    ready.predict()
    assert ready.table("titin.tsv")["length_residues"].tolist() == [63 * 500]
    assert len(ready.table("titin.residues.tsv")) == 63 * 500


def test_weights_that_were_changed_are_not_used(ready: Ready) -> None:
    ready.drop("x.fasta", ("a", PROTEINS[0]))
    weights = ready.layout.run("m", 0, 2) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UserError, match="is not the file that"):
        ready.predict()
