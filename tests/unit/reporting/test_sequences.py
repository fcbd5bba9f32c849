"""Sequence tracks."""

import pytest

from bioseq_lstm.reporting import sequences
from bioseq_lstm.reporting.panels import SequenceTrack, Tracks


def test_confidence_is_carried_in_two_digits() -> None:
    assert sequences.percents([0.0, 0.876, 1.0, float("nan")]) == "008899  "


def test_a_track_of_another_length_than_its_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="predicted has 2 entries for 3 residues"):
        SequenceTrack("a", "ACD", "HH")
    with pytest.raises(ValueError, match="confidence has 1 entries"):
        SequenceTrack("a", "ACD", "HHH", [0.5])


def test_tracks_beyond_the_limit_are_counted_and_the_first_is_always_kept() -> None:
    long = SequenceTrack("long", "A" * 400_000, "C" * 400_000)
    short = SequenceTrack("short", "A", "C")
    view = sequences.view(Tracks("t", [long, short, short]))
    assert ([track.id for track in view.tracks], view.total) == (["long"], 3)
    assert sequences.view(Tracks("t", [short], total=9)).total == 9
