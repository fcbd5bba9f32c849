"""What may stand under ``models`` of ``config.yaml``: sizes, training, what it runs on.

Light, like ``settings``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from bioseq_lstm.encoder_settings import (
    Dropout,
    EncoderSettings,
    LstmSettings,
    Positive,
    Strict,
)
from bioseq_lstm.init_settings import InitSettings
from bioseq_lstm.presets import merge


class EmbeddingSettings(Strict):
    """Letters, or k-mers read every `stride` letters, as learned vectors."""

    size: Positive = 64
    kmer: Annotated[int, Field(ge=1, le=6)] = 1
    stride: Positive = 1
    token_dropout: Dropout = Field(0.0, description="share of letters hidden in training")


class StemSettings(Strict):
    """Convolutions side by side before the recurrence."""

    kernels: tuple[Positive, ...] = (9, 15)
    channels: Positive = 64
    dropout: Dropout = 0.1
    both_strands: bool = Field(
        False, description="read the reverse complement of DNA too, with the same weights"
    )

    @model_validator(mode="after")
    def _kernels_have_centres(self) -> StemSettings:
        if not self.kernels or any(kernel % 2 == 0 for kernel in self.kernels):
            raise ValueError("kernels must be one or more odd numbers, such as [9, 15]")
        return self


class AttentionSettings(Strict):
    """Self-attention over the states of the encoder."""

    heads: Positive = 4
    dropout: Dropout = 0.1


class HeadSettings(Strict):
    hidden: Positive = 128
    dropout: Dropout = 0.2
    rank: Positive | None = Field(None, description="rank of the last layer over many outputs")
    composition: bool = Field(
        False, description="frequencies of letters or k-mers beside the pooled states"
    )


class BlockSettings(Strict):
    """A batch of drug-target pairs: at most so many drugs times so many targets."""

    drugs: Positive = 128
    targets: Positive = 16


class TrainingSettings(Strict):
    epochs: Positive = 30
    patience: Positive = Field(4, description="epochs without a better validation loss")
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    gradient_clip: Annotated[float, Field(gt=0)] = 1.0
    token_budget: Positive = Field(4096, description="letters in a batch, padding included")
    per_group: Positive | None = Field(
        None, description="at most so many samples of a group of similar ones in an epoch"
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="structure: share of each label that is spread over all states"
    )
    averaging: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="decay of the moving average of the weights that is kept; 0: none"
    )
    block: BlockSettings = BlockSettings()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"


class TrainerSettings(Strict):
    """What a model trains on; a batch is shared out over all processes, one a device."""

    accelerator: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="gpu: also asks the cluster for as many as `devices`"
    )
    devices: Positive = Field(1, description="GPUs, or processes on CPUs, of each node")
    nodes: Positive = 1
    strategy: Literal["auto", "ddp", "ddp_find_unused_parameters_true"] = "auto"


class InputSettings(Strict):
    """What one kind of input has of its own; what is left out comes from the model."""

    embedding: EmbeddingSettings = EmbeddingSettings()
    stem: StemSettings | None = None
    encoder: EncoderSettings = LstmSettings()
    attention: AttentionSettings | None = None

    @field_validator("attention")
    @classmethod
    def _heads_share_the_states(
        cls, attention: AttentionSettings | None, others: ValidationInfo
    ) -> AttentionSettings | None:
        encoder = others.data.get("encoder")  # None: it has a fault of its own
        if attention is not None and encoder is not None:
            sides, both = (2, "2 x ") if encoder.bidirectional else (1, "")
            if sides * encoder.hidden_size % attention.heads:
                raise ValueError(
                    f"heads {attention.heads} must divide the encoder's output, "
                    f"{both}hidden_size {encoder.hidden_size}"
                )
        return attention


def _listed(names: Any) -> Any:
    """One name is a list of one, and nothing is an empty one."""
    return (names,) if isinstance(names, str) else () if names is None else names


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...] | None),
]


class ModelSettings(InputSettings):
    """embedding -> stem -> encoder -> attention -> head.

    `inputs` says what differs for drug or target.
    """

    inputs: dict[Literal["drug", "target"], InputSettings] = Field({})
    head: HeadSettings = HeadSettings()
    training: TrainingSettings = TrainingSettings()
    trainer: TrainerSettings = TrainerSettings()
    init_from: InitSettings | None = None
    stack_on: Names = Field(
        (), description="baselines: the network learns what they leave, and is added to them"
    )

    @model_validator(mode="before")
    @classmethod
    def _inputs_inherit(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or not isinstance(data.get("inputs"), Mapping):
            return data
        common = {k: data[k] for k in InputSettings.model_fields if k in data}
        inputs = {
            kind: merge(common, own) if isinstance(own, Mapping) else own
            for kind, own in data["inputs"].items()
        }
        return {**data, "inputs": inputs}

    def input(self, entity: str) -> InputSettings:
        return self.inputs.get(entity, self)  # type: ignore[call-overload]
