"""ONNX's LSTM operator as a reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from onnxruntime import InferenceSession
from torch import Tensor


def _onnx_lstm(
    x: Tensor, lengths: Tensor, arrays: Mapping[str, Tensor], **attributes: Any
) -> Tensor:
    names = ["X", "W", "R", "B", "lengths", "", "", "P" if "P" in arrays else ""]
    hidden_size = arrays["R"].shape[2]
    node = helper.make_node("LSTM", names, ["Y"], hidden_size=hidden_size, **attributes)
    feeds = {name: array.detach().float().numpy() for name, array in arrays.items()}
    feeds["X"] = x.detach().transpose(0, 1).float().numpy()
    feeds["lengths"] = lengths.numpy().astype(np.int32)
    kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int32): TensorProto.INT32}
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info(n, kinds[a.dtype], a.shape) for n, a in feeds.items()],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)],
    )
    # Numbers of the format that every recent onnxruntime reads.
    opset = helper.make_opsetid("", 20)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (states,) = session.run(None, feeds)
    return torch.from_numpy(states).permute(2, 0, 1, 3).flatten(2)


@pytest.fixture
def onnx_lstm() -> Callable[..., Tensor]:
    """``onnx_lstm(x, lengths, {"W": ..., "R": ..., "B": ..., "P": ...}, direction=...)``.

    onnxruntime's states ``(batch, length, directions x hidden)``; arrays have directions along
    dim 0 and gates in the order i, o, f, c (P: i, o, f).
    """
    return _onnx_lstm
