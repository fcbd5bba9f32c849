from __future__ import annotations

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

from bioseq_lstm.nn.composition import Composition

TOKENS = torch.tensor([[1, 1, 2, 3], [2, 2, 0, 0], [3, 1, 2, 0]])
FREQUENCIES = np.array([[1 / 2, 1 / 4, 1 / 4], [0, 1, 0], [1 / 3, 1 / 3, 1 / 3]])


def test_frequencies_are_shares_of_the_real_tokens() -> None:
    assert np.allclose(Composition(4).frequencies(TOKENS), FREQUENCIES)


def test_standardised_frequencies_equal_those_of_scikit_learn() -> None:
    composition = Composition(4)
    composition.fit(composition.frequencies(TOKENS))
    expected = StandardScaler().fit_transform(FREQUENCIES)
    assert np.allclose(composition(TOKENS), expected, atol=1e-5)


def test_padding_changes_nothing() -> None:
    composition = Composition(4)
    composition.fit(composition.frequencies(TOKENS))
    wider = torch.nn.functional.pad(TOKENS, (0, 5))
    assert torch.equal(composition(TOKENS), composition(wider))


def test_a_token_that_training_never_saw_is_bounded() -> None:
    composition = Composition(4)
    composition.fit(composition.frequencies(torch.tensor([[1, 1], [1, 1]])))
    assert composition(torch.tensor([[3, 3]])).abs().max() <= 10
