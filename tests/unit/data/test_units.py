"""Values that their unit cannot have; the messages stand in the table of inputs that lie."""

from __future__ import annotations

import numpy as np
import pytest

from bioseq_lstm.data.units import no_concentration, wrong_affinity, wrong_expression


@pytest.mark.parametrize(
    ("unit", "values", "row"),
    [
        ("pKd", [5.0, 7.3, 11.0], None),
        ("pIC50", [6.0, 21.0], 1),
        ("pKi (literature)", [6.0, -4.0], 1),
        ("pKd", [0.0, 6.0], None),  # one weak binder among others
        ("pKd", [1e-9, 5e-8], 0),
        ("KIBA score", [11.2, 1520.0, -30.0], None),
        ("", [1e9], None),
    ],
)
def test_affinities_are_judged_by_their_unit(
    unit: str, values: list[float], row: int | None
) -> None:
    wrong = wrong_affinity(np.array(values), unit)
    assert (None if wrong is None else wrong.row) == row


@pytest.mark.parametrize(
    ("unit", "values", "row"),
    [
        ("log2 TPM", [[0.0, 19.9], [-3.3, np.nan]], None),  # log2 of a million is 19.93
        ("log2 TPM", [[0.0, 1.0], [20.5, 1.0]], 1),
        ("Log10  tpm", [[6.1, 1.0]], 0),
        ("TPM", [[0.0, 1e6]], None),
        ("TPM", [[0.0, -0.1]], 0),
        ("counts", [[3.0, -1.0]], 0),
        ("expression (log scale of the assay)", [[-500.0, 1e5]], None),
    ],
)
def test_expression_is_judged_by_its_unit(
    unit: str, values: list[list[float]], row: int | None
) -> None:
    wrong = wrong_expression(np.array(values), unit)
    assert (None if wrong is None else wrong.row) == row


@pytest.mark.parametrize(
    ("unit", "value", "wrong"),
    [("Kd (nM)", 0.0, True), ("IC50", -1.0, True), ("Ki", 1e-3, False), ("pKd", 0.0, False)],
)
def test_a_concentration_is_more_than_nothing(unit: str, value: float, wrong: bool) -> None:
    assert bool(no_concentration(value, unit)) == wrong
