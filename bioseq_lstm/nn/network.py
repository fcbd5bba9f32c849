"""From codes to states: embedding, stem, encoder, attention, joined as the configuration says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.attention import SelfAttention
from bioseq_lstm.nn.composition import Composition
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.pooling import AttentionAndMean
from bioseq_lstm.nn.settings import build
from bioseq_lstm.nn.stems import ConvStem, Embedding


class SequenceEncoder(nn.Module):
    """Embedding -> convolutional stem, if any -> recurrent encoder -> self-attention, if any.

    ``embedding``: options of ``Embedding`` (``size``, ``kmer``, ``stride``, ``token_dropout``).
    ``stem``: None, or options of ``ConvStem`` (``kernels``, ``channels``, ``dropout``,
    ``both_strands``).
    ``encoder``: ``name`` and the options of that encoder.
    ``attention``: None, or options of ``SelfAttention`` (``heads``, ``dropout``).
    ``values``: the embedding's initial vectors. ``complement``: of DNA, the code of each letter's
    complement, which a stem of both strands needs. Raises ``UserError`` for settings that do not
    exist or cannot be.
    """

    def __init__(
        self,
        num_codes: int,
        embedding: Mapping[str, Any],
        stem: Mapping[str, Any] | None,
        encoder: Mapping[str, Any],
        attention: Mapping[str, Any] | None = None,
        values: Tensor | None = None,
        complement: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        both_strands = stem is not None and stem.get("both_strands", False)
        if both_strands and complement is None:
            raise UserError("stem: both_strands is for DNA, which alone has a second strand")
        self.embedding = build(
            Embedding,
            "embedding",
            embedding,
            num_codes=num_codes,
            values=values,
            complement=complement if both_strands else None,
        )
        size = self.embedding.output_size
        self.stem: ConvStem | None = None
        if stem is not None:
            self.stem = build(ConvStem, "stem", stem, input_size=size)
            size = self.stem.output_size
        if "name" not in encoder:
            raise UserError("encoder: name is missing")
        options = {key: value for key, value in encoder.items() if key != "name"}
        landmark = self.embedding.landmark_token
        self.encoder = build_encoder(encoder["name"], size, options, landmark)
        self.output_size = self.encoder.output_size
        self.attention: SelfAttention | None = None
        if attention is not None:
            self.attention = build(
                SelfAttention, "attention", attention, input_size=self.output_size
            )

    def forward(self, codes: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Codes ``(batch, length)`` -> states ``(batch, tokens, output_size)``, token counts.

        Tokens are residues, unless the embedding reads k-mers.
        """
        x, lengths = self.embedding(codes, lengths)
        if self.stem is not None:
            x = self.stem(x, lengths)
        states = self.encoder(x, lengths)
        if self.attention is not None:
            states = self.attention(states, lengths)
        return states, lengths


class PooledEncoder(nn.Module):
    """A sequence encoder and a pooling: one vector per sequence, for pairs.

    With ``composition`` the frequencies of the tokens stand beside the pooled states.
    ``extra_size`` is the number of features of the whole sequence that come from elsewhere.
    """

    def __init__(
        self, encoder: SequenceEncoder, composition: bool = False, extra_size: int = 0
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = AttentionAndMean(encoder.output_size)
        self.output_size = self.pooling.output_size + extra_size
        self.composition: Composition | None = None
        if composition:
            self.composition = Composition(encoder.embedding.num_tokens)
            self.output_size += self.composition.output_size

    def forward(self, codes: Tensor, lengths: Tensor, extra: Tensor | None = None) -> Tensor:
        """Codes ``(batch, length)``, extra ``(batch, extra)`` -> ``(batch, output_size)``."""
        parts: list[Tensor] = [self.pooling(*self.encoder(codes, lengths))]
        if self.composition is not None:
            tokens, _ = self.encoder.embedding.tokens(codes, lengths)
            parts.append(self.composition(tokens))
        if extra is not None:
            parts.append(extra)
        return torch.cat(parts, dim=1)

    def fit_composition(self, codes: Tensor, lengths: Tensor) -> None:
        """Take the composition's means and scales from codes ``(sequences, length)``."""
        if self.composition is not None:
            tokens, _ = self.encoder.embedding.tokens(codes, lengths)
            self.composition.fit(self.composition.frequencies(tokens))
