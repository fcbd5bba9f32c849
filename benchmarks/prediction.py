"""Prediction by a bidirectional LSTM: torch, our encoder, and ONNX Runtime in two precisions."""

from __future__ import annotations

import importlib.util
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from cases import REFERENCE, WARM_LENGTH, Shape
from measuring import Job, in_turns
from speeds import Bench
from tables import Row
from torch import Tensor, nn

from bioseq_lstm.nn.encoders import build_encoder

if TYPE_CHECKING:
    from onnx import ModelProto

Predict = Callable[[Tensor], Tensor]


def of_prediction(bench: Bench, shapes: Sequence[Shape], rounds: int) -> list[Row]:
    """Against ``torch.nn.LSTM`` with the same weights, one and many sequences at once."""
    rows = []
    for shape in shapes:
        torch.manual_seed(0)
        lstm = nn.LSTM(shape.hidden, shape.hidden, batch_first=True, bidirectional=True)
        ways = {"torch": _torch(lstm), "encoder": _ours(lstm), **_onnx(lstm, bench.clock.threads)}
        rows += _timed(bench, shape, ways, rounds)
        if len(ways) == 2:
            missing = "onnx and onnxruntime are not installed"
            rows += [replace(_row(shape, name), note=missing) for name in _ENGINES[2:]]
    return rows


_ENGINES = ("torch", "encoder", "onnxruntime float32", "onnxruntime int8")


def _timed(bench: Bench, shape: Shape, ways: dict[str, Predict], rounds: int) -> list[Row]:
    x = shape.input(torch.device("cpu")).detach()
    jobs = {
        name: Job(
            run=partial(way, x),
            tokens=shape.tokens,
            warm=partial(way, x[:, :WARM_LENGTH]),
        )
        for name, way in ways.items()
    }
    speeds = in_turns(jobs, dict.fromkeys(jobs, "torch"), rounds, bench.clock)
    expected = ways["torch"](x)
    return [
        replace(
            _row(shape, name),
            tokens_per_second=speeds[name].tokens_per_second,
            relative=speeds[name].relative,
            largest_error=float((way(x) - expected).abs().max()),
        )
        for name, way in ways.items()
    ]


def _row(shape: Shape, name: str) -> Row:
    return Row(
        part="prediction",
        encoder=REFERENCE if name == "torch" else "lstm",
        engine=name,
        mode="predict",
        hidden=shape.hidden,
        batch=shape.batch,
        length=shape.length,
        precision="int8" if name.endswith("int8") else "float32",
    )


def _torch(lstm: nn.LSTM) -> Predict:
    return lambda x: _without_gradient(lambda: lstm(x)[0])


def _ours(lstm: nn.LSTM) -> Predict:
    encoder = build_encoder("lstm", lstm.input_size, {"hidden_size": lstm.hidden_size})
    assert isinstance(encoder, nn.Module)
    with torch.no_grad():
        # Per direction two matrices and two biases, forward first, in both.
        for own, given in zip(encoder.parameters(), lstm.parameters(), strict=True):
            own.copy_(given)
    return lambda x: _without_gradient(lambda: encoder(x, torch.full((len(x),), x.shape[1])))


def _without_gradient(run: Callable[[], Tensor]) -> Tensor:
    with torch.no_grad():
        return run()


def _onnx(lstm: nn.LSTM, threads: int) -> dict[str, Predict]:
    """ONNX Runtime over one LSTM node, as it is and with weights as integers; none if not there."""
    if not all(importlib.util.find_spec(package) for package in ("onnx", "onnxruntime")):
        return {}
    import onnx
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory() as folder, _quiet():
        full, small = Path(folder) / "full.onnx", Path(folder) / "small.onnx"
        onnx.save(_model(lstm), full)
        # 7 bits for weights: with 8, sums overflow on processors without VNNI (error .24, not .01).
        quantization.quantize_dynamic(full, small, reduce_range=True)
        models = (full.read_bytes(), small.read_bytes())
    names = _ENGINES[2:]
    return {name: _session(model, threads) for name, model in zip(names, models, strict=True)}


def _session(model: bytes, threads: int) -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(x: Tensor) -> Tensor:
        steps_first = np.ascontiguousarray(x.numpy().swapaxes(0, 1))
        (states,) = session.run(["states"], {"x": steps_first})  # (length, 2, batch, hidden)
        return torch.from_numpy(states).permute(2, 0, 1, 3).flatten(2)

    return run


def _model(lstm: nn.LSTM) -> ModelProto:
    """The same LSTM as one ONNX node, both directions, any batch and length."""
    from onnx import TensorProto, helper, numpy_helper

    hidden, inputs = lstm.hidden_size, lstm.input_size
    kinds = [np.stack([_gates(lstm, kind, end) for end in ("", "_reverse")]) for kind in _KINDS]
    weight, recurrence, bias_input, bias_hidden = kinds
    arrays = {"W": weight, "R": recurrence, "B": np.concatenate([bias_input, bias_hidden], axis=1)}
    node = helper.make_node(
        "LSTM", ["x", *arrays], ["states"], hidden_size=hidden, direction="bidirectional"
    )
    axes: tuple[list[str | int], ...] = (
        ["length", "batch", inputs],
        ["length", 2, "batch", hidden],
    )
    x, states = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(("x", "states"), axes, strict=True)
    )
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph([node], "lstm", [x], [states], weights)
    # An old version of both, so that any runtime of the last years reads it.
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


_KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def _gates(lstm: nn.LSTM, kind: str, direction: str) -> np.ndarray:
    """From torch's order of gates (input, forget, candidate, output) to that of ONNX."""
    rows = getattr(lstm, f"{kind}_l0{direction}").detach().numpy()
    enter, forget, candidate, leave = np.split(rows, 4)
    return np.concatenate([enter, leave, forget, candidate])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that quantisation gives on larger graphs."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
