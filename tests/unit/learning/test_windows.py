from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bioseq_lstm.data.alphabets import PROTEIN
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.learning import windows as module
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.learning.windows import predict_new_rows, windows
from bioseq_lstm.model_settings import TrainingSettings


@pytest.mark.parametrize("length", [1, 49_999, 50_000, 50_001, 96_000, 96_001, 200_000])
def test_every_letter_is_kept_once_and_seen_with_its_margin(length: int) -> None:
    kept = []
    for cut in windows(length):
        own = range(length)[cut.read][cut.keep]
        kept += own
        assert len(range(length)[cut.read]) <= module.WINDOW
        assert cut.read.start == 0 or own[0] - cut.read.start == module.MARGIN
        assert cut.read.stop == length or cut.read.stop - 1 - own[-1] == module.MARGIN
    assert kept == list(range(length))


def test_windows_are_stitched_to_what_the_whole_gives(
    toy: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = toy("structure")
    torch.manual_seed(0)
    network = data.task.network(data.model, data.encoded, data.parts.train).eval()
    with torch.no_grad():  # weights of this size forget within a few letters
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.3)
    rng = np.random.default_rng(0)
    chains = ["".join(rng.choice(list(PROTEIN.letters), n)) for n in (300, 12, 101, 97)]
    encoded = Encoded({"chain": PROTEIN.encode_all(chains)})
    whole = run_network(data.task, network, encoded, np.arange(4), TrainingSettings())
    monkeypatch.setattr(module, "WINDOW", 100)
    monkeypatch.setattr(module, "MARGIN", 30)
    found = predict_new_rows(data.task, network, encoded)
    assert [len(p) for p in found] == [300, 12, 101, 97]
    for cut, entire in zip(found, whole, strict=True):
        np.testing.assert_allclose(cut, entire, atol=1e-5)
    assert max(np.ptp(p, axis=0).max() for p in whole) > 0.01  # letters do matter
