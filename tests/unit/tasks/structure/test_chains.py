"""Which test chains are drawn, and what is said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.tasks.structure.chains import (
    least_certain,
    nearest_told,
    share_right,
    telling_most,
)


def test_the_share_right_counts_three_states_and_known_residues_only() -> None:
    # G and I are helices, B a strand; the dot counts nowhere: four of five are right.
    assert share_right("HGIB.T", "HHHECH") == pytest.approx(4 / 5)
    assert np.isnan(share_right("...", "HEC"))


def test_a_bounded_choice_holds_the_worst_the_least_sure_and_the_best() -> None:
    chains = pd.DataFrame(
        {
            "q3": [0.9, 0.1, 0.5, 0.6, 0.7, 0.95],
            "confidence_mean": [0.9, 0.8, 0.7, 0.2, 0.6, 0.9],
        },
        index=list("abcdef"),
    )
    assert list(telling_most(chains, most=3).index) == ["b", "d", "f"]
    assert list(telling_most(chains, most=6).index) == list("abcdef")


def test_the_least_certain_stretch_is_named_by_its_residues() -> None:
    confidence = [0.9] * 20 + [0.3] * 15 + [0.9] * 20
    assert least_certain(confidence) == "Least certain: residues 21 to 35, mean confidence 0.30."
    assert least_certain([0.5] * 15) == ""


@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_a_chain_without_a_relative_says_so(missing: object) -> None:
    assert nearest_told(missing, float("nan")) == "No similar training chain was found."


def test_the_nearest_training_chain_is_named_with_its_likeness() -> None:
    assert "1abc_A, identity times coverage 31%" in nearest_told("1abc_A", 0.314)
