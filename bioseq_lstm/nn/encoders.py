"""The registry of encoders: what stands in a configuration as ``encoder: {name: ...}``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from torch import Tensor, nn

from bioseq_lstm.errors import UserError, nearest
from bioseq_lstm.nn.cells.dynamic import DynamicCell
from bioseq_lstm.nn.cells.exponential import ExponentialCell
from bioseq_lstm.nn.cells.fuzzy import FuzzyCell
from bioseq_lstm.nn.cells.gated import CoupledCell, PeepholeCell
from bioseq_lstm.nn.cells.hierarchical import HierarchicalCell
from bioseq_lstm.nn.cells.layer_norm import LayerNormCell
from bioseq_lstm.nn.cells.lstm import LstmCell
from bioseq_lstm.nn.cells.matrix import MatrixCell
from bioseq_lstm.nn.cells.multiplicative import MultiplicativeCell
from bioseq_lstm.nn.cells.skip import SkipCell
from bioseq_lstm.nn.convlstm import ConvLstm
from bioseq_lstm.nn.settings import build, check, parameters_of
from bioseq_lstm.nn.stacking import RecurrentEncoder


class Encoder(Protocol):
    """States along a sequence, each row's independent of its padding and of its batch.

    ``(x: (batch, length, features), lengths: (batch,)) -> (batch, length, output_size)``, exactly
    0 on padding.
    """

    output_size: int

    def __call__(self, x: Tensor, lengths: Tensor) -> Tensor: ...


# One layer in one direction each: ``(input_size, hidden_size, its own options)``.
CELLS: dict[str, Callable[..., nn.Module]] = {
    "lstm": LstmCell,
    "peephole": PeepholeCell,
    "coupled": CoupledCell,
    "layer_norm": LayerNormCell,
    "exponential": ExponentialCell,
    "skip": SkipCell,
    "fuzzy": FuzzyCell,
    "multiplicative": MultiplicativeCell,
    "dynamic": DynamicCell,
    "hierarchical": HierarchicalCell,
    "matrix": MatrixCell,
}
ENCODERS = (*CELLS, "convlstm")


def build_encoder(
    name: str, input_size: int, options: Mapping[str, Any], landmark: int | None = None
) -> Encoder:
    """The encoder of that name; ``options`` are its own, such as ``hidden_size``.

    ``landmark`` is the step at which every row has the same mark, for encoders that use it.
    Raises ``UserError`` for a name or an option that does not exist, and for impossible values.
    """
    if name not in ENCODERS:
        raise UserError(
            f"encoder: no encoder {name!r}{nearest(name, ENCODERS)}; "
            f"there are {', '.join(ENCODERS)}"
        )
    where = f"encoder {name}"
    if name == "convlstm":
        return build(ConvLstm, where, options, input_size=input_size, landmark=landmark)
    cell = CELLS[name]
    own = parameters_of(cell)
    stack = parameters_of(RecurrentEncoder, given=("direction", "input_size", "hidden_size"))
    known = {**own, **stack}
    del known["input_size"]
    check(known, where, options)
    layers = {key: value for key, value in options.items() if key in stack}
    of_cell = {key: value for key, value in options.items() if key in own}
    direction = partial(cell, **of_cell)
    return RecurrentEncoder(direction, input_size, options["hidden_size"], **layers)
