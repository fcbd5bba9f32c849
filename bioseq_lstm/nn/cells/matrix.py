"""The LSTM whose memory is a matrix of keys and values, computed in chunks of steps."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear, logsigmoid, pad

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.cells.chunk_attention import ChunkAttention, ChunkInCpp
from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import Cell, State


class MatrixCell(Cell):
    """mLSTM (Beck et al. 2024, equations 19 to 27): a matrix memory per head.

    Query ``q``, key ``k`` and value ``v`` of each head, and the gates, are linear in the input
    alone. With input gate ``i`` = exp, forget gate ``f`` and output gate ``o`` = sigmoid,

    ``C = f C' + i v k^T``, ``n = f n' + i k``, ``h = o * norm(C q / max(|n q|, 1))``

    (primes: a step before). All is kept divided by exp(``m``), ``m`` being the largest logarithm
    of a weight that a value has in the memory, so that no exponential overflows. Since no state
    enters a gate, the states of all steps are one causal attention whose weights the gates give
    (the parallel form); a chunk of steps costs the least at once (chunkwise form), with the
    memory carried from one to the next. The three forms are equal; ``chunk`` changes speed alone.

    The cell is that of the package ``xlstm``: keys are scaled by the root of a head's size with
    their bias, denominators are larger by 1e-6, and what a head reads, which is of any size, is
    normalised over its features, but for a learned scale, which the next layer's weights are.
    Around it here is the paper alone: the gates see the input, not q, k and v, and the output
    gate is a sigmoid; ``xlstm`` has a convolution, a wider inner layer and a skip besides.

    Initialised as in ``xlstm``: small normal q, k, v and output gate (Nguyen & Salazar 2019);
    exponential gates blind at first, forget biases from 3 to 6, one for each head, so that heads
    keep their memory over 20 to 400 steps, input biases around 0. There is no recurrent weight
    that could be orthogonal.

    Raises ``UserError`` if ``hidden_size`` is no multiple of ``heads``, or not at least twice.
    """

    def __init__(self, input_size: int, hidden_size: int, heads: int = 4, chunk: int = 64) -> None:
        if hidden_size % heads:
            raise UserError(
                f"encoder matrix: hidden_size {hidden_size} must be a multiple of heads, {heads}"
            )
        if hidden_size == heads:
            raise UserError(
                f"encoder matrix: a head needs 2 features or more, so hidden_size {hidden_size} "
                f"allows at most {hidden_size // 2} heads, not {heads}"
            )
        size = hidden_size // heads
        super().__init__(hidden_size, states=(hidden_size, heads * size * (size + 1), heads))
        self.heads, self.size, self.chunk = heads, size, chunk
        # Query, key, value, output gate; then an input and a forget gate for each head.
        self.weight = nn.Parameter(torch.zeros(4 * hidden_size + 2 * heads, input_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size + 2 * heads))
        nn.init.normal_(self.weight[: 4 * hidden_size], std=math.sqrt(2 / (5 * input_size)))
        with torch.no_grad():
            nn.init.normal_(self.bias[-2 * heads : -heads], std=0.1)
            self.bias[-heads:] = torch.linspace(3, 6, heads)

    def project(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)

    def start(self, inputs: Tensor) -> State:
        heads = (inputs.shape[0], self.heads)
        return (
            inputs.new_zeros(inputs.shape[0], self.hidden_size),
            inputs.new_zeros(*heads, self.size, self.size + 1),
            inputs.new_full((*heads, 1), -math.inf),  # nothing has a weight yet
        )

    def step(self, inputs: Tensor, state: State) -> State:
        """The recurrent form."""
        _, memory, before = state
        *wide, leave, enter, keep = self._parts(inputs.unsqueeze(1))
        query, key, value = (part.view(inputs.shape[0], self.heads, self.size) for part in wide)
        top = torch.maximum(keep + before, enter)
        key = (enter - top).exp() * self.size**-0.5 * key
        memory = (keep + before - top).exp().unsqueeze(3) * memory
        memory = memory + key.unsqueeze(3) * pad(value, (0, 1), value=1.0).unsqueeze(2)
        read = (query.unsqueeze(2) @ memory).transpose(1, 2)
        states = self._read_out(read[..., :-1].flatten(2), read[..., -1], top, leave)
        return states.squeeze(1), memory, top

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return super().forward(x, mask)
        # Under bf16 autocast a product may be bf16; the memory is kept in full precision.
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        _, memory, before = self.start(x)
        states = []
        for part in x.split(self.chunk, dim=1):
            now, memory, before = self._together(self.project(part).to(x.dtype), memory, before)
            states.append(now)
        return torch.cat(states, dim=1)

    def _together(self, inputs: Tensor, memory: Tensor, before: Tensor) -> State:
        """The chunkwise form: states of a chunk, and the memory after it with its ``m``."""
        query, key, value, leave, enter, keep = self._parts(inputs)
        kept = keep.cumsum(2)
        # Logarithms of weights as of the chunk's start, that is without ``kept``.
        weight = enter - kept
        top = torch.maximum(weight.cummax(2).values, before)
        weight = weight - math.log(self.size) / 2  # the scale of the keys
        wide, logarithms = (query, key, value), (weight, top, before)
        top = top + kept
        if self.engine(inputs.device) == "cpp":
            states, memory = ChunkInCpp.apply(*wide, leave, *logarithms, memory, self._bound(top))
        else:
            read, count, memory = ChunkAttention.apply(*wide, *logarithms, memory)
            states = self._read_out(read, count, top, leave)
        return states, memory, top[..., -1:]

    def engine(self, device: torch.device) -> str:
        """Chunks are products of matrices, which torch itself runs on a GPU."""
        return "cpp" if device.type == "cpu" and library.available() else "torch"

    def _parts(self, inputs: Tensor) -> State:
        """Query, key, value, output gate ``(batch, steps, hidden)``, and the logarithms of the
        input and forget gate ``(batch, heads, steps)``."""
        width = self.hidden_size
        *wide, gates = inputs.split([width, width, width, width, 2 * self.heads], dim=2)
        enter, keep = gates.transpose(1, 2).chunk(2, dim=1)
        return *wide, enter, logsigmoid(keep)

    def _read_out(self, read: Tensor, count: Tensor, top: Tensor, leave: Tensor) -> Tensor:
        """States, of what was read, its count ``(batch, steps, heads)``, ``m`` and output gate."""
        whole = torch.maximum(count.abs(), self._bound(top).transpose(1, 2)) + 1e-6
        values = read.unflatten(2, (self.heads, self.size)) / whole.unsqueeze(3)
        return leave.sigmoid() * layer_norm(values, (self.size,)).flatten(2)

    def _bound(self, top: Tensor) -> Tensor:
        """The 1 of max(|n q|, 1). Beyond e^80 all reads as zero, and a float would overflow."""
        return (-top).clamp(max=80).exp()
