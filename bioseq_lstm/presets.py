"""What each task starts from when ``config.yaml`` says nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TASKS: dict[str, dict[str, Any]] = {
    "structure": {},
    "expression": {},
    "affinity": {},
}


def preset(task: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a model for ``task``; ``asked`` tells which encoder it is for."""
    return _TASKS[task]


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
