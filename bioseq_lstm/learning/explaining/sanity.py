"""Does an explanation depend on what was learnt? The same with weights that learnt nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.tasks.base import Task


def randomised(task: Task, card: dict[str, Any], network: nn.Module, seed: int) -> nn.Module:
    """A network like a trained one whose weights are those of a fresh start.

    (Adebayo et al. 2018, arXiv:1810.03292.) Means and scales of the data, which are not learnt,
    stay. ``card`` is its model.json.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = task.network(
            ModelSettings.model_validate(card["settings"]),
            Encoded({}, about=card["about"]),
            np.array([], dtype=int),
        )
    known = dict(network.named_buffers())
    for name, buffer in fresh.named_buffers():
        buffer.copy_(known[name])
    return fresh.eval()


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Spearman's correlation of two attributions; None where one of them is the same throughout."""
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(spearmanr(one, other).statistic)
