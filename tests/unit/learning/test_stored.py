from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bioseq_lstm.errors import UserError
from bioseq_lstm.learning.stored import SCALE, compact, opened

MATRIX = torch.tensor([[1.0, -2.0, 0.5], [1e-3, 0.0, 1e-3]])


def header(path: Path, content: object, data: bytes = b"") -> Path:
    """A file with a header of our own making."""
    text = json.dumps(content).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_int8_is_off_by_at_most_half_a_step_of_its_row(tmp_path: Path) -> None:
    tensors = {"w": MATRIX, "bias": torch.tensor([0.1, 0.2])}
    save_file(compact(tensors, "int8"), tmp_path / "m.safetensors")
    with opened(tmp_path / "m.safetensors") as stored:
        assert stored.shapes == {"w": (2, 3), "bias": (2,)}
        error = (stored.read("w") - MATRIX).abs()
        assert torch.equal(stored.read("bias"), tensors["bias"])  # what is no matrix stays whole
    half_step = MATRIX.abs().amax(dim=1, keepdim=True) / 127 / 2
    assert bool((error <= half_step * 1.001).all())
    assert bool((error > 0).any())


def test_float16_is_read_as_float32(tmp_path: Path) -> None:
    save_file(compact({"w": MATRIX}, "float16"), tmp_path / "m.safetensors")
    with opened(tmp_path / "m.safetensors") as stored:
        found = stored.read("w")
    assert found.dtype == torch.float32
    assert torch.equal(found, MATRIX.half().float())


def test_several_networks_lie_in_one_file(tmp_path: Path) -> None:
    tensors = {"0/w": torch.zeros(2), "1/w": torch.ones(2), "1/v": torch.ones(1)}
    save_file(tensors, tmp_path / "m.safetensors")
    with opened(tmp_path / "m.safetensors", "1/") as stored:
        assert set(stored.shapes) == {"w", "v"}
        assert stored.read("w").tolist() == [1, 1]


HUGE = {"w": {"dtype": "F32", "shape": [1 << 40, 1 << 20], "data_offsets": [0, 1 << 62]}}
LONGER = {"w": {"dtype": "F32", "shape": [100], "data_offsets": [0, 400]}}
STRANGE = {"w": {"dtype": "X99", "shape": [1], "data_offsets": [0, 4]}}


@pytest.mark.parametrize("content", [HUGE, LONGER, STRANGE, [], "text"])
def test_a_header_that_lies_is_refused_in_one_line(content: object, tmp_path: Path) -> None:
    path = header(tmp_path / "m.safetensors", content, b"\0" * 8)
    with (
        pytest.raises(UserError, match=r"m\.safetensors: is no safetensors file") as told,
        opened(path),
    ):
        pass
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xff" * 100, b"\x80\x04pickle" * 9])
def test_another_format_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(content)
    with (
        pytest.raises(UserError, match="is no safetensors file"),
        opened(tmp_path / "m.safetensors"),
    ):
        pass


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"nowhere\.safetensors: there is no such file"),
        opened(tmp_path / "nowhere.safetensors"),
    ):
        pass


def test_a_scale_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    tensors = {"w": torch.ones(2, 3, dtype=torch.int8), "w" + SCALE: torch.ones(3)}
    save_file(tensors, tmp_path / "m.safetensors")
    with (
        opened(tmp_path / "m.safetensors") as stored,
        pytest.raises(UserError, match="the scale of 'w' does not fit it"),
    ):
        stored.read("w")
