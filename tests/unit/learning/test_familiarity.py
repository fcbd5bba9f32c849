from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf

from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.learning import familiarity
from bioseq_lstm.learning.familiarity import Familiarity, crossed, summed_up
from bioseq_lstm.nn.network import SequenceEncoder

RNG = np.random.default_rng(1)


def encoder(kmer: int = 1) -> SequenceEncoder:
    torch.manual_seed(0)
    options = {"size": 6, "kmer": kmer, "stride": kmer}
    return SequenceEncoder(22, options, None, {"name": "lstm", "hidden_size": 5}).eval()


def test_distances_are_those_of_scipy_with_the_covariance_of_ledoit_and_wolf() -> None:
    states, asked = RNG.normal(size=(80, 6)), RNG.normal(size=(7, 6))
    fitted = LedoitWolf().fit(states)
    expected = cdist(asked, fitted.location_[None], "mahalanobis", VI=fitted.precision_)[:, 0]
    assert Familiarity.fit(states).distances(asked) == pytest.approx(expected)


def test_whitened_states_are_as_far_apart_as_mahalanobis_says() -> None:
    states = RNG.normal(size=(60, 4)) @ RNG.normal(size=(4, 4))
    known = Familiarity.fit(states)
    turned = known.whitened(states)
    expected = cdist(states[:3], states[3:9], "mahalanobis", VI=known.precision)
    assert cdist(turned[:3], turned[3:9]) == pytest.approx(expected)


@pytest.mark.parametrize("count", [1, 2])
def test_of_one_or_two_training_sequences_nothing_breaks(count: int) -> None:
    known = Familiarity.fit(RNG.normal(size=(count, 6)))
    asked = RNG.normal(size=(3, 6))
    assert np.isfinite(known.whitened(asked)).all()
    assert np.isfinite(known.distances(asked)).all()


def test_a_training_sequence_is_measured_against_the_others_not_itself() -> None:
    """One state far off from all others makes itself look near when it is fitted on."""
    states = RNG.normal(size=(30, 3))
    states[0] = 40.0
    assert crossed(states)[0] > 3 * Familiarity.fit(states).distances(states)[0]


@pytest.mark.parametrize("kmer", [1, 3])
def test_states_are_summed_up_over_the_letters_of_each_sequence_alone(kmer: int) -> None:
    lengths = [3, 9, 30]
    sequences = Ragged.from_list([RNG.integers(1, 20, n).astype(np.uint8) for n in lengths])
    asked = encoder(kmer)
    found = summed_up(asked, sequences)
    for number, codes in enumerate(sequences):
        alone = torch.from_numpy(codes.astype(np.int64))[None]
        states, counts = asked(alone, torch.tensor([len(codes)]))
        own = states[0, : int(counts)].double()
        expected = torch.cat([own.mean(0), own.amax(0)]).detach().numpy()
        assert found[number] == pytest.approx(expected, abs=1e-6)


def test_a_sequence_beyond_a_window_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(familiarity, "WINDOW", 10)
    codes = RNG.integers(1, 20, 25).astype(np.uint8)
    pieces = [codes[:10], codes[10:20], codes[20:]]
    whole = summed_up(encoder(), Ragged.from_list([codes]))[0]
    parts = summed_up(encoder(), Ragged.from_list(pieces))
    mean = np.average(parts[:, :10], axis=0, weights=[10, 10, 5])
    assert whole == pytest.approx(np.concatenate([mean, parts[:, 10:].max(axis=0)]), abs=1e-6)
