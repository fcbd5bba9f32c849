from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml

from bioseq_lstm.config import (
    check_files,
    json_schema,
    load_config,
    parse_config,
    parse_model,
    parse_settings,
    schema_text,
)
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
from bioseq_lstm.settings import Config

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"

Load = Callable[[str], Config]

FILES = {
    "structure": {"sequences": "chains.3line"},
    "expression": {"sequences": "genes.fasta", "expression": "tpm.tsv"},
    "affinity": {"drugs": "drugs.tsv", "targets": "t.fasta", "affinities": "kd.tsv"},
}
DATASET = "datasets:\n  chains:\n    task: structure\n    files: {sequences: chains.3line}\n"


def dataset(task: str = "structure", **more: Any) -> dict[str, Any]:
    return {"task": task, "files": FILES[task], **more}


def config(task: str = "structure", models: Any = None, **more: Any) -> Config:
    raw: dict[str, Any] = {"datasets": {"d": dataset(task, **more)}}
    return parse_config(raw if models is None else {**raw, "models": models})


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def from_text(text: str) -> Config:
        (tmp_path / "config.yaml").write_text(text)
        return load_config(tmp_path / "config.yaml")

    return from_text


# --- what a newcomer writes


def test_four_lines_are_a_whole_configuration(load: Load) -> None:
    chains = load(DATASET).datasets["chains"]
    assert list(chains.models) == ["bilstm", "convlstm"]
    assert chains.seeds == (1,)
    assert chains.split.folds == 1


def test_who_names_models_gets_these_and_no_others(load: Load) -> None:
    mine = load("models: {mine: {encoder: {name: skip}}}\n" + DATASET)
    assert list(mine.datasets["chains"].models) == ["mine"]
    by_name = load("models: {mine: {}}\n" + DATASET + "    models: [bilstm, mine]\n")
    assert list(by_name.datasets["chains"].models) == ["bilstm", "mine"]


def test_the_configuration_of_the_demo_is_valid() -> None:
    demo = load_config(ROOT / "config.yaml")
    assert list(demo.datasets) == ["structure", "expression", "affinity"]
    for name, entry in demo.datasets.items():
        assert entry.task == name
        assert list(entry.models) == ["bilstm", "convlstm"]
        files = [*entry.files.model_dump(exclude_none=True).values(), entry.new]
        assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize(
    ("task", "strategy"), [("structure", "homology"), ("expression", "group"), ("affinity", "cold")]
)
def test_each_task_is_split_in_its_own_way_unless_told(task: str, strategy: str) -> None:
    assert config(task).datasets["d"].split.strategy == strategy
    assert config(task, split={"folds": 5}).datasets["d"].split.strategy == strategy
    assert config(task, split={"strategy": "random"}).datasets["d"].split.strategy == "random"


def test_a_number_may_be_written_without_its_dot(load: Load) -> None:
    text = "models:\n  m:\n    encoder: {name: lstm}\n    training: {learning_rate: 1e-3}\n"
    rate = load(text + DATASET + "    models: [m]\n").datasets["chains"].models["m"].training
    assert rate.learning_rate == 0.001


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


# --- faults, each one line


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            DATASET + "    modles: [bilstm]\n",
            5,
            r"datasets\.chains\.modles: unknown key \(did you mean 'models'\?\); known: files, ",
        ),
        (
            DATASET + "    split:\n      folds: 2\n      identiti: 0.3\n",
            7,
            r"datasets\.chains\.split\.identiti: unknown key \(did you mean 'identity'\?\)",
        ),
        (
            "models:\n  m:\n    encoder:\n      name: lstm\n      hiden_size: 3\n" + DATASET,
            5,
            r"models\.m\.encoder\.hiden_size: unknown key \(did you mean 'hidden_size'\?\)",
        ),
        (
            DATASET + "    models:\n      bilstm:\n        training: {epoch: 3}\n",
            7,
            r"datasets\.chains\.models\.bilstm\.training\.epoch: .*did you mean 'epochs'",
        ),
        (
            "models:\n  m:\n    encoder: {name: lstm, window: 3}\n" + DATASET,
            3,
            r"models\.m\.encoder\.window: unknown key; known: hidden_size, num_layers",
        ),
        (
            "models:\n  m:\n    encoder: lstm\n" + DATASET,
            3,
            r"models\.m\.encoder: 'lstm' must be a mapping, such as \{name: lstm\}",
        ),
        (
            "models:\n  m:\n    stem: [9, 15]\n" + DATASET,
            3,
            r"models\.m\.stem: \[9, 15\] must be a mapping, such as \{kernels: \[9, 15\]\}",
        ),
        (
            "models:\n  m:\n    encoder: {name: mLSTM}\n" + DATASET,
            3,
            r"models\.m\.encoder\.name: 'mLSTM' is not known \(did you mean 'matrix'\?\)",
        ),
        (
            "models:\n  m:\n    encoder: {name: hierarchical, stride: 0}\n" + DATASET,
            3,
            r"models\.m\.encoder\.stride: input should be greater than or equal to 1, not 0",
        ),
        (
            "models:\n  m:\n    encoder: {name: lstm, dropout: 0.2}\n" + DATASET,
            3,
            r"models\.m\.encoder: dropout 0\.2 acts between layers, so num_layers must be 2",
        ),
        (
            DATASET.replace("structure", "strukture"),
            3,
            r"datasets\.chains\.task: 'strukture' is not known \(did you mean 'structure'\?\)",
        ),
        (
            "datasets:\n  chains:\n    files: {sequences: a}\n",
            2,
            r"datasets\.chains: task is missing",
        ),
        (
            "models:\n  m:\n    encoder: {name: lstn}\n" + DATASET,
            3,
            r"models\.m\.encoder\.name: 'lstn' is not known \(did you mean 'lstm'\?\)",
        ),
        (
            DATASET + "    models: [bilstm, convlstn]\n",
            5,
            r"dataset 'chains' names the model 'convlstn', .* \(did you mean 'convlstm'\?\)",
        ),
        (
            "datasets:\n  c:\n    task: structure\n    files: {}\n",
            4,
            r"datasets\.c\.files\.sequences: is missing",
        ),
        (DATASET + "    seeds: [1, -1]\n", 5, r"datasets\.chains\.seeds\.1: .*greater than"),
        (DATASET + "    seeds: []\n", 5, r"datasets\.chains\.seeds: "),
        (DATASET + "    models: []\n", 5, r"datasets\.chains\.models: "),
        ("title: x\n" + DATASET + "    max_refused: 2\n", 6, r"datasets\.chains\.max_refused: "),
    ],
)
def test_a_fault_names_the_file_the_line_the_key_and_the_mend(
    load: Load, text: str, line: int, said: str
) -> None:
    with pytest.raises(UserError, match=rf"config\.yaml, line {line}: {said}") as refused:
        load(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be a mapping with the key `datasets`"),
        ("- a\n", "must be a mapping with the key `datasets`"),
        ("title: x\n", "datasets: is missing"),
        ("datasets: {}\n", "datasets: "),
        ("datasets: 3\n", "datasets: "),
        ("datasets: {a: 3}\n", "datasets.a"),
        ("datasets: {a: {task: [x]}}\n", "datasets.a"),
        (DATASET + "    models: 3\n", "write names, such as"),
        (DATASET + "    models:\n", "write names, such as"),
        (DATASET + "    models:\n    - bilstm: {}\n", "write names, such as"),
        (DATASET + "    models: {bilstm: lstm}\n", "'lstm' must be a mapping"),
        ("models: {m: lstm}\n" + DATASET, "models.m: 'lstm' must be a mapping"),
        ("models: [lstm]\n" + DATASET, "models: "),
        ("models: {m: {encoder: {name: [a]}}}\n" + DATASET, "models.m.encoder"),
        ("models: {m: {encoder: lstm}}\n" + DATASET, "models.m.encoder"),
    ],
)
def test_whatever_stands_in_the_file_there_is_no_traceback(
    load: Load, text: str, said: str
) -> None:
    with pytest.raises(UserError, match="config") as refused:
        load(text)
    assert said in str(refused.value)


def test_how_many_more_faults_there_are_is_said(load: Load) -> None:
    with pytest.raises(UserError, match=r"\(and 2 more\)"):
        load(DATASET + "    a: 1\n    b: 2\n    c: 3\n")


HOSTILE = [
    "../../x",
    "$(touch X)",
    "a b",
    "-x",
    "_x",
    "",
    ".",
    "a/b",
    "a;b",
    "a'b",
    "a\n",
    "{a}",
    "é",
    "</script>",
    "x" * 65,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_could_reach_a_path_or_a_shell_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="datasets"):
        parse_config({"datasets": {name: dataset()}})
    with pytest.raises(UserError, match="models"):
        parse_config({"models": {name: {}}, "datasets": {"d": dataset(models=["bilstm"])}})


@pytest.mark.parametrize("name", [1, True, None, 1.5])
def test_names_that_yaml_reads_as_something_else_are_refused(name: Any) -> None:
    with pytest.raises(UserError, match="datasets"):
        parse_config({"datasets": {name: dataset()}})


def test_plain_names_are_taken() -> None:
    names = ["a", "7", "CB513_v2", "e-coli", "x" * 64]
    assert list(parse_config({"datasets": {name: dataset() for name in names}}).datasets) == names


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"fractions": [0.8, 0.1, 0.2]}, "must add up to 1, not 1.1"),
        ({"fractions": [0.9, 0.1, 0.0]}, "above 0"),
        ({"fractions": [0.9, 0.1]}, "fractions"),
        ({"strategy": "given"}, "needs `column`"),
        ({"strategy": "homologie"}, r"did you mean 'homology'\?"),
        ({"strategy": "given", "column": "set", "folds": 2}, "'given' has one fold, not 2"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"folds": 0}, "greater than or equal to 1"),
        ({"identity": 25}, "less than or equal to 1"),
    ],
)
def test_splits_that_make_no_sense_are_refused(split: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=rf"datasets\.d\.split.*{said}"):
        config(split=split)


@pytest.mark.parametrize(
    ("task", "strategy"),
    [
        ("structure", "cold"),
        ("expression", "cold"),
        ("affinity", "homology"),
        ("affinity", "group"),
    ],
)
def test_a_strategy_of_another_task_is_refused_with_those_of_this_one(
    task: str, strategy: str
) -> None:
    with pytest.raises(UserError, match=rf"'{strategy}' is not for this task; known: .*random"):
        config(task, split={"strategy": strategy})


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


def test_too_few_replicates_and_a_repeated_seed_are_refused() -> None:
    with pytest.raises(UserError, match=r"datasets\.d\.bootstrap: .*greater than or equal to 100"):
        config(bootstrap=99)
    with pytest.raises(UserError, match=r"datasets\.d\.seeds: each seed may stand once"):
        config(seeds=[1, 2, 1])
    assert config(seeds=[0, 1], bootstrap=100).datasets["d"].seeds == (0, 1)


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
            r"m\.attention: heads 4 must divide the encoder's output, 2 x hidden_size 25 \(and",
        ),
        (
            {"encoder": {**WIDTH_25, "bidirectional": False}, "attention": {"heads": 2}},
            r"m\.attention: heads 2 must divide the encoder's output, hidden_size 25 \(and",
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


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({}, "settings: must be a mapping with `task`"),
        ([], "settings: must be a mapping with `task`"),
        ({"task": "structure"}, "files: is missing"),
        ({**dataset(), "thraeds": 3}, "thraeds: unknown key"),
    ],
)
def test_settings_of_a_verb_are_checked_as_well(raw: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_settings(raw)


def test_the_model_of_a_verb_is_checked_as_well() -> None:
    with pytest.raises(UserError, match=r"encoder\.hiden_size: .*did you mean 'hidden_size'"):
        parse_model({"encoder": {"name": "lstm", "hiden_size": 3}})


# --- the schema


def test_the_schema_that_is_committed_is_that_of_the_code() -> None:
    written = SCHEMA.read_text(encoding="utf-8") if SCHEMA.exists() else ""
    assert written == schema_text(), (
        "the settings have changed; run: bioseq-lstm schema > workflow/schemas/config.schema.yaml"
    )


def test_the_schema_is_one_and_accepts_the_demo() -> None:
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    assert schema == json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    demo = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(demo, schema)


@pytest.mark.parametrize(
    "change",
    [
        {"folds": 2},
        {"models": {"bilstm": {"head": {"hidden": 3}}, "convlstm": None}},
        {"models": "bilstm"},
        {"split": {"folds": 3}},
    ],
)
def test_schema_and_settings_agree_on_what_is_right(change: dict[str, Any]) -> None:
    raw = {"datasets": {"d": dataset(**change)}}
    validator = jsonschema.Draft202012Validator(json_schema())
    if "folds" in change:  # it belongs to `split`
        assert not validator.is_valid(raw)
        with pytest.raises(UserError):
            parse_config(raw)
    else:
        validator.validate(raw)
        parse_config(raw)


@pytest.mark.parametrize("name", ["../../x", "$(touch X)", "a b", "-x"])
def test_the_schema_refuses_hostile_names_too(name: str) -> None:
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(
        {"datasets": {name: dataset()}}
    )


def test_reading_the_configuration_loads_no_heavy_library() -> None:
    code = (
        "import sys, bioseq_lstm.config, bioseq_lstm.newfiles\n"
        "heavy = {'torch', 'pandas', 'numpy', 'scipy', 'sklearn', 'rdkit', 'lightning', 'Bio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_data_file_that_is_not_there_is_told_with_its_line_and_the_nearest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chains.3line").write_text(">a\nMK\nHH\n")
    text = "datasets:\n  d:\n    task: structure\n    files:\n      sequences: chain.3line\n"
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        check_files(load_config("config.yaml"), "config.yaml")
    assert str(error.value) == (
        "config.yaml, line 5: datasets.d.files.sequences: there is no file 'chain.3line' "
        "(did you mean 'chains.3line'?)"
    )
    (tmp_path / "chains.3line").rename("chain.3line")
    check_files(load_config("config.yaml"), "config.yaml")


def test_a_dataset_of_new_sequences_alone_needs_a_model_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_package_files(tmp_path / "tiny")
    alone = {"task": "structure", "pretrained": str(tmp_path / "tiny"), "new": "data/new"}
    config = parse_config({"datasets": {"alone": alone}})
    check_files(config)
    assert list(config.predicted) == ["alone"]
    assert config.learnt == {}
    for key, value, said in (
        ("pretrained", "nowhere", r"datasets\.alone\.pretrained: there is no model 'nowhere'"),
        ("files", {"sequences": "a"}, r"datasets\.alone\.files: unknown key; known: task, pret"),
        ("nwe", "x", r"datasets\.alone\.nwe: unknown key \(did you mean 'new'\?\)"),
        ("task", "strukture", r"'strukture' is not known \(did you mean 'structure'\?\)"),
    ):
        with pytest.raises(UserError, match=said):
            check_files(parse_config({"datasets": {"alone": {**alone, key: value}}}))


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ("files", "../chains.3line"),
        ("files", "/etc/passwd"),
        ("files", "data/../../x"),
        ("new", "/etc"),
        ("init_from", "/srv/models/a.safetensors"),
        ("pretrained", "/srv/models/a"),
    ],
)
def test_no_path_leads_out_of_the_project_unless_its_folder_is_listed(
    keys: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    dataset = {"task": "structure", "files": {"sequences": "a"}, "models": ["m"], "new": "new"}
    config = {"models": {"m": {}}, "datasets": {"d": dataset}}
    if keys == "files":
        dataset["files"] = {"sequences": path}
    elif keys == "init_from":
        config["models"] = {"m": {"init_from": {"file": path}}}
    elif keys == "pretrained":
        config["datasets"] = {"d": {"task": "structure", "pretrained": path}}
    else:
        dataset["new"] = path
    with pytest.raises(UserError, match=r"leaves the project: put it below this folder"):
        check_files(parse_config(config))
    config["outside"] = ["..", "/etc", "/srv/models"]
    try:
        check_files(parse_config(config))
    except UserError as error:
        assert "leaves the project" not in str(error)


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


def write_package_files(folder: Path) -> None:
    folder.mkdir()
    for name in ("model.json", "model.safetensors"):
        (folder / name).touch()


@pytest.mark.parametrize(
    ("task", "key", "said"),
    [
        ("structure", {"condition": "heat"}, "explain.condition is for expression"),
        ("expression", {"state": "strand"}, "explain.state is for structure"),
    ],
)
def test_what_is_explained_suits_the_task(task: str, key: dict[str, str], said: str) -> None:
    files = {"sequences": "a", **({"expression": "b"} if task == "expression" else {})}
    with pytest.raises(UserError, match=said):
        parse_config({"datasets": {"d": {"task": task, "files": files, "explain": key}}})
