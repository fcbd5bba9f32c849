from __future__ import annotations

import pytest
import torch

from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.stacking import SequenceDropout


def test_dropout_takes_the_same_features_at_every_step_of_a_sequence() -> None:
    torch.manual_seed(0)
    dropped = SequenceDropout(0.5)(torch.ones(64, 5, 3, 32))
    assert torch.equal(dropped, dropped[:, :1, :1].expand_as(dropped))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    # 2,048 fair coins: the share of zeros is .5 with a standard deviation of .011.
    assert abs(float((dropped[:, 0, 0] == 0).float().mean()) - 0.5) < 0.06


def test_sequences_of_a_batch_are_dropped_out_independently() -> None:
    torch.manual_seed(0)
    dropped = SequenceDropout(0.5)(torch.ones(2, 3, 64))
    assert not torch.equal(dropped[0], dropped[1])


def test_dropout_does_nothing_in_evaluation() -> None:
    x = torch.randn(2, 3, 4)
    assert torch.equal(SequenceDropout(0.9).eval()(x), x)


def test_dropout_acts_between_layers_in_training() -> None:
    torch.manual_seed(0)
    encoder = build_encoder("lstm", 3, {"hidden_size": 8, "num_layers": 2, "dropout": 0.5})
    x, lengths = torch.randn(1, 4, 3), torch.tensor([4])
    assert not torch.equal(encoder(x, lengths), encoder(x, lengths))


def test_dropout_without_a_second_layer_is_said_to_be_without_effect() -> None:
    with pytest.warns(UserWarning, match=r"dropout 0\.2 acts between layers and num_layers is 1"):
        build_encoder("lstm", 3, {"hidden_size": 4, "dropout": 0.2})
