"""Tables for the page's script, column by column: half as long as row by row.

A column of few different values is carried as those values and the place of each row's among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SELDOM_NEW = 0.25  # share of different values up to which a column is carried by places


def packed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Rows of the same keys as columns; templates/base.js has the way back."""
    names = list(rows[0]) if rows else []
    return {
        "length": len(rows),
        "columns": {name: _column([row.get(name) for row in rows]) for name in names},
    }


def _column(values: list[Any]) -> list[Any] | dict[str, list[Any]]:
    # 1, 1.0 and True are equal, but not the same in JSON.
    keys = [(type(value), value) for value in values]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    if len(places) > SELDOM_NEW * len(values):
        return values
    return {"values": [value for _, value in places], "places": [places[key] for key in keys]}
