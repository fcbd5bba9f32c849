"""Sequences of unequal length: packed or padded, batched at random or by length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from cases import MODES, REFERENCE, WARM_LENGTH
from measuring import Job, in_turns
from speeds import Bench
from tables import Row
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bioseq_lstm.data.batching import token_batches
from bioseq_lstm.nn.encoders import build_encoder

MEAN, SPREAD = 250, 0.62  # residues; of the logarithm of the length, about that of proteins
SHORTEST, LONGEST = 20, 3000
ROWS = 32  # of a random batch


class Packed(nn.Module):
    """What torch offers for unequal lengths."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states: Tensor = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]
        return states


@dataclass(frozen=True)
class Way:
    """A network and the batches that it gets."""

    name: str
    network: nn.Module
    batches: Sequence[np.ndarray]  # positions into the lengths
    note: str


def of_ragged(
    bench: Bench, hidden: int, samples: int, timed_batches: int, rounds: int
) -> list[Row]:
    """Real tokens per second of a bidirectional LSTM; the reference is random and padded."""
    lengths = lognormal_lengths(samples)
    ours = build_encoder("lstm", hidden, {"hidden_size": hidden})
    assert isinstance(ours, nn.Module)
    ours.to(bench.device)
    packed = Packed(hidden).to(bench.device)
    rng = np.random.default_rng(0)
    random = np.array_split(rng.permutation(samples), -(-samples // ROWS))
    ways = [
        Way("padded, random", ours, random, f"{ROWS} rows a batch, rows reversed"),
        Way("packed, random", packed, random, f"{ROWS} rows a batch, packed sequences"),
        *(
            Way(
                f"bucketed, {budget}",
                ours,
                token_batches(lengths, budget, np.random.default_rng(0)),
                f"like lengths, {budget} positions a batch",
            )
            for budget in (8192, 4096)
        ),
    ]
    return [
        row
        for mode in MODES
        for row in _of_mode(bench, mode, ways, lengths, hidden, timed_batches, rounds)
    ]


def lognormal_lengths(samples: int) -> np.ndarray:
    """Lengths of ``samples`` sequences, skewed as those of proteins are."""
    rng = np.random.default_rng(0)
    drawn = rng.lognormal(np.log(MEAN) - SPREAD**2 / 2, SPREAD, samples)
    return np.clip(drawn.round(), SHORTEST, LONGEST).astype(np.int64)


def fill(batches: Sequence[np.ndarray], lengths: np.ndarray) -> float:
    """Share of all padded batches that is not padding."""
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    return float(sum(lengths[batch].sum() for batch in batches) / padded)


def _of_mode(
    bench: Bench,
    mode: str,
    ways: Sequence[Way],
    lengths: np.ndarray,
    hidden: int,
    timed_batches: int,
    rounds: int,
) -> list[Row]:
    jobs = {way.name: _job(bench.device, mode, way, lengths, hidden, timed_batches) for way in ways}
    speeds = in_turns(jobs, dict.fromkeys(jobs, ways[0].name), rounds, bench.clock)
    return [
        Row(
            part="ragged",
            encoder=REFERENCE if isinstance(way.network, Packed) else "lstm",
            engine=way.name,
            mode=mode,
            hidden=hidden,
            batch=round(len(lengths) / len(way.batches)),
            length=MEAN,
            tokens_per_second=speeds[way.name].tokens_per_second,
            relative=speeds[way.name].relative,
            fill=fill(way.batches, lengths),
            note=way.note,
        )
        for way in ways
    ]


def _job(
    device: torch.device, mode: str, way: Way, lengths: np.ndarray, hidden: int, count: int
) -> Job:
    chosen = [torch.from_numpy(lengths[batch]) for batch in _spread(way.batches, lengths, count)]
    return Job(
        run=_run(device, mode, way.network, chosen, hidden),
        tokens=int(sum(batch.sum() for batch in chosen)),
        warm=_run(device, mode, way.network, [chosen[0].clamp(max=WARM_LENGTH)], hidden),
    )


def _spread(batches: Sequence[np.ndarray], lengths: np.ndarray, count: int) -> list[np.ndarray]:
    """A few batches that stand for all: evenly from the narrowest to the widest."""
    ordered = sorted(batches, key=lambda batch: int(lengths[batch].max()))
    places = (np.arange(min(count, len(ordered))) + 0.5) * len(ordered) / count
    return [ordered[int(place)] for place in places]


def _run(
    device: torch.device, mode: str, network: nn.Module, batches: Sequence[Tensor], hidden: int
) -> Callable[[], None]:
    inputs = [
        torch.randn(len(batch), int(batch.max()), hidden, device=device, requires_grad=True)
        for batch in batches
    ]
    on_device = [batch.to(device) for batch in batches]

    def run() -> None:
        for x, batch in zip(inputs, on_device, strict=True):
            MODES[mode](network, x, batch)

    return run
