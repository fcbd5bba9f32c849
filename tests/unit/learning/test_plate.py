from __future__ import annotations

import numpy as np
import pandas as pd

from bioseq_lstm.learning.plate import WELLS, Candidates, spread_out


def test_the_first_well_holds_what_is_worth_most_and_the_next_what_is_far_from_it() -> None:
    places = np.array([[0.0], [0.1], [5.0]])
    assert spread_out(np.array([9.0, 8.0, 1.0]), places, 3) == [0, 2, 1]


def test_of_equally_far_records_the_worthier_comes_first() -> None:
    places = np.array([[0.0], [1.0], [-1.0]])
    assert spread_out(np.array([3.0, 1.0, 2.0]), places, 2) == [0, 2]


def test_a_plate_has_96_wells_row_by_row() -> None:
    assert (len(WELLS), WELLS[0], WELLS[11], WELLS[12], WELLS[-1]) == (96, "A1", "A12", "B1", "H12")
    rng = np.random.default_rng(0)
    candidates = Candidates()
    for part in range(3):
        names = [f"{part}-{number}" for number in range(50)]
        table = pd.DataFrame({"file": "x", "id": names, "worth": rng.random(50)})
        candidates.add(table, rng.random((50, 4)))
    plate = candidates.plate()
    assert list(plate["well"]) == WELLS
    assert plate["id"].is_unique
    assert "worth" not in plate


def test_without_new_records_there_is_an_empty_plate() -> None:
    assert list(Candidates().plate().columns) == ["well"]
