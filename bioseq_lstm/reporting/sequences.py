"""Sequence tracks as the page needs them: strings, one or two characters per residue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bioseq_lstm.reporting.panels import SequenceTrack, Tracks

MOST_RESIDUES = 300_000  # carried in one list of tracks (about 2 MB); the rest is counted in words


@dataclass(frozen=True)
class TracksView:
    """The tracks that the page carries, of ``total``."""

    tracks: list[SequenceTrack]
    total: int

    def payload(self) -> list[dict[str, Any]]:
        return [
            {
                "id": track.id,
                "sequence": track.sequence,
                "predicted": track.predicted,
                "observed": track.observed,
                "confidence": None if track.confidence is None else percents(track.confidence),
                "note": track.note,
                "three": track.three,
            }
            for track in self.tracks
        ]


def view(panel: Tracks) -> TracksView:
    """As many tracks as may be inlined, the first always among them."""
    kept: list[SequenceTrack] = []
    residues = 0
    for track in panel.tracks:
        residues += len(track.sequence)
        if kept and residues > MOST_RESIDUES:
            break
        kept.append(track)
    return TracksView(kept, max(panel.total, len(panel.tracks)))


def percents(confidence: Sequence[float]) -> str:
    """Two digits per residue, 00 to 99 per cent; two blanks where there is no value."""
    return "".join(
        "  " if math.isnan(value) else f"{min(99, max(0, round(100 * value))):02d}"
        for value in map(float, confidence)
    )
