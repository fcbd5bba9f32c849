"""What may stand under ``explain`` of a dataset; light, like ``settings``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bioseq_lstm.encoder_settings import Positive, Strict


class ExplainSettings(Strict):
    """Why the chosen model predicts what it does: which records, and how thoroughly."""

    records: Annotated[int, Field(ge=0)] = Field(
        3, description="new records (without any, test records) that are explained; 0: none"
    )
    test_records: Annotated[int, Field(ge=0)] = Field(
        30, description="test records whose attributions are searched for k-mers"
    )
    steps: Annotated[int, Field(ge=8)] = Field(
        64, description="points on the way of the integrated gradients"
    )
    mutants: Positive = Field(
        3000, description="mutants of a record; of longer ones the positions that count most"
    )
    condition: str | None = Field(
        None, description="expression: the condition explained, else the mean of all"
    )
    state: Literal["helix", "strand", "coil"] = Field(
        "helix", description="structure: the longest predicted segment of it is explained"
    )
