"""Integrated gradients from what is known of nothing to a sample's own letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.nn.stems import Embedding
from bioseq_lstm.tasks.base import Task
from bioseq_lstm.tasks.explained import Explained, Question, Side

LETTERS_AT_ONCE = 16_384  # of the copies of a sample that one backward pass holds
SUBSTRUCTURES = "drug_substructures"


@dataclass(frozen=True)
class Attribution:
    """How much of a score each letter of each side bears.

    ``letters`` (length,) by side. ``substructures`` (bits,) of the molecule, where the network sees
    them. ``elsewhere`` is borne by no letter: by tokens that a sequence lacks. All of these
    together should be ``score - baseline``; what they miss it by is the completeness error.
    """

    letters: dict[str, np.ndarray]
    substructures: np.ndarray | None
    elsewhere: float
    score: float
    baseline: float

    @property
    def total(self) -> float:
        parts = [*self.letters.values()]
        if self.substructures is not None:
            parts.append(self.substructures)
        return float(sum(part.sum() for part in parts)) + self.elsewhere

    @property
    def attributed(self) -> float:
        """All that letters and substructures bear, whatever its sign."""
        parts = [*self.letters.values()]
        if self.substructures is not None:
            parts.append(self.substructures)
        return float(sum(np.abs(part).sum() for part in parts)) + abs(self.elsewhere)

    @property
    def error(self) -> float:
        """The sum of all attributions minus what it should be."""
        return self.total - (self.score - self.baseline)


@dataclass(frozen=True)
class _WayIn:
    """A tensor through which a sample enters the network, (1, ...), and what stands for nothing."""

    value: Tensor
    baseline: Tensor
    module: nn.Module | None  # what it replaces the output of; None: an input of the network
    side: str = ""
    tokens: Tensor | None = None  # (1, tokens), where letters stand behind it


def integrated_gradients(
    task: Task,
    explained: Explained,
    network: nn.Module,
    encoded: Encoded,
    row: int,
    question: Question,
    steps: int,
) -> Attribution:
    """Attributions of one sample (Sundararajan, Taly & Yan 2017, arXiv:1703.01365; Captum).

    They are taken on the output of the embedding, from a baseline in which every token is the mean
    of all known ones, along a straight line of ``steps`` points (Gauss-Legendre). Tokens' shares
    are split over their letters. The composition beside the pooled states goes from the mean of
    the training part, substructures from none. The network stays in evaluation: no dropout.
    """
    network.eval()
    batch = task.collate(encoded, np.array([row]))
    device = next(network.parameters()).device
    inputs = {name: tensor.to(device) for name, tensor in batch.inputs.items()}
    parts = explained.parts(network)
    ways = list(_ways_in(parts, inputs))
    longest = max(inputs[side].shape[1] for side in parts)

    def score(*values: Tensor) -> Tensor:
        with _replaced(ways, values):
            outputs = network(_copies(inputs, ways, values))
        return question.score(network, outputs)

    # cuDNN has a gradient of its recurrences in training mode alone, where dropout would act.
    with torch.backends.cudnn.flags(enabled=False):
        shares = IntegratedGradients(score, multiply_by_inputs=True).attribute(
            tuple(way.value for way in ways),
            baselines=tuple(way.baseline for way in ways),
            n_steps=steps,
            method="gausslegendre",
            internal_batch_size=max(1, LETTERS_AT_ONCE // longest),
        )
    with torch.no_grad():
        ends = [
            float(score(*(end(way) for way in ways)))
            for end in (lambda way: way.value, lambda way: way.baseline)
        ]
    return _collected(explained, parts, inputs, ways, shares, ends)


def _ways_in(parts: Mapping[str, Side], inputs: Mapping[str, Tensor]) -> Iterator[_WayIn]:
    for name, side in parts.items():
        embedding = side.encoder.embedding
        with torch.no_grad():
            tokens, _ = embedding.tokens(inputs[name], inputs[_lengths(name, inputs)])
            own = embedding.table(tokens)
            nothing = mean_tokens(embedding, tokens)
            yield _WayIn(own, nothing, embedding.table, name, tokens)
            if side.composition is not None:
                standard = side.composition(tokens)
                yield _WayIn(standard, torch.zeros_like(standard), side.composition, name, tokens)
        if side.substructures:
            bits = inputs[SUBSTRUCTURES]
            yield _WayIn(bits, torch.zeros_like(bits), None)


def _lengths(side: str, inputs: Mapping[str, Tensor]) -> str:
    own = f"{side}_lengths"
    return own if own in inputs else "lengths"


def mean_tokens(embedding: Embedding, tokens: Tensor) -> Tensor:
    """For each token (1, tokens) the mean vector of all known ones of its kind, (1, tokens, size).

    Kinds are tokens before a landmark and from it on.
    """
    kinds = torch.div(tokens - 1, embedding.kmers, rounding_mode="floor")
    known = embedding.kmers - 1  # the last of a kind is the unknown one
    numbers = torch.arange(known, device=tokens.device)
    means = [
        embedding.table(1 + kind * embedding.kmers + numbers).mean(dim=0)
        for kind in range(1 if embedding.landmark is None else 2)
    ]
    return torch.stack(means)[kinds]


@contextmanager
def _replaced(ways: list[_WayIn], values: tuple[Tensor, ...]) -> Iterator[None]:
    """Within, modules give these tensors whatever they are given."""
    with ExitStack() as stack:
        for way, value in zip(ways, values, strict=True):
            if way.module is not None:
                handle = way.module.register_forward_hook(_giving(value))
                stack.callback(handle.remove)
        yield


def _giving(value: Tensor) -> Callable[..., Tensor]:
    return lambda *_: value


def _copies(
    inputs: Mapping[str, Tensor], ways: list[_WayIn], values: tuple[Tensor, ...]
) -> dict[str, Tensor]:
    """As many copies of the one sample as there are values; copy i is a pair of i and i."""
    count = len(values[0])
    copies = {}
    for name, tensor in inputs.items():
        if name.endswith("_index"):
            copies[name] = torch.arange(count, device=tensor.device)
        else:
            copies[name] = tensor.expand(count, *tensor.shape[1:])
    for way, value in zip(ways, values, strict=True):
        if way.module is None:
            copies[SUBSTRUCTURES] = value
    return copies


def _collected(
    explained: Explained,
    parts: Mapping[str, Side],
    inputs: Mapping[str, Tensor],
    ways: list[_WayIn],
    shares: tuple[Tensor, ...],
    ends: list[float],
) -> Attribution:
    letters = {name: np.zeros(inputs[name].shape[1]) for name in explained.sides}
    bits, elsewhere = None, 0.0
    for way, share in zip(ways, shares, strict=True):
        own = share.detach().double().cpu()[0]
        if way.tokens is None:
            bits = own.numpy()
            continue
        tokens = way.tokens.cpu()[0]
        if own.ndim == 2:
            borne = own.sum(dim=1)
        else:  # by kind of token: split over the places where it stands
            counts = torch.bincount(tokens, minlength=len(own) + 1)[1:]
            borne = (own / counts.clamp(min=1))[tokens - 1]
            elsewhere += float(own[counts == 0].sum())
        letters[way.side] += spread(parts[way.side].encoder.embedding, borne.numpy(),
                                    len(letters[way.side]))  # fmt: skip
    return Attribution(letters, bits, elsewhere, *ends)


def spread(embedding: Embedding, borne: np.ndarray, length: int) -> np.ndarray:
    """What tokens (tokens,) bear, in equal parts on the letters (length,) that each is made of."""
    start = 0 if embedding.landmark is None else embedding.landmark % embedding.stride
    found = np.zeros(length)
    first = start + embedding.stride * np.arange(len(borne))
    size = np.minimum(embedding.kmer, length - first)
    for offset in range(embedding.kmer):
        inside = offset < size
        np.add.at(found, first[inside] + offset, (borne / np.maximum(size, 1))[inside])
    return found
