"""The network of the affinity task: two encoders, and a head over pairs."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import PROTEIN, SMILES
from bioseq_lstm.data.molecules import FINGERPRINT_BITS
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.nn.heads import PairHead
from bioseq_lstm.nn.network import PooledEncoder, SequenceEncoder

SIDES = {"drug": SMILES, "target": PROTEIN}


class AffinityNetwork(nn.Module):
    """Codes of the drugs and targets of a block to one standardised value per pair (pairs,).

    Every drug and target is encoded once, however many pairs it is part of.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        encoders = {}
        composed = settings.head.composition
        for side, alphabet in SIDES.items():
            own = settings.input(side).model_dump()
            encoder = SequenceEncoder(
                alphabet.size, own["embedding"], own["stem"], own["encoder"], own["attention"]
            )
            # What composition is to a protein, its circular substructures are to a molecule.
            bits = FINGERPRINT_BITS if composed and side == "drug" else 0
            encoders[side] = PooledEncoder(encoder, composed and side == "target", bits)
        self.with_substructures = composed
        drug, target = (encoder.output_size for encoder in encoders.values())
        self.encoders = nn.ModuleDict(encoders)
        self.head = PairHead(drug, target, settings.head.hidden, settings.head.dropout)
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        bits = inputs["drug_substructures"] if self.with_substructures else None
        drug = self.encoders["drug"](inputs["drug"], inputs["drug_lengths"], bits)
        target = self.encoders["target"](inputs["target"], inputs["target_lengths"])
        outputs: Tensor = self.head(drug, target, inputs["drug_index"], inputs["target_index"])
        return outputs
