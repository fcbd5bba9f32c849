from __future__ import annotations

import numpy as np

from bioseq_lstm.learning.explaining.kmers import kmers_among_high


def sequences(count: int, motif: str) -> tuple[list[str], list[int]]:
    rng = np.random.default_rng(3)
    made, places = [], []
    for _ in range(count):
        letters = rng.choice(list("ACGT"), 80)
        place = int(rng.integers(0, 75))
        letters[place : place + len(motif)] = list(motif)
        made.append("".join(letters))
        places.append(place)
    return made, places


def test_a_word_that_always_bears_is_found_and_stands_first() -> None:
    made, places = sequences(30, "GATC")
    rng = np.random.default_rng(0)
    borne = []
    for place in places:
        track = rng.normal(0, 0.1, 80)
        track[place : place + 4] += 2
        borne.append(track)
    table = kmers_among_high(made, borne, 4, permutations=200)
    assert table["kmer"][0] == "GATC"
    assert table["among_high"][0] >= 30
    assert table["p_adjusted"][0] == round(1 / 201, 4)
    assert table["ratio"][0] > 4


def test_of_attributions_that_lie_on_nothing_a_word_is_called_about_once_in_twenty() -> None:
    called = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        made = ["".join(rng.choice(list("ACGT"), 80)) for _ in range(20)]
        smooth = [np.convolve(rng.normal(0, 1, 90), np.ones(11), "valid") for _ in made]
        table = kmers_among_high(made, smooth, 3, permutations=100)
        called += int((table["p_adjusted"] <= 0.05).any())
    assert called <= 4  # of a binomial of 20 and .05, more come once in 400


def test_a_word_that_high_attributions_shun_is_under_represented() -> None:
    made = ["AC" * 20 + "GT" * 20] * 6
    borne = [np.r_[np.zeros(40), np.ones(40)] + 1e-3 * np.arange(80) for _ in made]
    table = kmers_among_high(made, borne, 2, permutations=200).set_index("kmer")
    assert table.loc["GT", "ratio"] > 1 > table.loc["AC", "ratio"] == 0


def test_rare_words_and_short_sequences_are_not_tested() -> None:
    assert kmers_among_high(["ACGT", "A"], [np.ones(4), np.ones(1)], 2).empty
    assert kmers_among_high([], [], 2).empty
