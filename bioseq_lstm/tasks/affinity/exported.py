"""The affinity task's network, ready to be exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bioseq_lstm.data.alphabets import Alphabet
from bioseq_lstm.data.molecules import FINGERPRINT_BITS
from bioseq_lstm.tasks.affinity.network import SIDES, AffinityNetwork
from bioseq_lstm.tasks.exported import Axes, Exported, example_codes


class ExportedNetwork(Exported):
    """One value for each pair (pairs,), in the unit of the table."""

    network: AffinityNetwork
    output = "affinity"
    alphabets: ClassVar[dict[str, Alphabet]] = SIDES

    def axes(self) -> dict[str, Axes]:
        found: dict[str, Axes] = {}
        for side in SIDES:
            found[side] = (f"{side}s", f"{side}_length")
            found[f"{side}_lengths"] = (f"{side}s",)
            found[f"{side}_index"] = ("pairs",)
        if self.network.with_substructures:
            found["drug_substructures"] = ("drugs", FINGERPRINT_BITS)
        return found

    def finish(self, outputs: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        return outputs * self.network.scale + self.network.centre

    def example(self, rows: int, length: int) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for more, (side, alphabet) in enumerate(SIDES.items()):
            members = rows + more
            found[side], found[f"{side}_lengths"] = example_codes(alphabet, members, length + more)
            found[f"{side}_index"] = torch.arange(2 * rows + 3) % members
        if "drug_substructures" in self.inputs:
            found["drug_substructures"] = torch.randint(0, 2, (rows, FINGERPRINT_BITS)).float()
        return found

    def about(self) -> dict[str, Any]:
        about: dict[str, Any] = {"half_width": self.card["calibration"]["half_width"]}
        if "drug_substructures" in self.inputs:
            about["drug_substructures"] = "Morgan fingerprint of radius 2, each bit 0.0 or 1.0"
        return about
