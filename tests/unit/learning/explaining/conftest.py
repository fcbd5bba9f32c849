"""Untrained networks of every task: what holds of an explanation holds of them too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bioseq_lstm.config import parse_settings
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.explain_settings import ExplainSettings
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.model_settings import TrainingSettings
from bioseq_lstm.tasks.base import Task
from bioseq_lstm.tasks.explained import Explained, Question, explained

FILES = {
    "structure": {"sequences": "a"},
    "expression": {"sequences": "a", "expression": "b"},
    "affinity": {"drugs": "a", "targets": "b", "affinities": "c"},
}


@dataclass(frozen=True)
class Case:
    """A network, one sample, and what is asked of it."""

    task: Task
    explained: Explained
    encoded: Encoded
    network: nn.Module
    row: int
    question: Question


@pytest.fixture(scope="session")
def case(toy: Callable[..., Any]) -> Callable[..., Case]:
    def make(task: str, row: int = 3, **how: Any) -> Case:
        data = toy(task, **how)
        torch.manual_seed(0)
        network = data.task.network(data.model, data.encoded, data.parts.train).eval()
        own = explained(task)
        decoded = run_network(data.task, network, data.encoded, np.array([row]), TrainingSettings())
        _, settings = parse_settings({"task": task, "files": FILES[task]})
        question = own.question(ExplainSettings(), settings, data.encoded, decoded[0])
        return Case(data.task, own, data.encoded, network, row, question)

    return make
