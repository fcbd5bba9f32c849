"""Models from elsewhere: what does not fit is refused with a reason, and before it costs memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_package import write_package

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, sha256, write_json
from bioseq_lstm.learning import foreign
from bioseq_lstm.learning.checkpoint import save_weights
from bioseq_lstm.learning.foreign import network_of
from bioseq_lstm.learning.packages import load_package
from bioseq_lstm.learning.run import load_network
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.nn.encoders import ENCODERS
from bioseq_lstm.tasks import TASKS

ABOUT = {"structure": {}, "expression": {"conditions": ["a", "b"], "coding_start": 3},
         "affinity": {}}  # fmt: skip
HUGE = 10**12


def settings(encoder: str, **more: Any) -> ModelSettings:
    own = {"window": 4} if encoder == "convlstm" else {}
    own = {"name": encoder, "hidden_size": 8, **own}
    return ModelSettings.model_validate({"embedding": {"size": 8}, "encoder": own, **more})


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("task", TASKS)
def test_every_network_is_laid_out_without_memory_and_comes_back(
    task: str, encoder: str, tmp_path: Path
) -> None:
    own = settings(encoder, stem={"kernels": [3]}, attention={"heads": 2})
    made = TASKS[task].network(own, Encoded({}, about=ABOUT[task]), np.array([], dtype=int))
    save_weights(tmp_path / "w.safetensors", made)
    back = network_of(TASKS[task], own, ABOUT[task], tmp_path / "w.safetensors")
    assert not back.training
    for name, tensor in made.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_package(tmp_path / "tiny")


def changed(model: Path, change: Callable[[dict[str, Any]], None]) -> None:
    card = read_json(model / "model.json")
    change(card)
    write_json(model / "model.json", card)


def member(card: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = card["members"][0]
    return found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda card: member(card)["settings"]["encoder"].update(hidden_size=HUGE),
            r"its card says encoder\.hidden_size 1,000,000,000,000, which a file of \d+ tensors "
            r"with [\d,]+ numbers cannot hold",
        ),
        (
            lambda card: member(card)["settings"]["encoder"].update(num_layers=10**9),
            r"its card says encoder\.num_layers 1,000,000,000, which a file of",
        ),
        (
            lambda card: member(card)["settings"]["embedding"].update(size=HUGE),
            r"its card says embedding\.size",
        ),
        (
            lambda card: member(card)["settings"].update(stem={"kernels": [HUGE + 1]}),
            r"its card says stem\.kernels\[0\]",
        ),
        (
            lambda card: member(card)["settings"].update(stem={"kernels": [3] * 5000}),
            r"its card says stem\.kernels 5,000",
        ),
        (
            lambda card: member(card)["settings"]["encoder"].update(hidden_size=16),
            r"the tensor '\S+' has shape \(.*\), the model wants \(",
        ),
        (
            lambda card: member(card)["settings"]["encoder"].update(num_layers=2),
            r"the tensor '\S+' is missing",
        ),
        (
            lambda card: card["letters"].update(chain=list("ACGT")),
            r"letters\.chain: the model has 'ACGT', where structure has 'ACDEFGHIKLMNPQRSTVWY'",
        ),
        (lambda card: card.update(letters={}), r"letters\.chain: the model has no letters"),
        (
            lambda card: card.update(calibration=[{}]),
            r"calibration: temperature must be numbers from 0 on, not None",
        ),
        (
            lambda card: card.update(calibration=[{"temperature": "1"}]),
            r"calibration: temperature must be numbers",
        ),
        (lambda card: card.pop("members"), r"members: Field required"),
        (
            lambda card: card["dataset"].update(files={"sequences": "/etc/passwd"}),
            r"dataset: Value error, files is nothing that a model may set",
        ),
        (lambda card: card.update(name="../../x"), r"name: String should match pattern"),
        (lambda card: card.update(members=[]), r"members: List should have at least 1"),
        (
            lambda card: card.update(task="expression", letters={"gene": list("ACGT")},
                                     calibration=[{"half_width": [1.0]}]),
            r"describes no network of task expression \(KeyError: 'conditions'\)",
        ),
    ],
)  # fmt: skip
def test_a_card_that_lies_is_refused_before_anything_is_built(
    model: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    changed(model, change)
    with pytest.raises(UserError, match=said) as refused:
        load_package(str(model))
    assert "\n" not in str(refused.value)


def test_what_is_too_large_is_never_laid_out(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(model, lambda card: member(card)["settings"]["encoder"].update(num_layers=10**9))
    monkeypatch.setattr(foreign, "_made", lambda *_: pytest.fail("it was built"))
    with pytest.raises(UserError, match="num_layers"):
        load_package(str(model))


def rewritten(model: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    weights = model / "model.safetensors"
    tensors = load_file(weights)
    change(tensors)
    save_file(tensors, weights)
    changed(model, lambda card: card.update(weights_sha256=sha256(weights)))


def test_weights_that_are_no_numbers_are_refused(model: Path) -> None:
    rewritten(model, lambda tensors: next(iter(tensors.values())).fill_(float("nan")))
    with pytest.raises(UserError, match=r"the tensor '\S+' holds NaN or infinity"):
        load_package(str(model))


def test_a_tensor_that_is_missing_or_one_too_many_is_named(model: Path) -> None:
    rewritten(model, lambda tensors: tensors.update({"0/more": torch.zeros(1)}))
    with pytest.raises(UserError, match="the tensor 'more' does not belong to this model"):
        load_package(str(model))
    rewritten(model, lambda tensors: tensors.pop("0/more"))
    rewritten(model, lambda tensors: tensors.pop(sorted(tensors)[0]))
    with pytest.raises(UserError, match=r"the tensor '\S+' is missing"):
        load_package(str(model))


def test_a_card_that_is_a_mountain_is_not_read(model: Path) -> None:
    with (model / "model.json").open("r+b") as card:
        card.truncate(3_000_000_000)  # sparse: it takes no room
    with pytest.raises(UserError, match="is no card of a packed model: it is larger than 20 MB"):
        load_package(str(model))


@pytest.mark.parametrize("content", [[], {}, {"task": "structure"}, None])
def test_a_run_without_a_whole_card_is_refused(content: Any, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="is no card of a trained run: "):
        load_network(TASKS["structure"], tmp_path)


def test_a_network_of_both_strands_comes_back(tmp_path: Path) -> None:
    """What is derived from the alphabet is not among the weights, and is there all the same."""
    own = settings("lstm", stem={"kernels": [3], "both_strands": True})
    about = ABOUT["expression"]
    made = TASKS["expression"].network(own, Encoded({}, about=about), np.array([], dtype=int))
    save_weights(tmp_path / "w.safetensors", made)
    back = network_of(TASKS["expression"], own, about, tmp_path / "w.safetensors")
    inputs = {"gene": torch.randint(1, 6, (2, 30)), "lengths": torch.tensor([30, 9])}
    assert torch.equal(back(inputs), made.eval()(inputs))
