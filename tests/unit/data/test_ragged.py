from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioseq_lstm.data.ragged import Ragged

sequences = st.lists(st.lists(st.integers(1, 255), max_size=6), min_size=1, max_size=6)


def ragged(values: list[list[int]]) -> Ragged:
    return Ragged.from_list([np.array(row, np.uint8) for row in values])


@given(sequences)
def test_each_sequence_comes_back_as_it_went_in(values: list[list[int]]) -> None:
    joined = ragged(values)
    assert len(joined) == len(values)
    assert [row.tolist() for row in joined] == values
    assert joined[-1].tolist() == values[-1]
    assert joined.lengths.tolist() == [len(row) for row in values]


@given(sequences, st.data())
def test_take_gives_the_rows_asked_for_in_their_order(
    values: list[list[int]], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(values) - 1)))
    assert [row.tolist() for row in ragged(values).take(rows)] == [values[row] for row in rows]


@given(sequences, st.data())
def test_padding_follows_the_end_of_each_row_only(
    values: list[list[int]], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(values) - 1)))
    rectangle, lengths = ragged(values).padded(rows)
    width = max((len(values[row]) for row in rows), default=0)
    assert rectangle.tolist() == [values[row] + [0] * (width - len(values[row])) for row in rows]
    assert lengths.tolist() == [len(values[row]) for row in rows]


def test_a_given_width_widens_or_cuts() -> None:
    rectangle, lengths = ragged([[1, 2, 3], [4]]).padded([1, 0], width=2)
    assert rectangle.tolist() == [[4, 0], [1, 2]]
    assert lengths.tolist() == [1, 2]
    assert ragged([[1], [2]]).padded([0], width=3)[0].tolist() == [[1, 0, 0]]


def test_a_sequence_is_a_view_and_not_a_copy() -> None:
    joined = ragged([[1, 2], [3]])
    assert np.shares_memory(joined[0], joined.codes)


def test_offsets_that_do_not_fit_the_codes_are_refused() -> None:
    with pytest.raises(ValueError, match="offsets"):
        Ragged(np.zeros(3, np.uint8), np.array([0, 2]))
    with pytest.raises(IndexError):
        ragged([[1]])[1]
