"""A dataset of new sequences alone, and models that start from trained weights."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from project import Project
from tiny_data import demo_chains, fasta
from tiny_package import write_package

pytestmark = pytest.mark.workflow


@pytest.fixture
def alone(empty: Project) -> Project:
    """A clone with an installed model, and sequences to predict with it."""
    write_package(empty.path("bioseq_lstm/pretrained/tiny"))
    chains = {name: sequence for name, sequence, _ in demo_chains(3)}
    empty.write("data/new/proteins.fasta", fasta(chains))
    dataset = {"task": "structure", "pretrained": "tiny", "new": "data/new"}
    empty.configure({"title": "Packed", "datasets": {"alone": dataset}})
    return empty


def test_new_sequences_alone_are_predicted_and_reported(alone: Project) -> None:
    done = alone.snakemake()
    assert done.status == 0, done.output
    results = alone.path("results/alone")
    assert {path.name for path in results.iterdir()} == {
        *("predictions", "report.html", "summary.json", "logs")
    }
    table = pd.read_csv(results / "predictions/proteins.tsv", sep="\t")
    assert table["id"].tolist() == [name for name, _, _ in demo_chains(3)]
    assert json.loads((results / "summary.json").read_text())["name"] == "alone"
    assert "alone" in alone.path("results/index.html").read_text()
    assert alone.plan().planned == set()
    # Another file, and the model itself, are inputs.
    alone.write("data/new/later.fasta", ">later\nMKVLAAGIVG\n")
    assert alone.plan().planned == {"index", "predict_packed alone"}
    alone.path("data/new/later.fasta").unlink()
    card = alone.path("bioseq_lstm/pretrained/tiny/model.json")
    card.write_text(card.read_text().replace('"licence": "', '"licence": "no '))
    assert alone.plan().planned == {"index", "predict_packed alone"}


def test_a_folder_with_nothing_to_predict_yet_has_its_page(alone: Project) -> None:
    alone.path("data/new/proteins.fasta").write_text(">dna\n" + "ACGT" * 10 + "\n")
    done = alone.snakemake()
    assert done.status == 0, done.output
    log = alone.path("results/alone/logs/predict.log").read_text()
    assert "line 1: nothing was predicted, 1 record refused, the first: looks like DNA" in log
    assert "looks like DNA" in alone.path("results/index.html").read_text()
    alone.path("data/new/proteins.fasta").unlink()
    assert alone.snakemake().status == 0
    assert "Nothing yet" in alone.path("results/alone/report.html").read_text()
    assert alone.plan().planned == set()


def test_a_model_that_is_not_installed_is_named_with_the_nearest(alone: Project) -> None:
    dataset = {"task": "structure", "pretrained": "tinny", "new": "data/new"}
    alone.configure({"datasets": {"alone": dataset}})
    done = alone.snakemake("-n")
    assert done.status == 1
    assert "there is no model 'tinny' (did you mean 'tiny'?)" in done.output


def test_weights_to_start_from_are_an_input_of_the_training(again: Project) -> None:
    run = again.path("results/crossed/models/bilstm/fold0-seed1/model.safetensors")
    start = again.path("data/start.safetensors")
    start.write_bytes(run.read_bytes())
    config = again.config
    config["datasets"] = {"structure": {**config["datasets"]["structure"], "models": ["bilstm"]}}
    config["models"]["bilstm"]["init_from"] = {"file": "data/start.safetensors"}
    again.configure(config)
    done = again.snakemake()
    assert done.status == 0, done.output
    card = json.loads(
        again.path("results/structure/models/bilstm/fold0-seed1/model.json").read_text()
    )
    assert card["init_from"]["missing"] == card["init_from"]["unused"] == []
    page = again.path("results/structure/report.html").read_text()
    assert card["init_from"]["sha256"] in page
    assert again.plan().planned == set()
    other = again.path("results/crossed/models/bilstm/fold1-seed2/model.safetensors")
    start.write_bytes(other.read_bytes())
    planned = again.plan().planned
    assert {"train structure bilstm fold0 seed1", "control structure bilstm"} <= planned


def test_a_start_that_does_not_fit_is_one_line_in_the_log(again: Project) -> None:
    again.write("data/start.safetensors", "no tensors")
    config = again.config
    config["datasets"] = {"structure": {**config["datasets"]["structure"], "models": ["bilstm"]}}
    config["models"]["bilstm"]["init_from"] = {"file": "data/start.safetensors"}
    again.configure(config)
    assert again.snakemake().status == 1
    log = again.path("results/structure/logs/train-bilstm-fold0-seed1.log").read_text()
    assert log.splitlines()[-1].startswith(
        "bioseq-lstm: data/start.safetensors: is no safetensors file"
    )


@pytest.mark.parametrize("left", ["gone/models/bilstm", "structure/models/gone"])
def test_a_model_may_start_from_a_run_that_another_configuration_left(
    again: Project, left: str
) -> None:
    run = again.path("results/crossed/models/bilstm/fold0-seed1/model.safetensors")
    start = again.path(f"results/{left}/fold0-seed1/model.safetensors")
    start.parent.mkdir(parents=True)
    start.write_bytes(run.read_bytes())
    config = again.config
    config["datasets"] = {"structure": {**config["datasets"]["structure"], "models": ["bilstm"]}}
    config["models"]["bilstm"]["init_from"] = {"file": f"results/{left}/fold0-seed1"}
    again.configure(config)
    target = "results/structure/models/bilstm/fold0-seed1/model.json"
    assert "train structure bilstm fold0 seed1" in again.plan("--", target).planned
    assert "control structure bilstm" in again.plan().planned
    start.unlink()
    done = again.snakemake("-n", "--", target)
    assert done.status == 1
    assert (
        f"models.bilstm.init_from.file: the folder 'results/{left}/fold0-seed1' has no "
        "model.safetensors: name a .safetensors file, or the folder of a run or of a packed model"
    ) in done.output
