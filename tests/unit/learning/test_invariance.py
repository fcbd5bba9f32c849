from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bioseq_lstm.learning.invariance import RECORDS, measure_invariance

Make = Callable[..., Any]


def look_around(network: nn.Module, inputs: Any, outputs: Tensor) -> Tensor:
    """What a forward hook adds: something of the others of the batch."""
    return outputs + outputs.mean(dim=0, keepdim=True)


@pytest.mark.parametrize("task", ["structure", "expression", "affinity"])
def test_a_network_is_told_from_one_that_looks_at_the_rest_of_its_batch(
    toy: Make, task: str
) -> None:
    data = toy(task)
    torch.manual_seed(0)
    network = data.task.network(data.model, data.encoded, data.parts.train)
    before = torch.get_num_threads()
    given = (data.task, network, data.encoded, data.parts.test, data.model.training)
    honest = measure_invariance(*given)
    network.register_forward_hook(look_around)
    leaky = measure_invariance(*given)
    assert torch.get_num_threads() == before
    assert honest.records == leaky.records == min(RECORDS, len(data.parts.test))
    # Values are at most about 15; float32 keeps seven digits of each sum.
    assert honest.largest_change < 2e-5
    assert leaky.largest_change > 1e-3


@pytest.mark.parametrize("task", ["structure", "expression"])
def test_batches_are_also_predicted_in_reversed_order(toy: Make, task: str) -> None:
    data, seen = toy(task), []
    network = data.task.network(data.model, data.encoded, data.parts.train)
    network.register_forward_pre_hook(lambda _, given: seen.append(given[0]["lengths"].tolist()))
    measure_invariance(data.task, network, data.encoded, data.parts.test, data.model.training)
    several = [lengths for lengths in seen if len(set(lengths)) > 1]
    assert several
    half = len(several) // 2
    assert several[half:] == [lengths[::-1] for lengths in several[:half]]
