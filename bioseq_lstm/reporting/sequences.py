"""Sequence tracks as the page needs them: strings, one or two characters per residue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bioseq_lstm.reporting.panels import SequenceTrack

MOST_RESIDUES = 300_000  # carried in one group of tracks (about 2 MB); the rest is counted in words


@dataclass(frozen=True)
class TracksView:
    """Neighbouring tracks of a section, shown as one list that can be searched."""

    tracks: list[SequenceTrack]
    left_out: int

    def payload(self) -> list[dict[str, Any]]:
        return [
            {
                "id": track.id,
                "sequence": track.sequence,
                "predicted": track.predicted,
                "observed": track.observed,
                "confidence": None if track.confidence is None else percents(track.confidence),
                "note": track.note,
            }
            for track in self.tracks
        ]


def view(tracks: Sequence[SequenceTrack]) -> TracksView:
    """As many tracks as may be inlined, the first always among them."""
    kept: list[SequenceTrack] = []
    residues = 0
    for track in tracks:
        residues += len(track.sequence)
        if kept and residues > MOST_RESIDUES:
            break
        kept.append(track)
    return TracksView(kept, len(tracks) - len(kept))


def percents(confidence: Sequence[float]) -> str:
    """Two digits per residue, 00 to 99 per cent; two blanks where there is no value."""
    return "".join(
        "  " if math.isnan(value) else f"{min(99, max(0, round(100 * value))):02d}"
        for value in map(float, confidence)
    )
