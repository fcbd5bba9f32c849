from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from bioseq_lstm.metrics.structure import (
    METRICS,
    STATES3,
    STATES8,
    StructureScorer,
    best_three,
    segment_overlap,
    three_probabilities,
    three_states,
)


def random_chains(generator: np.random.Generator, count: int, letters: str) -> list[str]:
    return ["".join(generator.choice(list(letters), size=30 + i)) for i in range(count)]


def test_three_states_fold_helices_and_strands_and_leave_the_rest_to_coil() -> None:
    assert three_states("HGIEBTSC.") == "HHHEECCC."


# Worked by hand from the definition of Zemla et al. (1999). Observed: one helix of ten residues
# between two single coil residues, N = 12 when each observed segment meets one predicted one.
@pytest.mark.parametrize(
    ("predicted", "sov"),
    [
        ("CHHHHHHHHHHC", 1.0),
        # delta = min(10 - 5, 5, 10 // 2, 5 // 2) = 2: (5 + 2) / 10 * 10, coils 1/3 and 1/4
        ("CCCHHHHHCCCC", (7 + 1 / 3 + 1 / 4) / 12),
        # five helices of one residue, delta 0: five pairs of 1/10 * 10; coils 1 and 1/2.
        # The observed helix counts once for each of the five pairs: N = 5 * 10 + 2
        ("CHCHCHCHCHCC", (5 + 1 + 1 / 2) / 52),
        # two helices of four: delta = min(6, 4, 5, 2) = 2 for each; coils 1 and 1; N = 20 + 2
        ("CHHHHCCHHHHC", (6 + 6 + 1 + 1) / 22),
        # no helix at all: the observed one is only in N; both coils meet one predicted coil of 12
        ("CCCCCCCCCCCC", (1 / 12 + 1 / 12) / 12),
        ("EEEEEEEEEEEE", 0.0),
    ],
)
def test_segment_overlap_agrees_with_arithmetic_by_hand(predicted: str, sov: float) -> None:
    assert segment_overlap("CHHHHHHHHHHC", predicted) == pytest.approx(sov)


def test_the_allowance_is_no_larger_than_the_overlap() -> None:
    # Two helices of six that share one residue: delta = min(11 - 1, 1, 3, 3) = 1, so 2/11 * 6.
    # The first coil: 1/6 * 1; the second, of five, meets no predicted coil.
    assert segment_overlap("CHHHHHHCCCCC", "CCCCCCHHHHHH") == pytest.approx((12 / 11 + 1 / 6) / 12)


def test_segments_end_where_the_truth_is_unknown() -> None:
    # Known stretches HH and HH: each predicted helix is cut to the stretch, so all is right.
    assert segment_overlap("HH..HH", "HHHHHH") == 1.0
    # The right stretch is missed: 2 of N = 4.
    assert segment_overlap("HH..HH", "HHHHEE") == pytest.approx(2 / 4)
    assert np.isnan(segment_overlap("...", "HHH"))


def test_figures_agree_with_scikit_learn_on_repeated_chains() -> None:
    generator = np.random.default_rng(0)
    truth = random_chains(generator, 6, STATES8 + ".")
    predicted = random_chains(generator, 6, STATES8)
    weights = np.array([1, 0, 2, 3, 1, 1])
    figures = StructureScorer(truth, predicted, np.arange(6)).figures(weights.astype(float))

    pairs = [
        (t, p)
        for true, guess, times in zip(truth, predicted, weights, strict=True)
        for t, p in list(zip(true, guess, strict=True)) * times
        if t != "."
    ]
    for states, reduce in ((STATES8, str), (STATES3, three_states)):
        true, guess = [reduce(t) for t, _ in pairs], [reduce(p) for _, p in pairs]
        assert figures[f"q{len(states)}"] == pytest.approx(accuracy_score(true, guess))
        by_state = precision_recall_fscore_support(true, guess, labels=list(states))
        for measure, values in zip(("precision", "recall", "f1"), by_state, strict=False):
            for state, value in zip(states, values, strict=True):
                assert figures[f"{measure}_{len(states)}_{state}"] == pytest.approx(value)
    chains = np.repeat(np.arange(6), weights)
    overlaps = [segment_overlap(three_states(truth[i]), three_states(predicted[i])) for i in chains]
    assert figures["sov"] == pytest.approx(np.mean(overlaps))


def test_every_figure_is_described_as_a_metric() -> None:
    figures = StructureScorer(["HC"], ["HC"], [0]).figures(np.ones(1))
    assert list(figures) == [metric.key for metric in METRICS]


def test_a_state_without_residues_has_no_precision_and_no_recall() -> None:
    figures = StructureScorer(["HHCC"], ["HHHC"], [0]).figures(np.ones(1))
    assert np.isnan(figures["precision_8_E"])
    assert np.isnan(figures["recall_8_E"])
    assert figures["precision_8_H"] == pytest.approx(2 / 3)


def test_confusion_counts_truth_in_rows() -> None:
    scorer = StructureScorer(["HG.C"], ["EGHC"], [0])
    assert scorer.confusion(8)[STATES8.index("H"), STATES8.index("E")] == 1
    np.testing.assert_array_equal(scorer.confusion(3), [[1, 1, 0], [0, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ("HHH", "HH", "3 labels but 2 predictions"),
        ("HZH", "HHH", "'Z' at position 2"),
        ("HHH", "H.H", "where the truth is known"),
    ],
)
def test_strings_that_do_not_fit_are_refused(truth: str, predicted: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StructureScorer([truth], [predicted], [0])


def test_three_states_have_predictions_of_their_own() -> None:
    """Helix is likeliest of eight, but both kinds of strand together are likelier."""
    probabilities = np.zeros((1, 8))
    probabilities[0, [STATES8.index(s) for s in "HEB"]] = 0.4, 0.35, 0.25
    three = best_three(three_probabilities(probabilities))
    assert three == "E"
    figures = StructureScorer(["E"], ["H"], [0], [three]).figures(np.ones(1))
    assert (figures["q8"], figures["q3"], figures["sov"]) == (0, 1, 1)
    assert StructureScorer(["E"], ["H"], [0]).figures(np.ones(1))["q3"] == 0
