"""What may stand in ``config.yaml``, as typed models with defaults.

This module stays light (no torch, no pandas): Snakemake reads it every time it starts.
Everything here has a default, so that a dataset is named in a few lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator

from bioseq_lstm.encoder_settings import (
    ConvLstmSettings,
    Dropout,
    EncoderSettings,
    LstmSettings,
    Positive,
    Strict,
)
from bioseq_lstm.presets import merge

# Names become folders, wildcards and words of a shell command, so they are plain.
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=64)]
Share = Annotated[float, Field(ge=0, le=1)]


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
    block: BlockSettings = BlockSettings()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"


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


class ModelSettings(InputSettings):
    """embedding -> stem -> encoder -> attention -> head.

    `inputs` says what differs for drug or target.
    """

    inputs: dict[Literal["drug", "target"], InputSettings] = Field({})
    head: HeadSettings = HeadSettings()
    training: TrainingSettings = TrainingSettings()

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


class LeakageSettings(Strict):
    """When the workflow stops because the test part is too like the training part."""

    near_duplicate: Share = Field(0.9, description="identity from which a record counts as a copy")
    max_near_duplicates: Share = Field(0.05, description="share of such test records that stops")
    gate: Literal["closed", "open"] = Field("closed", description="open: go on, and say so on top")


class SplitSettings(Strict):
    strategy: Literal["homology", "group", "cold", "given", "random"]
    fractions: tuple[Share, Share, Share] = Field(
        (0.7, 0.15, 0.15), description="of training, validation and test"
    )
    folds: Positive = Field(1, description="above 1: cross-validation, every record tested once")
    seed: Annotated[int, Field(ge=0)] = 0
    identity: Share = Field(
        0.25, description="homology: sequences at least this alike stay together"
    )
    coverage: Share = Field(0.5, description="homology: aligned share of the shorter sequence")
    tanimoto: Share = Field(0.7, description="cold: drugs at least this alike stay together")
    column: str | None = Field(None, description="group, given: the column that says it")
    block_length: Positive = Field(60_000, description="group: bases of a chromosome block")
    cold: Literal["drugs", "targets", "both"] = Field("drugs", description="cold: what is unseen")

    @model_validator(mode="after")
    def _makes_sense(self) -> SplitSettings:
        if abs(sum(self.fractions) - 1) > 1e-6:
            raise ValueError(f"fractions must add up to 1, not {sum(self.fractions):g}")
        if min(self.fractions) == 0:
            raise ValueError("each of the three fractions must be above 0")
        if self.strategy == "given" and self.column is None:
            raise ValueError("strategy 'given' needs `column`, the one that says train or test")
        if self.strategy == "given" and self.folds > 1:
            raise ValueError(f"strategy 'given' has one fold, not {self.folds}: set folds to 1")
        return self


class DatasetSettings(Strict):
    """What every dataset has, whatever its task."""

    default_split: ClassVar[dict[str, Any]] = {}
    has_sides: ClassVar[bool] = False
    strategies: ClassVar[tuple[str, ...]] = ("homology", "group", "given", "random")

    split: SplitSettings
    leakage: LeakageSettings = LeakageSettings()
    models: dict[Name, ModelSettings] = Field({}, min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (1,), min_length=1, json_schema_extra={"uniqueItems": True}
    )
    new: str | None = Field(None, description="folder of what is to be predicted")
    max_refused: Share = Field(0.05, description="share of refused records that stops the run")
    max_length: Positive = Field(10_000, description="longer sequences are refused in training")
    controls: Literal["all", "none"] = Field(
        "all", description="train each model once more on shuffled labels, or not"
    )
    bootstrap: Annotated[int, Field(ge=100)] = Field(
        1000, description="replicates; fewer than 100 give no 95 % interval"
    )

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("each seed may stand once: a run that is repeated is no second run")
        return seeds

    @model_validator(mode="before")
    @classmethod
    def _task_default_split(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        split = data.get("split", {})
        if isinstance(split, Mapping):
            split = {**cls.default_split, **split}
        return {**data, "split": split}

    @model_validator(mode="after")
    def _strategy_suits_the_task(self) -> DatasetSettings:
        if self.split.strategy not in self.strategies:
            raise ValueError(
                f"split strategy {self.split.strategy!r} is not for this task; known: "
                f"{', '.join(self.strategies)}"
            )
        return self

    @property
    def landmark(self) -> int | None:
        """Position, counted from 0, that marks the same thing in every sequence, if any."""
        return None

    @model_validator(mode="after")
    def _windows_are_anchored_at_a_landmark(self) -> DatasetSettings:
        for name, model in self.models.items():
            for own in (model, *model.inputs.values()):
                encoder = own.encoder
                if not isinstance(encoder, ConvLstmSettings) or not encoder.anchored:
                    continue
                if self.landmark is None:
                    raise ValueError(
                        f"model {name!r}: encoder.anchored needs a landmark to anchor at: "
                        "`coding_start` of an expression dataset"
                    )
                if encoder.window * own.embedding.stride % 3:
                    raise ValueError(
                        f"model {name!r}: encoder.window must be a multiple of 3, not "
                        f"{encoder.window}, so that windows anchored at `coding_start` hold "
                        "whole codons"
                    )
        return self

    @model_validator(mode="after")
    def _sides_belong_to_pairs(self) -> DatasetSettings:
        for name, model in self.models.items():
            if model.inputs and not self.has_sides:
                raise ValueError(
                    f"model {name!r} has `inputs` for drug or target, which this task lacks"
                )
        return self


class StructureFiles(Strict):
    sequences: str = Field(description="3-line file, FASTA, or FASTA with TARGET= in its headers")
    labels: str | None = Field(None, description="a second FASTA with the DSSP states")


class StructureDataset(DatasetSettings):
    """Secondary structure of protein chains: 8 DSSP states per residue."""

    default_split: ClassVar[dict[str, Any]] = {"strategy": "homology"}
    task: Literal["structure"]
    files: StructureFiles

    @model_validator(mode="after")
    def _models_label_every_residue(self) -> StructureDataset:
        for name, model in self.models.items():
            embedding, head = model.embedding, model.head
            if (embedding.kmer, embedding.stride) != (1, 1):
                raise ValueError(
                    f"model {name!r}: structure labels every residue, so `embedding` needs kmer 1 "
                    f"and stride 1, not {embedding.kmer} and {embedding.stride}"
                )
            if head.rank is not None or head.composition:
                key = "rank" if head.rank is not None else "composition"
                raise ValueError(
                    f"model {name!r}: structure has no use for head.{key}, which is for tasks "
                    "with outputs per sequence"
                )
        return self


class ExpressionFiles(Strict):
    sequences: str = Field(description="FASTA, one record a gene")
    expression: str = Field(description="table of genes x conditions")
    annotations: str | None = Field(None, description="table with start, end, strand of each gene")


class ExpressionDataset(DatasetSettings):
    """Expression of genes under many conditions, from their DNA sequence."""

    default_split: ClassVar[dict[str, Any]] = {"strategy": "group"}
    task: Literal["expression"]
    files: ExpressionFiles
    unit: str = "log2 TPM"
    coding_start: Annotated[int, Field(ge=0)] | None = Field(
        None, description="position of the first coding base, counted from 0"
    )

    @property
    def landmark(self) -> int | None:
        return self.coding_start


class AffinityFiles(Strict):
    drugs: str = Field(description="table of id and SMILES, or a .smi file")
    targets: str = Field(description="FASTA of the proteins")
    affinities: str = Field(description="long table: drug, target, value")


class AffinityDataset(DatasetSettings):
    """How strongly drugs bind to proteins."""

    # At .25 nearly all kinases are one cluster; at .5 they fall into subfamilies.
    default_split: ClassVar[dict[str, Any]] = {"strategy": "cold", "identity": 0.5}
    has_sides: ClassVar[bool] = True
    strategies: ClassVar[tuple[str, ...]] = ("cold", "given", "random")
    task: Literal["affinity"]
    files: AffinityFiles
    unit: str = "pKd"
    higher_binds_stronger: bool = True


Dataset = Annotated[
    StructureDataset | ExpressionDataset | AffinityDataset, Field(discriminator="task")
]
DATASETS: dict[str, type[DatasetSettings]] = {
    "structure": StructureDataset,
    "expression": ExpressionDataset,
    "affinity": AffinityDataset,
}


class Config(Strict):
    """The whole of `config.yaml`."""

    title: str = "bioseq_lstm"
    models: dict[Name, dict[str, Any]] = Field(
        {}, description="named models; each dataset may override parts of them"
    )
    datasets: dict[Name, Dataset] = Field(min_length=1)
