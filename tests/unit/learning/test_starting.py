from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import nn

from bioseq_lstm.config import parse_settings
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, sha256, write_json, write_tsv
from bioseq_lstm.init_settings import InitSettings
from bioseq_lstm.learning import run as module
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.run import Run, run_training
from bioseq_lstm.learning.starting import start_from


def network() -> nn.Module:
    """Parameters encoder.weight (3, 2), encoder.bias (3,), head.weight (1, 3), and a buffer."""
    built = nn.ModuleDict({"encoder": nn.Linear(2, 3), "head": nn.Linear(3, 1, bias=False)})
    built.register_buffer("centre", torch.tensor([5.0]))
    return built


def stored(folder: Path, **tensors: torch.Tensor) -> str:
    """A file of tensors; ``__`` stands for the dot."""
    path = folder / "start.safetensors"
    save_file({name.replace("__", "."): tensor for name, tensor in tensors.items()}, path)
    return str(path)


def test_what_fits_by_name_and_shape_is_loaded_and_the_rest_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weight = torch.arange(6.0).reshape(3, 2)
    file = stored(
        tmp_path, encoder__weight=weight, head__weight=torch.ones(2, 3), decoder=torch.ones(4),
        centre=torch.tensor([9.0]),
    )  # fmt: skip
    into = network()
    bias = into.state_dict()["encoder.bias"].clone()
    record = start_from(into, InitSettings(file=file))
    assert record == {
        "source": file,
        "sha256": sha256(file),
        "loaded": ["encoder.weight"],
        "missing": ["encoder.bias"],
        "other_shape": {"head.weight": {"here": [1, 3], "file": [2, 3]}},
        "unused": ["centre", "decoder", "head.weight"],
    }
    assert torch.equal(into.state_dict()["encoder.weight"], weight)
    assert torch.equal(into.state_dict()["encoder.bias"], bias)
    assert into.state_dict()["centre"].item() == 5.0  # fitted on the training part: it stays
    said = capsys.readouterr().err
    assert "loaded 1: encoder.weight" in said
    assert "missing 1: encoder.bias" in said
    assert "unused 3" in said


def test_names_are_mapped_by_their_longest_beginning(tmp_path: Path) -> None:
    file = stored(
        tmp_path, lm__encoder__weight=torch.ones(3, 2), top__bias=torch.full((3,), 2.0)
    )  # fmt: skip
    into = network()
    init = InitSettings(
        file=file, map={"encoder.": "lm.encoder.", "encoder.bias": "top.bias"}
    )  # fmt: skip
    record = start_from(into, init)
    assert record["loaded"] == ["encoder.weight", "encoder.bias"]
    assert into.state_dict()["encoder.bias"].tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"other": torch.ones(1)}, "no tensor of it fits .* 'encoder.weight', there like 'other'"),
        ({"encoder__weight": torch.ones(9)}, r"'encoder.weight' has shape \[9\] there"),
        ({}, "it holds no tensor"),
        ({"encoder__bias": torch.ones(3, dtype=torch.int64)}, "'encoder.bias' holds int64"),
        ({"encoder__bias": torch.tensor([0, float("nan"), 0])}, "holds NaN or infinity"),
    ],
)
def test_what_cannot_be_a_start_is_one_line(
    tensors: dict[str, torch.Tensor], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said) as told:
        start_from(network(), InitSettings(file=stored(tmp_path, **tensors)))
    assert "start.safetensors" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_widths_of_fractions_are_taken(dtype: torch.dtype, tmp_path: Path) -> None:
    into = network()
    file = stored(tmp_path, encoder__bias=torch.full((3,), 0.5, dtype=dtype))
    start_from(into, InitSettings(file=file))
    assert into.state_dict()["encoder.bias"].tolist() == [0.5, 0.5, 0.5]


def test_a_run_starts_where_another_ended_and_says_so(
    toy: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = toy("structure").told(epochs=1)
    layout = Layout(tmp_path)
    data.encoded.save(layout.encoded)
    write_tsv(layout.splits, data.splits)
    _, settings = parse_settings({"task": "structure", "files": {"sequences": "a"}})
    run_training(data.task, settings, data.model, Run("first", 0, 1), tmp_path)
    ended = layout.run("first", 0, 1)
    seen: list[Any] = []

    def spy(task: Any, network: Any, *rest: Any, fingerprint: str, **more: Any) -> Any:
        seen.append((fingerprint, {k: v.clone() for k, v in network.state_dict().items()}))
        return train(task, network, *rest, fingerprint=fingerprint, **more)

    train = module.train
    monkeypatch.setattr(module, "train", spy)
    model = data.model.model_copy(update={"init_from": InitSettings(file=str(ended))})
    run_training(data.task, settings, model, Run("second", 0, 1), tmp_path)
    fresh, _ = module.load_network(data.task, ended)
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(seen[0][1][name], tensor), name
    out = layout.run("second", 0, 1)
    card, record = read_json(out / "model.json"), yaml.safe_load((out / "run.yaml").read_text())
    assert card["init_from"] == record["init_from"]
    assert card["init_from"]["sha256"] == sha256(ended / "model.safetensors")
    assert card["init_from"]["missing"] == card["init_from"]["unused"] == []
    # The same settings, but other weights under that name: another training.
    file = ended / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    run_training(data.task, settings, model, Run("second", 0, 1), tmp_path)
    assert seen[0][0] != seen[1][0]


def test_of_a_packed_ensemble_the_first_network_is_taken(tmp_path: Path) -> None:
    save_file(
        {"0/encoder.bias": torch.ones(3), "1/encoder.bias": torch.zeros(3)},
        tmp_path / "model.safetensors",
    )
    write_json(tmp_path / "model.json", {"members": []})
    into = network()
    record = start_from(into, InitSettings(file=str(tmp_path)))
    assert record["loaded"] == ["encoder.bias"]
    assert into.state_dict()["encoder.bias"].tolist() == [1, 1, 1]
