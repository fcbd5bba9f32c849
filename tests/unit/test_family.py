"""The ready comparison of the family: every encoder, at equal numbers of parameters."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioseq_lstm.config import load_config
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.nn.encoders import ENCODERS
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks import TASKS

ROOT = Path(__file__).resolve().parents[2]
FAMILY = load_config(ROOT / "config" / "family.yaml")
DATASETS = pytest.mark.parametrize("dataset", FAMILY.datasets.values(), ids=FAMILY.datasets)


def about(dataset: Any) -> dict[str, Any]:
    """What a network must know of its data set: the conditions of the table of expression."""
    if dataset.task != "expression":
        return {}
    with gzip.open(ROOT / dataset.files.expression, "rt") as table:
        conditions = table.readline().rstrip("\n").split("\t")[1:]
    return {"conditions": conditions, "coding_start": dataset.coding_start}


def parameters(dataset: DatasetSettings, model: ModelSettings) -> int:
    encoded = Encoded({}, about=about(dataset))
    task = TASKS[dataset.task]  # type: ignore[attr-defined]
    network = task.network(model, encoded, np.array([], dtype=int))
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def test_the_demo_and_its_results_are_left_alone() -> None:
    demo = load_config(ROOT / "config.yaml")
    assert not set(FAMILY.datasets) & set(demo.datasets)
    assert [d.task for d in FAMILY.datasets.values()] == [d.task for d in demo.datasets.values()]  # type: ignore[attr-defined]
    assert [d.files for d in FAMILY.datasets.values()] == [d.files for d in demo.datasets.values()]  # type: ignore[attr-defined]


@DATASETS
def test_every_encoder_takes_part_and_the_lstm_comes_first(dataset: DatasetSettings) -> None:
    models = list(dataset.models.values())
    assert {model.encoder.name for model in models} == set(ENCODERS)
    assert models[0].encoder.name == "lstm"
    assert models[0].stem is models[0].attention is None
    (under_attention,) = (model for model in models if model.attention)
    (behind_a_stem,) = (model for model in models if model.stem)
    assert under_attention.encoder.name == behind_a_stem.encoder.name == "lstm"


@DATASETS
def test_all_networks_have_the_same_number_of_parameters_within_three_percent(
    dataset: DatasetSettings,
) -> None:
    counts = {name: parameters(dataset, model) for name, model in dataset.models.items()}
    median = np.median(list(counts.values()))
    assert {n: c for n, c in counts.items() if abs(c / median - 1) > 0.03} == {}


@DATASETS
def test_the_models_differ_in_nothing_else(dataset: DatasetSettings) -> None:
    assert len(dataset.seeds) >= 3
    assert dataset.controls == "none"
    for model in dataset.models.values():
        assert (model.encoder.num_layers, model.encoder.bidirectional) == (1, True)
    others = [
        (model.head, model.training, model.embedding, [i.embedding for i in model.inputs.values()])
        for model in dataset.models.values()
    ]
    assert all(other == others[0] for other in others)
