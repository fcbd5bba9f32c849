"""The registry of encoders: what stands in a configuration as ``encoder: {name: ...}``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import Tensor

from bioseq_lstm.errors import UserError, nearest
from bioseq_lstm.nn.convlstm import ConvLstm
from bioseq_lstm.nn.lstm import Lstm
from bioseq_lstm.nn.settings import build


class Encoder(Protocol):
    """States along a sequence, each row's independent of its padding and of its batch.

    ``(x: (batch, length, features), lengths: (batch,)) -> (batch, length, output_size)``, exactly
    0 on padding.
    """

    output_size: int

    def __call__(self, x: Tensor, lengths: Tensor) -> Tensor: ...


ENCODERS: dict[str, Callable[..., Encoder]] = {"lstm": Lstm, "convlstm": ConvLstm}


def build_encoder(name: str, input_size: int, options: Mapping[str, Any]) -> Encoder:
    """The encoder of that name; ``options`` are its own, such as ``hidden_size``.

    Raises ``UserError`` for a name or an option that does not exist, and for impossible values.
    """
    if name not in ENCODERS:
        raise UserError(
            f"encoder: no encoder {name!r}{nearest(name, ENCODERS)}; "
            f"there are {', '.join(ENCODERS)}"
        )
    return build(ENCODERS[name], f"encoder {name}", options, input_size=input_size)
