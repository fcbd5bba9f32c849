from __future__ import annotations

import pandas as pd
import pytest

from bioseq_lstm.learning.standing_out import Ordinary

PROTEINS = ["ACDEFGHIKLMNPQRSTVWY" * 2, "ACDEFGHIKLMNPQRSTVWY" + "A" * 20]
KNOWN = Ordinary.of("chain", pd.DataFrame({"entity": "chain", "sequence": PROTEINS}))


@pytest.mark.parametrize(
    ("sequence", "said"),
    [
        ("ACDEFGHIKLMNPQRSTVWY" * 3, "60 letters long, the longest in training has 40"),
        ("ACDE", "4 letters long, the shortest in training has 40"),
        ("Q" * 40, "100% Q, in training at most 5%"),
        # A stands 21 times in 40 letters of the second protein.
        ("A" * 30 + "CDEFGHIKLM", "75% A, in training at most 52%"),
        (PROTEINS[0][::-1], "neither its length nor any one letter stands out"),
    ],
)
def test_what_no_training_record_has_is_named(sequence: str, said: str) -> None:
    assert KNOWN.unlike(sequence).startswith(said)


def test_chlorine_is_one_letter_of_a_molecule() -> None:
    known = Ordinary.of("drug", pd.DataFrame({"entity": "drug", "sequence": ["CCl", "CCCCl"]}))
    assert (known.shortest, known.longest) == (2, 4)
