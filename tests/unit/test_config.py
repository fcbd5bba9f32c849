"""Whole configurations: what a newcomer writes, what is refused and how it is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_config import config, dataset, write_package_files

from bioseq_lstm.config import load_config, parse_config, parse_settings
from bioseq_lstm.config_files import check_files
from bioseq_lstm.errors import UserError
from bioseq_lstm.settings import Config

ROOT = Path(__file__).parents[2]

Load = Callable[[str], Config]
DATASET = "datasets:\n  chains:\n    task: structure\n    files: {sequences: chains.3line}\n"


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
    with pytest.raises(UserError, match=r", explain, learning_curve.*; 2 more errors$"):
        load(DATASET + "    a: 1\n    b: 2\n    c: 3\n")
    with pytest.raises(UserError, match=r", gate; 1 more error$"):
        load(DATASET + "    seeds: many\n    leakage: {gat: open}\n")


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
        ({"strategy": "given", "column": "set", "folds": 2}, "'given' needs 3 folds or more"),
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


def test_too_few_replicates_and_a_repeated_seed_are_refused() -> None:
    with pytest.raises(UserError, match=r"datasets\.d\.bootstrap: .*greater than or equal to 100"):
        config(bootstrap=99)
    with pytest.raises(UserError, match=r"datasets\.d\.seeds: each seed may stand once"):
        config(seeds=[1, 2, 1])
    assert config(seeds=[0, 1], bootstrap=100).datasets["d"].seeds == (0, 1)


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
    (tmp_path / "data" / "new").mkdir(parents=True)
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


def test_the_task_of_a_dataset_is_that_of_its_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new").mkdir()
    lines = ["datasets:", "  mine:", "    task: affinity"]
    lines += ["    pretrained: structure-cb513-bilstm", "    new: new"]
    (tmp_path / "config.yaml").write_text("\n".join(lines))
    with pytest.raises(UserError) as error:
        check_files(load_config("config.yaml"), "config.yaml")
    assert str(error.value) == (
        "config.yaml, line 3: datasets.mine.task: 'affinity' is not what the model "
        "'structure-cb513-bilstm' predicts: write `task: structure`, or name another model"
    )
    (tmp_path / "config.yaml").write_text("\n".join(lines).replace("affinity", "structure"))
    check_files(load_config("config.yaml"), "config.yaml")


KNOWN = "Kronecker ridge, profile ridge, weighted neighbours, drug mean + target mean"


@pytest.mark.parametrize(
    ("stack_on", "said"),
    [
        (
            "Kroneker ridge",
            "'Kroneker ridge' is no baseline to stack on (did you mean 'Kronecker ridge'?); "
            f"known: {KNOWN}",
        ),
        (
            "KRONECKER RIDGE",
            "'KRONECKER RIDGE' is no baseline to stack on (did you mean 'Kronecker ridge'?); "
            f"known: {KNOWN}",
        ),
        ("[codon ridge]", f"'codon ridge' belongs to expression; known: {KNOWN}"),
        ("3", "3 must be the name of a baseline, or a list of such names"),
        ("true", "True must be the name of a baseline, or a list of such names"),
        ("{a: 1}", "{'a': 1} must be the name of a baseline, or a list of such names"),
    ],
)
def test_a_fault_of_stack_on_is_told_where_the_model_stands(
    stack_on: str, said: str, tmp_path: Path, load: Load
) -> None:
    files = "{drugs: a, targets: b, affinities: c}"
    kin = f"datasets:\n  kin:\n    task: affinity\n    files: {files}\n"
    with pytest.raises(UserError) as error:
        load(f"models:\n  single:\n    stack_on: {stack_on}\n{kin}")
    assert str(error.value) == f"{tmp_path}/config.yaml, line 3: models.single.stack_on: {said}"
    own = f"    models:\n      bilstm:\n        stack_on: {stack_on}\n"
    with pytest.raises(UserError) as error:
        load(kin + own)
    assert str(error.value) == (
        f"{tmp_path}/config.yaml, line 7: datasets.kin.models.bilstm.stack_on: {said}"
    )


def test_stack_on_nothing_is_not_stacked(load: Load) -> None:
    for nothing in ("[]", ""):
        models = f"    models:\n      bilstm:\n        stack_on: {nothing}\n"
        assert load(DATASET + models).datasets["chains"].models["bilstm"].stack_on == ()


MEND = "name a .safetensors file, or the folder of a run or of a packed model"


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("nothing/here.safetensors", "there is no file or folder 'nothing/here.safetensors'"),
        ("lm.safetensor", "there is no file or folder 'lm.safetensor' (did you mean "
         "'lm.safetensors'?)"),
        ("foreign.txt", "'foreign.txt' is no .safetensors file"),
        ("empty", "the folder 'empty' has no model.safetensors"),
        ("results/gone/models/m/fold0-seed1",
         "there is no file or folder 'results/gone/models/m/fold0-seed1'"),
        ("results/d/models/other/fold0-seed1",
         "there is no file or folder 'results/d/models/other/fold0-seed1'"),
        ("results/d/models/big/fold1-seed1",
         "there is no file or folder 'results/d/models/big/fold1-seed1'"),
    ],
)  # fmt: skip
def test_weights_to_start_from_that_are_not_there_are_told_with_their_line(
    start: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("chains.3line", "lm.safetensors", "foreign.txt"):
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    named = f"models:\n  big: {{}}\n  m:\n    init_from:\n      file: {start}\n{DATASET}"
    own = f"{DATASET}    models:\n      bilstm:\n        init_from: {{file: {start}}}\n"
    for text, line, where in (
        (named.replace("chains:", "d:"), 5, "models.m"),
        (own.replace("chains:", "d:"), 7, "datasets.d.models.bilstm"),
    ):
        (tmp_path / "config.yaml").write_text(text)
        with pytest.raises(UserError) as error:
            check_files(load_config("config.yaml"), "config.yaml")
        assert str(error.value) == (
            f"config.yaml, line {line}: {where}.init_from.file: {said}: {MEND}"
        )


@pytest.mark.parametrize(
    "start",
    [
        "lm.safetensors",
        "run",
        "results/gone/models/m/fold0-seed1",
        "results/d/models/big/fold0-seed3",
        "./results/d/models/big/control/model.safetensors",
        "data/downloads/far.safetensors",
        "made/near.safetensors",
    ],
)
def test_a_model_may_start_from_what_is_there_or_what_a_rule_makes(
    start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("chains.3line", "lm.safetensors"):
        (tmp_path / name).touch()
    for folder in ("run", "results/gone/models/m/fold0-seed1"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "model.safetensors").touch()
    text = DATASET.replace("chains:", "d:").replace("structure", "structure\n    seeds: [3]")
    more = "downloads: {far.safetensors: {url: 'file:x', sha256: '" + "0" * 64 + "'}}\n"
    text += f"models: {{big: {{}}, m: {{init_from: {{file: {start}}}}}}}\n{more}"
    (tmp_path / "config.yaml").write_text(text)
    check_files(load_config("config.yaml"), "config.yaml", made=["made"])


@pytest.mark.parametrize(
    ("new", "line", "said"),
    [
        ("new: data/mine/nwe", 5, "'data/mine/nwe' (did you mean 'new'?)"),
        ("new: data/gone/new", 5, "'data/gone/new'"),
        ("", 2, "'data/alone/new'"),
    ],
)
def test_a_folder_to_predict_that_is_not_there_is_told_with_its_line(
    new: str, line: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_package_files(tmp_path / "tiny")
    (tmp_path / "data" / "mine" / "new").mkdir(parents=True)
    text = f"datasets:\n  alone:\n    task: structure\n    pretrained: tiny\n    {new}\n"
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        check_files(load_config("config.yaml"), "config.yaml")
    assert str(error.value) == (
        f"config.yaml, line {line}: datasets.alone.new: there is no folder {said}: put the files "
        "to be predicted there, or name the folder that has them"
    )
