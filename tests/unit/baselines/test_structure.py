from __future__ import annotations

import numpy as np
import pytest

from bioseq_lstm.baselines.structure import LabelledChains, MajorityState, WindowClassifier
from bioseq_lstm.data.alphabets import DSSP8, PROTEIN


def labelled(chains: list[str], labels: list[str]) -> LabelledChains:
    return LabelledChains(PROTEIN.encode_all(chains), DSSP8.encode_all(labels))


def random_chains(seed: int, count: int) -> list[str]:
    generator = np.random.default_rng(seed)
    lengths = generator.integers(5, 60, size=count)
    return ["".join(generator.choice(list(PROTEIN.letters), size=n)) for n in lengths]


def after_proline(chain: str) -> str:
    """A made-up rule: the residue after a proline is a strand, all others are helix."""
    return "".join("E" if before == "P" else "H" for before in "." + chain[:-1])


@pytest.fixture(scope="module")
def classifier() -> WindowClassifier:
    parts = [random_chains(seed, count) for seed, count in ((0, 250), (1, 40))]
    train, validation = (labelled(part, [after_proline(c) for c in part]) for part in parts)
    return WindowClassifier(window=5, hidden=16, max_passes=40).fit(train, validation)


def test_the_majority_state_is_that_of_the_known_residues() -> None:
    train = labelled(["MKVLAA", "GGG"], ["..HHEE", "EE."])
    predicted = MajorityState().fit(train).predict(PROTEIN.encode_all(["MK", "AAA"]))
    assert predicted.states == predicted.states_3 == ["EE", "EEE"]
    np.testing.assert_allclose(predicted.confidence[1], 4 / 6)


def test_the_majority_of_three_states_need_not_be_that_of_eight() -> None:
    train = labelled(["MKVLAAGG"], ["HHHTTSSC"])
    predicted = MajorityState().fit(train).predict(PROTEIN.encode_all(["MK"]))
    assert (predicted.states, predicted.states_3) == (["HH"], ["CC"])


def test_the_window_classifier_learns_a_rule_about_the_neighbour(classifier) -> None:
    chains = random_chains(2, 40)
    predicted = classifier.predict(PROTEIN.encode_all(chains))
    truth = "".join(after_proline(chain) for chain in chains)
    right = np.array([p == t for p, t in zip("".join(predicted.states), truth, strict=True)])
    assert right.mean() > 0.99
    assert np.concatenate(predicted.confidence)[right].mean() > 0.9


def test_a_window_never_sees_the_chain_beside_it(classifier) -> None:
    chains = ["AP", "AAAA", "P", "AAAA"]
    together = classifier.predict(PROTEIN.encode_all(chains))
    for chain, states, confidence in zip(chains, together.states, together.confidence, strict=True):
        alone = classifier.predict(PROTEIN.encode_all([chain]))
        assert alone.states == [states]
        np.testing.assert_allclose(alone.confidence[0], confidence, rtol=1e-5)


def test_residues_of_unknown_state_teach_nothing(classifier) -> None:
    chains = random_chains(3, 60)
    train = labelled(chains, [after_proline(chain).replace("E", ".") for chain in chains])
    model = WindowClassifier(window=5, hidden=16, max_passes=40).fit(train, train)
    assert "E" not in "".join(model.predict(train.chains).states)
    assert "E" in "".join(classifier.predict(train.chains).states)


def test_the_same_seed_gives_the_same_classifier() -> None:
    chains = random_chains(4, 20)
    data = labelled(chains, [after_proline(chain) for chain in chains])
    first, again, other = (
        WindowClassifier(window=3, hidden=4, max_passes=2, max_residues=200, seed=seed)
        .fit(data, data)
        .predict(data.chains)
        .confidence[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
