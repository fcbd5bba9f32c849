from __future__ import annotations

import numpy as np

from bioseq_lstm.baselines.nearest import NearestChain, NearestRecord
from bioseq_lstm.baselines.structure import LabelledChains
from bioseq_lstm.data.alphabets import DSSP8, PROTEIN

CHAIN = "MKVLWAEGHTRPQYNDFCIS"
STATES = "CCHHHHHHHTTCEEEEECCS"


def fitted() -> NearestChain:
    chains, labels = ["GGGGGG", CHAIN], ["BBB.BB", STATES]
    train = LabelledChains(PROTEIN.encode_all(chains), DSSP8.encode_all(labels))
    return NearestChain().fit(train)


def carried(chain: str, row: int) -> str:
    return fitted().predict(PROTEIN.encode_all([chain]), np.array([row])).states[0]


def test_a_copy_gets_the_labels_of_its_original() -> None:
    assert carried(CHAIN, 1) == STATES


def test_labels_follow_the_alignment_across_an_insertion_and_a_deletion() -> None:
    # H, the most frequent training state, for what has no partner.
    longer = CHAIN[:10] + "AAA" + CHAIN[10:]
    assert carried("WW" + longer, 1) in {
        "HH" + STATES[:k] + "HHH" + STATES[k:] for k in range(9, 12)
    }
    assert carried(CHAIN[3:], 1) == STATES[3:]


def test_unknown_states_and_chains_without_a_neighbour_get_the_most_frequent_state() -> None:
    assert carried("GGGGGG", 0) == "BBBHBB"
    assert carried("MKV", -1) == "HHH"
    assert carried("WWW", 0) == "HHH"


def test_of_three_states_the_most_frequent_is_counted_by_itself() -> None:
    """Of eight, H is most frequent; of three, coil, whose letters are three."""
    train = LabelledChains(PROTEIN.encode_all(["MKVLAAGG"]), DSSP8.encode_all(["HHHTTSSC"]))
    found = NearestChain().fit(train).predict(PROTEIN.encode_all(["MKV"]), np.array([-1]))
    assert (found.states, found.states_3) == (["HHH"], ["CCC"])


def test_the_nearest_record_lends_its_values() -> None:
    values = np.array([[1.0, 10.0], [3.0, np.nan]])
    predicted = NearestRecord().fit(values).predict(np.array([1, 0, -1]))
    # Its missing value, and a gene without a neighbour, get the mean of the condition.
    np.testing.assert_array_equal(predicted, [[3, 10], [1, 10], [2, 10]])
