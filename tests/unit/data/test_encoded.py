from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from bioseq_lstm.data.encoded import Encoded, inputs_of
from bioseq_lstm.data.ragged import Ragged


def ragged(*texts: bytes) -> Ragged:
    return Ragged.from_list([np.frombuffer(text, np.uint8) for text in texts])


@pytest.fixture
def data() -> Encoded:
    return Encoded(
        {"drug": ragged(b"CCO", b"N"), "target": ragged(b"MKV", b"", b"AC")},
        {
            "pairs": np.array([[0, 2], [1, 0]], np.int32).T.copy().T,  # not contiguous
            "values": np.array([np.nan, 7.25], np.float32),
        },
        {"conditions": ["glucose, 37 °C", "NA"], "n": 2},
    )


def test_what_is_written_comes_back(tmp_path: Path, data: Encoded) -> None:
    data.save(tmp_path / "e.safetensors")
    found = Encoded.load(tmp_path / "e.safetensors")
    assert found.about == data.about
    assert list(found.sequences) == ["drug", "target"]
    for name, sequences in data.sequences.items():
        assert [bytes(row) for row in found.sequences[name]] == [bytes(row) for row in sequences]
        assert found.sequences[name].codes.dtype == np.uint8
    assert found.arrays.keys() == data.arrays.keys()
    for name, array in data.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, strict=True)


def test_data_without_arrays_and_facts_come_back_too(tmp_path: Path) -> None:
    Encoded({"chain": ragged(b"MKV")}).save(tmp_path / "e.safetensors")
    found = Encoded.load(tmp_path / "e.safetensors")
    assert (found.arrays, found.about) == ({}, {})
    assert len(found.sequences["chain"]) == 1


def test_the_same_data_are_the_same_bytes(tmp_path: Path, data: Encoded) -> None:
    """A training goes on by the checksum of this file, and `verify` compares it."""
    written = set()
    for number in range(20):
        data.save(tmp_path / f"{number}", {"profile.json": "ab", "records.parquet": "cd"})
        written.add((tmp_path / f"{number}").read_bytes())
    assert len(written) == 1
    assert inputs_of(tmp_path / "0") == {"profile.json": "ab", "records.parquet": "cd"}


def test_there_is_no_padding_on_disk(tmp_path: Path) -> None:
    Encoded({"chain": ragged(b"M" * 1000, b"K")}).save(tmp_path / "e.safetensors")
    with safe_open(tmp_path / "e.safetensors", framework="numpy") as stored:
        assert stored.get_tensor("sequence/chain/codes").shape == (1001,)
        assert stored.get_tensor("sequence/chain/offsets").tolist() == [0, 1000, 1001]


def test_other_targets_leave_the_original_as_it_was(data: Encoded) -> None:
    before = data.arrays["values"].copy()
    changed = data.with_arrays(values=np.zeros(2)).with_sequences(drug=ragged(b"F"))
    assert changed.arrays["values"].tolist() == [0, 0]
    assert len(changed.sequences["drug"]) == 1
    assert changed.arrays["pairs"] is data.arrays["pairs"]
    assert changed.about == data.about
    np.testing.assert_array_equal(data.arrays["values"], before)
    assert len(data.sequences["drug"]) == 2
