"""The way in: codes to features, and convolutions before the recurrence."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, gelu, pad

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.reversal import position_mask
from bioseq_lstm.nn.stacking import SequenceDropout

MAX_TOKENS = 1_000_000


class Embedding(nn.Module):
    """A learned vector for each residue, or for each k-mer read every ``stride`` residues.

    Codes are 0 for padding, 1 to n for the letters, n + 1 for an unknown letter, so
    ``num_codes`` is n + 2. Token i is the k-mer that starts at residue ``i * stride``; only
    complete k-mers count, and one with an unknown letter is the unknown k-mer. A sequence
    shorter than ``kmer`` is read as one unknown k-mer, never as nothing.

    ``token_dropout`` is the probability that a residue is read as unknown, in training only.
    With a ``landmark`` (a position counted from 0, such as the first base of the start codon)
    k-mers that start before it and those from it on are different tokens, and reading begins at
    ``landmark % stride``, so that one k-mer starts on it: codons are then read in frame.
    ``values`` ``(num_tokens, size)`` are initial vectors (a substitution matrix, properties of
    residues), learned on like others. With ``complement`` (the code of each letter's complement)
    each token's vector has that of its reverse complement beside it: ``2 * size`` features.
    """

    def __init__(
        self,
        num_codes: int,
        size: int,
        kmer: int = 1,
        stride: int = 1,
        token_dropout: float = 0.0,
        landmark: int | None = None,
        values: Tensor | None = None,
        complement: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.letters = num_codes - 2
        self.kmers = self.letters**kmer + 1  # the unknown one included
        self.num_tokens = self.kmers * (1 if landmark is None else 2) + 1
        if self.num_tokens > MAX_TOKENS:
            raise UserError(
                f"embedding: kmer {kmer} over {self.letters} letters needs a table of "
                f"{self.num_tokens:,} rows, {MAX_TOKENS:,} are the limit: take a smaller kmer"
            )
        self.kmer, self.stride, self.token_dropout = kmer, stride, token_dropout
        self.landmark = landmark
        # Reading begins at landmark % stride, whole strides before the landmark.
        self.landmark_token = None if landmark is None else landmark // stride
        self.table = nn.Embedding(self.num_tokens, size, padding_idx=0)
        if complement is not None:
            self.table = _BothStrands(self._opposite(complement), size)
        if values is not None:
            with torch.no_grad():
                self.table.weight.copy_(values)
                self.table.weight[0] = 0.0
        self.output_size = size if complement is None else 2 * size

    def forward(self, codes: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Codes ``(batch, length)`` -> features ``(batch, tokens, output_size)``, token counts."""
        codes = codes.masked_fill(~position_mask(lengths, codes.shape[1]), 0)
        if self.training and self.token_dropout:
            dropped = torch.rand(codes.shape, device=codes.device) < self.token_dropout
            codes = codes.masked_fill(dropped & (codes > 0), self.letters + 1)
        if self.kmer == self.stride == 1 and self.landmark is None:
            return self.table(codes), lengths
        tokens, counts = self.tokens(codes, lengths)
        return self.table(tokens), counts

    def tokens(self, codes: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Codes ``(batch, length)``, 0 past the end -> k-mers ``(batch, tokens)``, token counts.

        The k-mers are numbered from 1 in the order of their letters; 0 is padding.
        """
        start = 0 if self.landmark is None else self.landmark % self.stride
        codes, lengths = codes[:, start:], lengths - start
        windows = self.windows(codes)
        known = ((windows > 0) & (windows <= self.letters)).all(dim=2)
        places = self.letters ** torch.arange(self.kmer - 1, -1, -1, device=codes.device)
        tokens = ((windows - 1) * places).sum(dim=2) + 1
        tokens = torch.where(known, tokens, self.kmers)
        if self.landmark is not None:
            positions = start + self.stride * torch.arange(tokens.shape[1], device=codes.device)
            tokens = tokens + self.kmers * (positions >= self.landmark)
        counts = torch.div(lengths - self.kmer, self.stride, rounding_mode="floor") + 1
        counts = counts.clamp(min=1)
        return tokens.masked_fill(~position_mask(counts, tokens.shape[1]), 0), counts

    def windows(self, codes: Tensor) -> Tensor:
        """Codes of each k-mer, one at least: ``(batch, length)`` -> ``(batch, tokens, kmer)``."""
        wide = pad(codes, (0, max(0, self.kmer - codes.shape[1])))
        return wide.unfold(1, self.kmer, self.stride)

    def _opposite(self, complement: Sequence[int]) -> Tensor:
        """The reverse complement of each token ``(num_tokens,)``, of the same side of a landmark.

        Padding and unknown k-mers are their own.
        """
        digits = torch.tensor(complement) - 1
        words = torch.arange(self.letters**self.kmer)
        turned = torch.zeros_like(words)
        for place in range(self.kmer):
            letter = words // self.letters**place % self.letters
            turned += digits[letter] * self.letters ** (self.kmer - 1 - place)
        opposite = torch.arange(self.num_tokens)
        for first in range(1, self.num_tokens, self.kmers):
            opposite[first : first + len(words)] = first + turned
        return opposite


class _BothStrands(nn.Embedding):
    """Of each token its vector, and beside it the vector of the token ``opposite`` to it."""

    opposite: Tensor

    def __init__(self, opposite: Tensor, size: int) -> None:
        super().__init__(len(opposite), size, padding_idx=0)
        self.register_buffer("opposite", opposite, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens ``(batch, tokens)`` -> ``(batch, tokens, 2 * size)``."""
        return torch.cat([super().forward(tokens), super().forward(self.opposite[tokens])], dim=-1)


class ConvStem(nn.Module):
    """Convolutions of several widths side by side, before the recurrence.

    DanQ (Quang & Xie 2016) put a convolution before a biLSTM; kernels 9 and 15 side by side are
    DREAM-RNN's (Rafi et al. 2024). Each kernel gives ``channels`` features, concatenated; a
    linear projection of the input is added, so that the single residue is not blurred away.
    There is no pooling along the sequence: the length stays.

    ``both_strands``: the input holds the vectors of a token and of its reverse complement, side
    by side, and the same weights read the sequence and its reverse complement (Shrikumar,
    Greenside & Kundaje 2017). What they find on either strand stays apart, at the place where
    it was found.
    """

    def __init__(
        self,
        input_size: int,
        channels: int = 64,
        kernels: Sequence[int] = (9, 15),
        dropout: float = 0.0,
        both_strands: bool = False,
    ) -> None:
        super().__init__()
        if not kernels or any(kernel < 1 or kernel % 2 == 0 for kernel in kernels):
            raise UserError(f"stem: kernels is {list(kernels)}: write one or more odd numbers")
        self.strands = 2 if both_strands else 1
        size, width = input_size // self.strands, channels * len(kernels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(size, channels, kernel, padding=kernel // 2) for kernel in kernels
        )
        self.output_size = self.strands * width
        self.projection = nn.Linear(size, width, bias=False)
        self.dropout = SequenceDropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """``(batch, length, input_size)`` -> ``(batch, length, output_size)``; pads are 0."""
        pads = ~position_mask(lengths, x.shape[1]).unsqueeze(-1)
        strands = x.masked_fill(pads, 0.0).chunk(self.strands, dim=-1)
        read = [self._read(strand, turned=i == 1) for i, strand in enumerate(strands)]
        states: Tensor = self.dropout(torch.cat(read, dim=-1))
        return states.masked_fill(pads, 0.0)

    def _read(self, x: Tensor, turned: bool) -> Tensor:
        """``(batch, length, size)`` -> ``(batch, length, width)``; ``turned``: 3' to 5'."""
        found = []
        for one in self.convolutions:
            assert isinstance(one, nn.Conv1d)
            weight = one.weight.flip(-1) if turned else one.weight
            found.append(conv1d(x.transpose(1, 2), weight, one.bias, padding=one.padding))
        states: Tensor = gelu(torch.cat(found, dim=1).transpose(1, 2)) + self.projection(x)
        return states
