"""A tiny dataset brought from its files to its report, verb by verb, as the rules do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bioseq_lstm.cli import main

MODEL = {
    "embedding": {"size": 4},
    "encoder": {"name": "lstm", "hidden_size": 4},
    "head": {"hidden": 4},
    "training": {"epochs": 1},
}


def run_verbs(folder: Path, settings: dict[str, Any], name: str = "mine") -> Path:
    """Make ``results`` in ``folder``, whose ``data`` are there; the folder of the results.

    ``settings`` hold ``models``; what else they leave out is small and without explanations.
    """
    settings = {"bootstrap": 100, "explain": {"records": 0}, **settings}
    models, seeds = settings["models"], settings.get("seeds", [1])
    shared = ["--folder", "results", "--settings", json.dumps(settings)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for verb in ("read", "split", "encode", "baselines"):
            main([verb, *shared])
        for model, own in models.items():
            train = ["train", *shared, "--name", model, "--model", json.dumps(own)]
            for seed in seeds:
                main([*train, "--seed", str(seed)])
            if settings.get("controls") != "none":
                main([*train, "--seed", str(seeds[0]), "--shuffled"])
        main(["evaluate", *shared, "--models", *models])
        main(["predict-new", *shared, "--new", "data/new"])
        if settings["explain"]["records"]:
            main(["explain", *shared, "--new", "data/new"])
        if settings.get("learning_curve"):
            main(["learning-curve", *shared])
        main(["report", *shared, "--name", name, "--models", *models])
    return folder / "results"
