"""What each task starts from when ``config.yaml`` says nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Sizes that train in minutes on a laptop, chosen on validation parts of the demo data.
_TASKS: dict[str, dict[str, Any]] = {
    "structure": {
        "embedding": {"size": 32, "token_dropout": 0.1},
        "stem": {"kernels": [9, 15], "channels": 48, "dropout": 0.1},
        "head": {"hidden": 128, "dropout": 0.2},
        "training": {"epochs": 14, "token_budget": 4096},
    },
    "expression": {
        "embedding": {"size": 32, "token_dropout": 0.05},
        "stem": {"kernels": [9, 15], "channels": 48, "dropout": 0.1},
        "head": {"hidden": 128, "dropout": 0.5, "composition": True},
        "training": {"epochs": 12, "token_budget": 8192, "weight_decay": 0.05},
    },
    # Optimiser steps count, not epochs, so blocks are small; proteins are read in twos.
    "affinity": {
        "embedding": {"size": 16},
        "inputs": {"target": {"embedding": {"size": 16, "kmer": 2, "stride": 2}}},
        "head": {"hidden": 128, "dropout": 0.3, "composition": True},
        "training": {
            "epochs": 12,
            "learning_rate": 1e-3,
            "weight_decay": 0.1,
            "block": {"drugs": 128, "targets": 4},
        },
    },
}
# Where it is known where the coding part begins, genes are read codon by codon.
_CODING: dict[str, Any] = {"embedding": {"kmer": 3, "stride": 3}, "stem": None}
# Hidden sizes by encoder and task: about equal time for both. Others start from those of lstm.
_HIDDEN: dict[str, dict[str, int]] = {
    "lstm": {"structure": 96, "expression": 48, "affinity": 24},
    "convlstm": {"structure": 48, "expression": 32, "affinity": 16},
}


def preset(dataset: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a model for a dataset; ``asked`` tells which encoder it is for."""
    task = dataset["task"]
    encoder = asked.get("encoder")
    name = encoder.get("name", "lstm") if isinstance(encoder, Mapping) else "lstm"
    own = {"name": name}
    if isinstance(name, str):
        own["hidden_size"] = _HIDDEN.get(name, _HIDDEN["lstm"])[task]
    coding = _CODING if dataset.get("coding_start") is not None else {}
    return merge({**_TASKS[task], "encoder": own}, coding)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``, mapping by mapping.

    An encoder of another name starts afresh: a window belongs to ``convlstm`` alone.
    """
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            renamed = "name" in value and value["name"] != old.get("name", value["name"])
            merged[key] = dict(value) if renamed else merge(old, value)
        else:
            merged[key] = value
    return merged
