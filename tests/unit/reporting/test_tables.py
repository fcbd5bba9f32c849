"""How a table's cells are carried and shown."""

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.reporting import tables
from bioseq_lstm.reporting.panels import Table


@pytest.mark.parametrize(
    ("cell", "form", "text"),
    [
        (1234567, ",d", "1,234,567"),
        (1234567, "d", "1234567"),
        (-1234.5, ",.1f", "-1,234.5"),
        (0.125, ".2f", "0.13"),  # halves go away from zero, as in the page's script
        (-0.125, ".2f", "-0.13"),
        (0.2475, ".1%", "24.8%"),
        (0.000012345, ".3e", "1.234e-5"),
        (0.00001, ".4g", "1.000e-5"),
        (123456.0, ".4g", "123500"),
        (0.5, ".4g", "0.5"),
        (0.0, ".4g", "0"),
        (None, ".4g", "–"),
        ("Infinity", ".4g", "Infinity"),
    ],
)
def test_a_number_is_shown_in_its_form(cell: tables.Cell, form: str, text: str) -> None:
    assert tables.shown_text(cell, form) == text


def test_missing_values_are_empty_in_every_kind_of_column() -> None:
    frame = pd.DataFrame(
        {
            "number": [1.5, np.nan],
            "text": ["a", None],
            "whole": pd.array([1, None], dtype="Int64"),
            "flag": pd.array([True, None], dtype="boolean"),
        }
    )
    assert tables.view(Table("t", frame)).rows == [[1.5, "a", 1, "yes"], [None, None, None, None]]


def test_infinity_does_not_break_the_json() -> None:
    view = tables.view(Table("t", pd.DataFrame({"x": [np.inf, -np.inf]})))
    assert view.rows == [["Infinity"], ["-Infinity"]]


def test_ids_that_look_like_numbers_stay_text() -> None:
    view = tables.view(Table("t", pd.DataFrame({"id": ["007", "NA"]})))
    assert view.shown == [["007"], ["NA"]]
    assert not view.columns[0].numeric


def test_two_columns_of_one_name_are_both_shown() -> None:
    frame = pd.DataFrame([["a", 1]], columns=["x", "x"])
    assert tables.view(Table("t", frame)).shown == [["a", "1"]]


def test_up_to_50_rows_stand_in_the_html_and_of_more_only_the_first_page() -> None:
    whole = tables.view(Table("t", pd.DataFrame({"x": range(50)})))
    long = tables.view(Table("t", pd.DataFrame({"x": range(51)})))
    assert (len(whole.shown), whole.paged) == (50, False)
    assert (len(long.shown), long.paged, len(long.rows)) == (25, True, 51)


def test_a_huge_table_is_cut_and_its_true_length_is_kept() -> None:
    view = tables.view(Table("t", pd.DataFrame({"x": range(100_000)})))
    assert (len(view.rows), view.total) == (10_000, 100_000)


def test_single_precision_is_not_blown_up_to_seventeen_digits() -> None:
    view = tables.view(Table("t", pd.DataFrame({"x": np.array([0.1], dtype=np.float32)})))
    assert view.rows == [[0.1]]


def test_an_unknown_form_and_a_form_for_no_column_are_refused() -> None:
    frame = pd.DataFrame({"x": [1.0]})
    with pytest.raises(ValueError, match=r"'\.3x' is not one of"):
        tables.view(Table("t", frame, formats={"x": ".3x"}))
    with pytest.raises(ValueError, match="lacks"):
        tables.view(Table("t", frame, formats={"y": ".3f"}))


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([11.9, 9.987, 13.0], ["11.90", "9.99", "13.00"]),
        ([0.53, 0.289], ["0.530", "0.289"]),
        ([12345.6, 1.5], ["12346", "2"]),
        ([0.5, 0.00001], ["0.5", "1.000e-5"]),
        ([40.0, 1300.0], ["40", "1,300"]),
        ([float("nan"), 2.5], ["–", "2.500"]),
    ],
)
def test_points_stand_below_each_other_unless_something_would_show_as_nothing(
    values: list[float], shown: list[str]
) -> None:
    view = tables.view(Table("t", pd.DataFrame({"x": values})))
    assert [row[0] for row in view.shown] == shown


def test_something_has_room_beside_a_table_of_few_short_columns() -> None:
    frame = pd.DataFrame({"letter": ["A"], "count": [3], "share": [0.5]})
    assert tables.view(Table("t", frame)).narrow
    assert not tables.view(Table("t", frame.assign(more=1))).narrow
    assert not tables.view(Table("t", frame.assign(letter="a sentence of many words"))).narrow
