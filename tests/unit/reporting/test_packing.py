"""Packed tables, read back by the rule that the page's script has."""

from __future__ import annotations

from typing import Any

from bioseq_lstm.reporting.packing import packed


def unpacked(table: dict[str, Any]) -> list[dict[str, Any]]:
    def at(column: Any, place: int) -> Any:
        if isinstance(column, list):
            return column[place]
        return column["values"][column["places"][place]]

    return [
        {name: at(column, place) for name, column in table["columns"].items()}
        for place in range(table["length"])
    ]


def test_what_is_packed_is_what_is_unpacked() -> None:
    rows = [
        {"name": "ab"[place % 2], "value": place / 7, "some": None if place % 3 else 1.0}
        for place in range(40)
    ]
    table = packed(rows)
    assert unpacked(table) == rows
    assert table["columns"]["name"]["values"] == ["a", "b"]
    assert isinstance(table["columns"]["value"], list)


def test_values_that_are_equal_but_not_the_same_are_kept_apart() -> None:
    rows = [{"x": value} for value in [1, 1.0, True, 0, False] * 8]
    assert [str(row["x"]) for row in unpacked(packed(rows))] == [str(row["x"]) for row in rows]


def test_a_table_without_rows_stays_empty() -> None:
    assert unpacked(packed([])) == []
