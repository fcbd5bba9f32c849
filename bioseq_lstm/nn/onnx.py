"""From a network to an ONNX model whose axes keep their freedom."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from onnx import ModelProto

Axes = tuple[str | int, ...]


def to_onnx(
    network: nn.Module,
    example: Mapping[str, Tensor],
    inputs: Mapping[str, Axes],
    output: str,
    metadata: Mapping[str, str],
) -> ModelProto:
    """The network as an ONNX model, checked for form.

    ``inputs`` names the inputs in the order of ``network.forward``, and the axes of each: one
    that is a name may have any size, the same wherever the name stands; ``example`` must give
    each such axis a size of its own, from 2 on. Nothing of this machine goes into the file.
    """
    import onnx
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass, RemoveUnusedNodesPass

    sizes = {
        axis: size
        for name, axes in inputs.items()
        for axis, size in zip(axes, example[name].shape, strict=True)
        if isinstance(axis, str)
    }
    dims = {axis: torch.export.Dim(axis, min=size // 2) for axis, size in sizes.items()}
    free = {
        name: {place: dims[axis] for place, axis in enumerate(axes) if isinstance(axis, str)}
        for name, axes in inputs.items()
    }
    with _quiet(), torch.no_grad():
        exported = torch.export.export(
            network, (dict(example),), dynamic_shapes=(free,), strict=False
        )
        program = torch.onnx.export(
            exported,
            dynamo=True,
            input_names=list(example),
            output_names=[output],
            verbose=False,
        )
    assert program is not None
    _name_axes(program, [inputs[name] for name in example])
    for clean in (ClearMetadataAndDocStringPass(), RemoveUnusedNodesPass()):
        clean(program.model)
    model: ModelProto = program.model_proto
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model


def _name_axes(program: torch.onnx.ONNXProgram, inputs: Sequence[Axes]) -> None:
    """Give the free axes their names, also in the output."""
    for value, axes in zip(program.model.graph.inputs, inputs, strict=True):
        for size, axis in zip(value.shape or (), axes, strict=True):
            if isinstance(axis, str):
                program.rename_axes({str(size): axis})


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's remarks on its own parts and on libraries that are not installed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
