"""Configurations that cannot be right, and what is said of each, word for word."""

from __future__ import annotations

from lies import Lie


def _dataset(text: bytes) -> bytes:
    return b"datasets:\n  d:\n    task: structure\n" + text


CONFIGURATIONS = (
    Lie(
        "a typo",
        "config.yaml",
        _dataset(b"    files: {sequences: a}\n    leakage: {gat: open}\n"),
        "config.yaml, line 5: datasets.d.leakage.gat: unknown key (did you mean "
        "'gate'?); known: near_duplicate, max_near_duplicates, gate",
    ),
    Lie(
        "a wrong type",
        "config.yaml",
        _dataset(b"    files: {sequences: a}\n    seeds: many\n"),
        "config.yaml, line 5: datasets.d.seeds: 'many' must be a list, such as [1, 2, 3]",
    ),
    Lie(
        "an unknown task",
        "config.yaml",
        b"datasets:\n  d:\n    task: structur\n    files: {sequences: a}\n",
        "config.yaml, line 3: datasets.d.task: 'structur' is not known (did you mean "
        "'structure'?); known: structure, expression, affinity",
    ),
    Lie(
        "an unknown model",
        "config.yaml",
        _dataset(b"    files: {sequences: a}\n    models: [bilstn]\n"),
        "config.yaml, line 5: dataset 'd' names the model 'bilstn', which is not in "
        "`models` (did you mean 'bilstm'?)",
    ),
    Lie(
        "weights to start from that are not there",
        "config.yaml",
        _dataset(
            b"    files: {sequences: config.yaml}\n    models:\n      bilstm:\n"
            b"        init_from: {file: nothing/here.safetensors}\n"
        ),
        "config.yaml, line 7: datasets.d.models.bilstm.init_from.file: there is no file or folder "
        "'nothing/here.safetensors': name a .safetensors file, or the folder of a run or of a "
        "packed model",
    ),
    Lie(
        "a model of another task",
        "config.yaml",
        b"datasets:\n  d:\n    task: affinity\n    pretrained: structure-cb513-bilstm\n",
        "config.yaml, line 3: datasets.d.task: 'affinity' is not what the model "
        "'structure-cb513-bilstm' predicts: write `task: structure`, or name another model",
    ),
    Lie(
        "a folder to predict that is not there",
        "config.yaml",
        b"datasets:\n  d:\n    task: structure\n    pretrained: structure-cb513-bilstm\n"
        b"    new: nowhere/new\n",
        "config.yaml, line 5: datasets.d.new: there is no folder 'nowhere/new': put the files to "
        "be predicted there, or name the folder that has them",
    ),
    Lie(
        "a baseline of another task",
        "config.yaml",
        b"datasets:\n  d:\n    task: expression\n    files: {sequences: a, expression: b}\n"
        b"models:\n  m:\n    stack_on: Kronecker ridge\n",
        "config.yaml, line 7: models.m.stack_on: 'Kronecker ridge' belongs to affinity; known: "
        "codon ridge, k-mer ridge, k-mer boosting",
    ),
    Lie(
        "a path that leaves the project",
        "config.yaml",
        _dataset(b"    files: {sequences: ../../secret}\n"),
        "config.yaml, line 4: datasets.d.files.sequences: '../../secret' leaves the "
        "project: put it below this folder, or list its folder under `outside`",
    ),
    Lie(
        "a folder that leaves the project",
        "config.yaml",
        _dataset(b"    files: {sequences: config.yaml}\n    new: /etc\n"),
        "config.yaml, line 5: datasets.d.new: '/etc' leaves the project: put it below "
        "this folder, or list its folder under `outside`",
    ),
    Lie(
        "a dataset's name that is a path",
        "config.yaml",
        b"datasets:\n  ../x:\n    task: structure\n    files: {sequences: a}\n",
        "config.yaml, line 2: datasets.../x: a name has letters, digits, _ and - only, "
        "and starts with a letter or digit",
    ),
    Lie(
        "a key twice",
        "config.yaml",
        b"title: a\ntitle: b\n",
        "config.yaml, line 2: the key 'title' stands twice (first on line 1); keep one",
    ),
    Lie(
        "an object to construct",
        "config.yaml",
        b"title: !!python/object/apply:os.system [true]\n",
        "config.yaml, line 1: not valid YAML: could not determine a constructor for the "
        "tag 'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
)
