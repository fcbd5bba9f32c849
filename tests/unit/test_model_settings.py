"""Models: how preset, named model and the dataset's own make one; what they refuse."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from small_config import FILES, config, dataset, write_package_files

from bioseq_lstm.config import parse_config, parse_model, parse_settings
from bioseq_lstm.encoder_settings import (
    ConvLstmSettings,
    EncoderSettings,
    LstmSettings,
    RecurrentSettings,
)
from bioseq_lstm.errors import UserError
from bioseq_lstm.init_settings import InitSettings
from bioseq_lstm.model_settings import AttentionSettings, ModelSettings
from bioseq_lstm.nn.convlstm import ConvLstm
from bioseq_lstm.nn.encoders import CELLS, ENCODERS
from bioseq_lstm.nn.stacking import RecurrentEncoder
from bioseq_lstm.presets import merge, preset

ROOT = Path(__file__).parents[2]


# --- models: preset, then named model, then the dataset's own


def test_models_are_a_name_names_or_names_with_what_differs() -> None:
    for models in ("bilstm", ["bilstm"], {"bilstm": None}, {"bilstm": {}}):
        named = parse_config({"datasets": {"d": dataset(models=models)}})
        assert list(named.datasets["d"].models) == ["bilstm"]


def test_the_dataset_overrides_the_model_and_the_model_the_preset() -> None:
    named = {"m": {"encoder": {"name": "lstm", "hidden_size": 7}, "head": {"hidden": 5}}}
    raw = {
        "models": named,
        "datasets": {"d": dataset(models={"m": {"head": {"hidden": 3}}}), "e": dataset()},
    }
    own, other = (parse_config(raw).datasets[name].models["m"] for name in "de")
    assert (own.head.hidden, other.head.hidden) == (3, 5)
    assert own.encoder.hidden_size == other.encoder.hidden_size == 7
    below = preset({"task": "structure"}, named["m"])
    assert own.training.epochs == below["training"]["epochs"]
    assert own.head.dropout == below["head"]["dropout"]


@pytest.mark.parametrize("task", FILES)
def test_every_preset_holds_only_settings_that_exist(task: str) -> None:
    for encoder in ("lstm", "convlstm"):
        model = ModelSettings.model_validate(preset({"task": task}, {"encoder": {"name": encoder}}))
        assert model.encoder.name == encoder


def test_mappings_are_laid_over_each_other_key_by_key() -> None:
    below = {"a": {"x": 1, "y": 2}, "b": [1, 2], "c": {"z": 1}}
    assert merge(below, {"a": {"y": 3}, "b": [4], "c": None, "d": 5}) == {
        "a": {"x": 1, "y": 3},
        "b": [4],
        "c": None,
        "d": 5,
    }
    assert below == {"a": {"x": 1, "y": 2}, "b": [1, 2], "c": {"z": 1}}


def test_an_encoder_of_another_name_starts_afresh() -> None:
    named = {"m": {"encoder": {"name": "convlstm", "window": 8, "hidden_size": 9}}}
    models = {"m": {"encoder": {"name": "lstm", "hidden_size": 4}}}
    encoder = config(models=named).datasets["d"].models["m"].encoder
    assert isinstance(encoder, ConvLstmSettings)
    raw = {"models": named, "datasets": {"d": dataset(models=models)}}
    encoder = parse_config(raw).datasets["d"].models["m"].encoder
    assert isinstance(encoder, LstmSettings)
    assert encoder.hidden_size == 4


def test_an_encoder_of_the_same_name_keeps_what_was_said() -> None:
    models = {"m": {"encoder": {"name": "convlstm", "window": 16}}}
    named = {"m": {"encoder": {"name": "convlstm", "window": 8, "hidden_size": 9}}}
    raw = {"models": named, "datasets": {"d": dataset(models=models)}}
    encoder = parse_config(raw).datasets["d"].models["m"].encoder
    assert isinstance(encoder, ConvLstmSettings)
    assert (encoder.window, encoder.hidden_size) == (16, 9)


def test_drug_and_target_inherit_what_they_do_not_say() -> None:
    common = {"encoder": {"name": "lstm", "hidden_size": 6}, "embedding": {"size": 5}}
    model = parse_model({**common, "inputs": {"drug": {"embedding": {"kmer": 2}}}})
    assert (model.input("drug").embedding.size, model.input("drug").embedding.kmer) == (5, 2)
    assert model.input("drug").encoder == model.encoder
    assert model.input("target").embedding == model.embedding
    assert model.embedding.kmer == 1


def test_attention_is_on_top_of_the_encoder_only_if_asked_for() -> None:
    assert config().datasets["d"].models["bilstm"].attention is None
    asked = {"m": {"attention": {"heads": 8}}, "n": {"attention": {}}}
    models = config(models=asked).datasets["d"].models
    assert models["m"].attention == AttentionSettings(heads=8, dropout=0.1)
    assert models["n"].attention == AttentionSettings(heads=4, dropout=0.1)
    raw = {"models": asked, "datasets": {"d": dataset(models={"m": {"attention": None}})}}
    assert parse_config(raw).datasets["d"].models["m"].attention is None


def test_drug_and_target_inherit_attention_or_have_their_own_or_none() -> None:
    inputs = {"drug": {"attention": None}, "target": {"attention": {"heads": 2}}}
    model = parse_model({"attention": {"heads": 3, "dropout": 0.2}, "inputs": inputs})
    assert model.input("drug").attention is None
    assert model.input("target").attention == AttentionSettings(heads=2, dropout=0.2)
    assert model.attention == AttentionSettings(heads=3, dropout=0.2)
    only = parse_model({"attention": {"heads": 3}, "inputs": {"drug": {"stem": None}}})
    assert only.input("drug").attention == only.attention


def test_windows_may_be_anchored_where_it_is_known_where_genes_begin() -> None:
    codons = {"encoder": {"name": "convlstm", "anchored": True}}
    letters = {
        "encoder": {"name": "convlstm", "anchored": True, "window": 63},
        "embedding": {"kmer": 1, "stride": 1},
    }
    entry = config("expression", {"c": codons, "l": letters}, coding_start=0).datasets["d"]
    encoders = [entry.models[name].encoder for name in "cl"]
    assert [(e.anchored, e.window) for e in encoders] == [(True, 64), (True, 63)]


# --- the encoders, which are built elsewhere from these settings

BY_NAME = {
    get_args(model.model_fields["name"].annotation)[0]: model
    for model in get_args(get_args(EncoderSettings)[0])
}
GIVEN = {"self", "direction", "input_size", "landmark"}  # what the program knows, not the user


def test_every_encoder_of_the_registry_can_be_named_and_no_other() -> None:
    assert set(BY_NAME) == set(ENCODERS)


@pytest.mark.parametrize("name", ENCODERS)
def test_settings_and_encoder_have_the_same_options_with_the_same_defaults(name: str) -> None:
    parts = [CELLS[name], RecurrentEncoder] if name in CELLS else [ConvLstm]
    taken = {
        option: parameter.default
        for part in parts
        for option, parameter in inspect.signature(part).parameters.items()
        if option not in GIVEN
    }
    fields = BY_NAME[name].model_fields
    offered = {option: field.default for option, field in fields.items() if option != "name"}
    assert taken.pop("hidden_size") is inspect.Parameter.empty  # presets know better
    assert offered.pop("hidden_size") == 96
    assert offered == taken


@pytest.mark.parametrize("name", BY_NAME)
def test_the_documentation_has_every_encoder_with_the_options_of_its_own(name: str) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
    own = set(BY_NAME[name].model_fields) - {*RecurrentSettings.model_fields, "name"}
    assert set(re.findall(r"`(\w+): ", row)) == own


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_is_taken_by_name_alone_for_every_task(name: str) -> None:
    for task in FILES:
        model = config(task, {"m": {"encoder": {"name": name}}}).datasets["d"].models["m"]
        assert type(model.encoder) is BY_NAME[name]


def test_genes_are_read_codon_by_codon_where_it_is_known_where_they_begin() -> None:
    plain, coding = (
        config("expression", **more).datasets["d"].models["bilstm"].embedding
        for more in ({}, {"coding_start": 150})
    )
    assert (plain.kmer, plain.stride) == (1, 1)
    assert (coding.kmer, coding.stride) == (3, 3)


def test_resolved_settings_survive_the_way_to_a_verb() -> None:
    entry = config("affinity", {"m": {"inputs": {"drug": {"stem": None}}}}).datasets["d"]
    sent = json.loads(json.dumps(entry.model_dump(mode="json")))
    assert parse_settings(sent) == ("affinity", entry)
    model = entry.models["m"]
    assert parse_model(json.loads(model.model_dump_json())) == model


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"embedding": {"kmer": 3}}, "kmer 1 and stride 1, not 3 and 1"),
        ({"embedding": {"stride": 2}}, "kmer 1 and stride 1, not 1 and 2"),
        ({"head": {"rank": 4}}, r"no use for head\.rank"),
        ({"head": {"composition": True}}, r"no use for head\.composition"),
    ],
)
def test_structure_refuses_what_is_not_per_residue(model: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=rf"datasets\.d.*: model 'm': .*{said}"):
        config(models={"m": model})
    config("expression", models={"m": model})


@pytest.mark.parametrize("inputs", [False, True])
@pytest.mark.parametrize("task", ["structure", "affinity"])
def test_a_second_strand_is_for_dna_alone(task: str, inputs: bool) -> None:
    model: dict[str, Any] = {"stem": {"both_strands": True}}
    if inputs and task == "affinity":
        model = {"inputs": {"target": model}}
    with pytest.raises(UserError, match=r"model 'm': stem\.both_strands is for DNA: expression"):
        config(task, {"m": model})
    config("expression", {"m": {"stem": {"both_strands": True}}})


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"encoder": {"name": "convlstm", "kernel_size": 4}}, "kernel_size must be odd"),
        ({"stem": {"kernels": [9, 4]}}, "odd numbers"),
        ({"stem": {"kernels": []}}, "odd numbers"),
        ({"head": {"dropout": 1.0}}, "less than 1"),
        ({"training": {"learning_rate": 0}}, "greater than 0"),
        ({"training": {"learning_rate": float("nan")}}, "greater than 0"),
        ({"training": {"precision": "fp16"}}, "'fp16' is not known"),
        ({"inputs": {"durg": {}}}, "did you mean 'drug'"),
    ],
)
def test_models_that_cannot_be_are_refused_before_anything_runs(
    model: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=rf"models\.m\..*{said}"):
        config(models={"m": model})


WIDTH_25 = {"name": "lstm", "hidden_size": 25}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            {"encoder": WIDTH_25, "attention": {"heads": 4}},
            r"m\.attention: heads 4 must divide the encoder's output, 2 x hidden_size 25; 1 more",
        ),
        (
            {"encoder": {**WIDTH_25, "bidirectional": False}, "attention": {"heads": 2}},
            r"m\.attention: heads 2 must divide the encoder's output, hidden_size 25; 1 more error",
        ),
        (
            {"attention": {"heads": 4}, "inputs": {"drug": {"encoder": WIDTH_25}}},
            r"m\.inputs\.drug\.attention: heads 4 must divide",
        ),
        ({"attention": {"heads": 0}}, r"m\.attention\.heads: .*greater than or equal to 1"),
        ({"attention": {"dropout": 1}}, r"m\.attention\.dropout: .*less than 1"),
        ({"attention": {"head": 4}}, r"m\.attention\.head: unknown key \(did you mean 'heads'\?\)"),
        ({"attention": 4}, r"m\.attention: "),
    ],
)
def test_attention_that_cannot_be_is_refused_before_anything_runs(
    model: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=rf"^models\.{said}") as refused:
        config("affinity", models={"m": model})
    assert "\n" not in str(refused.value)
    divides = {"encoder": WIDTH_25, "attention": {"heads": 5}}
    assert config("affinity", models={"m": divides}).datasets["d"].models["m"].attention


@pytest.mark.parametrize(
    ("task", "more"),
    [
        ("structure", {}),
        ("affinity", {}),
        ("affinity", {"inputs": {"drug": {"encoder": {"name": "lstm"}}}}),
        ("expression", {}),
    ],
)
def test_anchored_windows_are_refused_where_there_is_no_landmark(
    task: str, more: dict[str, Any]
) -> None:
    anchored = {"encoder": {"name": "convlstm", "anchored": True}}
    said = "model 'm': encoder.anchored needs a landmark to anchor at: `coding_start` of an"
    with pytest.raises(UserError, match=f"{said} expression dataset$") as refused:
        config(task, models={"m": {**anchored, **more}})
    assert "\n" not in str(refused.value)
    side = {"inputs": {"drug": anchored}}
    if task == "affinity":
        with pytest.raises(UserError, match=said):
            config(task, models={"m": side})


@pytest.mark.parametrize(("kmer", "stride"), [(1, 1), (3, 1), (2, 2)])
def test_anchored_windows_of_coding_sequence_hold_whole_codons(kmer: int, stride: int) -> None:
    model = {
        "encoder": {"name": "convlstm", "anchored": True, "window": 64},
        "embedding": {"kmer": kmer, "stride": stride},
    }
    with pytest.raises(UserError) as refused:
        config("expression", models={"m": model}, coding_start=150)
    assert str(refused.value) == (
        "datasets.d: model 'm': encoder.window must be a multiple of 3, not 64, so that windows "
        "anchored at `coding_start` hold whole codons"
    )
    unanchored = {**model, "encoder": {"name": "convlstm", "window": 64}}
    config("expression", models={"m": unanchored}, coding_start=150)


def test_the_model_of_a_verb_is_checked_as_well() -> None:
    with pytest.raises(UserError, match=r"encoder\.hiden_size: .*did you mean 'hidden_size'"):
        parse_model({"encoder": {"name": "lstm", "hiden_size": 3}})


def test_a_start_has_one_source(tmp_path: Path) -> None:
    write_package_files(tmp_path / "tiny")
    run = InitSettings(file="results/x/models/m/fold0-seed1")
    assert run.weights == Path("results/x/models/m/fold0-seed1/model.safetensors")
    assert InitSettings(file="lm.safetensors").weights == Path("lm.safetensors")
    packed = InitSettings(pretrained=str(tmp_path / "tiny"))
    assert packed.weights == tmp_path / "tiny" / "model.safetensors"
    for init in ({}, {"file": "a", "pretrained": "b"}):
        with pytest.raises(UserError, match=r"init_from needs either `file` or `pretrained`"):
            parse_model({"init_from": init})
