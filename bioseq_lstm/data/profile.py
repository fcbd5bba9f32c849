"""What was read, in figures for the report: nothing here changes the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bioseq_lstm.data.alphabets import SMILES
from bioseq_lstm.data.records import Reading, Refusal, reason_kind

_BINS = 30
_EXAMPLES = 5
_QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


def profile(reading: Reading) -> dict[str, Any]:
    """A JSON-ready description of a dataset.

    ``entities``: per kind of sequence its number, lengths, letters and identical sequences.
    ``measurements``: their number, the distribution of labels or values, missing ones, the parts
    that the files assign, and identical sequences that were measured differently. ``notes``
    and ``refusals``: what was done to records and what was refused, by kind, with an example.
    """
    return {
        "entities": [
            _entity(str(name), records)
            for name, records in reading.records.groupby("entity", sort=False)
        ],
        "measurements": _measurements(reading),
        "notes": [{"note": note, "count": count} for note, count in reading.notes.items()],
        "refused": len(reading.refusals),
        "refusals": _refusals(reading.refusals),
    }


def _entity(name: str, records: pd.DataFrame) -> dict[str, Any]:
    sequences = records["sequence"]
    # A SMILES counts in atoms, bonds and brackets; Cl is one letter, not C and l.
    letters = [SMILES.tokens(text) for text in sequences] if name == "drug" else list(sequences)
    lengths = np.array([len(text) for text in letters])
    counts = Counter[str]()
    for text in letters:
        counts.update(text)
    groups = records.groupby("sequence", sort=False)["id"].agg(list)
    groups = groups[groups.map(len) > 1]
    return {
        "entity": name,
        "records": len(records),
        "letters_total": int(lengths.sum()),
        "length": {**_summary(lengths), "histogram": _length_histogram(lengths)},
        "letters": _counted(counts, "letter"),
        "identical": {
            "groups": len(groups),
            "records": int(groups.map(len).sum()),
            "examples": [ids[:_EXAMPLES] for ids in groups[:_EXAMPLES]],
        },
    }


def _measurements(reading: Reading) -> dict[str, Any]:
    """Targets are the columns that neither name records nor assign a part."""
    measurements = reading.measurements
    keys = [name for name in pd.unique(reading.records["entity"]) if name in measurements]
    keys = keys or [name for name in ("id",) if name in measurements]
    targets = measurements.drop(columns=[*keys, "set", *reading.annotations], errors="ignore")
    found: dict[str, Any] = {"samples": len(measurements), "columns": list(targets.columns)}
    if "set" in measurements and measurements["set"].notna().any():
        parts = measurements["set"].fillna("(none)").astype(str)
        found["sets"] = _counted(Counter(parts), "set")
    if not len(measurements):
        return found
    if "labels" in targets:
        counts = Counter[str]()
        for labels in targets["labels"]:
            counts.update(labels)
        found["labels"] = _counted(counts, "letter")
    numeric = targets.select_dtypes("number")
    if not numeric.empty:
        found["values"] = _values(numeric)
    found["identical"] = _conflicts(reading.records, measurements[keys], targets)
    return found


def _values(numeric: pd.DataFrame) -> dict[str, Any]:
    values = numeric.to_numpy(float)
    known = values[~np.isnan(values)]
    counts, edges = np.histogram(known, bins=_BINS)
    incomplete = numeric.columns[numeric.isna().any()]
    return {
        **_summary(known),
        "histogram": [
            {"from": float(low), "to": float(high), "count": int(count)}
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        ],
        "missing": int(values.size - known.size),
        "missing_share": float(1 - known.size / values.size),
        "columns_with_missing": [str(name) for name in incomplete],
    }


def _conflicts(records: pd.DataFrame, keys: pd.DataFrame, targets: pd.DataFrame) -> dict[str, Any]:
    """Samples whose sequences are identical, and those of them that were measured differently."""
    content = pd.DataFrame(index=keys.index)
    for name in keys:
        known = records if name == "id" else records[records["entity"] == name]
        content[name] = keys[name].map(dict(zip(known["id"], known["sequence"], strict=True)))
    repeated = content.duplicated(keep=False).to_numpy()
    groups = different = 0
    examples: list[list[str]] = []
    for _, rows in content[repeated].groupby(list(content), sort=False):
        groups += 1
        if len(targets.loc[rows.index].drop_duplicates()) > 1:
            different += 1
            shown = keys.loc[rows.index[:_EXAMPLES]].astype(str)
            examples.append([" ".join(row) for row in shown.itertuples(index=False)])
    return {
        "groups": groups,
        "samples": int(repeated.sum()),
        "groups_measured_differently": different,
        "examples": examples[:_EXAMPLES],
    }


def _summary(values: np.ndarray) -> dict[str, float | None]:
    """Quantiles and mean; None where there is no value."""
    if not values.size:
        return dict.fromkeys([*_QUANTILES, "max", "mean"])
    quantiles = np.quantile(values, [*_QUANTILES.values(), 1.0])
    named = zip([*_QUANTILES, "max"], map(float, quantiles), strict=True)
    return {**dict(named), "mean": float(values.mean())}


def _length_histogram(lengths: np.ndarray) -> list[dict[str, int]]:
    """At most 30 bins of whole letters; ``to`` is the first length past the bin."""
    if not lengths.size:
        return []
    low, high = int(lengths.min()), int(lengths.max())
    width = -(-(high - low + 1) // _BINS)
    counts = np.bincount((lengths - low) // width)
    return [
        {"from": low + width * number, "to": low + width * (number + 1), "count": int(count)}
        for number, count in enumerate(counts)
    ]


def _counted(counts: Mapping[str, int], what: str) -> list[dict[str, Any]]:
    """Commonest first, with the share of all."""
    total = sum(counts.values())
    return [
        {what: name, "count": int(count), "share": count / total}
        for name, count in Counter(counts).most_common()
    ]


def _refusals(refusals: Iterable[Refusal]) -> list[dict[str, Any]]:
    """Refusals of one kind together, with the first of them as example."""
    kinds: dict[str, list[Refusal]] = {}
    for refusal in refusals:
        kinds.setdefault(reason_kind(refusal.reason), []).append(refusal)
    return [
        {
            "count": len(alike),
            "reason": alike[0].reason,
            "file": alike[0].file,
            "line": alike[0].line,
            "record": alike[0].record,
        }
        for alike in sorted(kinds.values(), key=len, reverse=True)
    ]
