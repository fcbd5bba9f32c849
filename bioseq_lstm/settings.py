"""What may stand in ``config.yaml``, as typed models with defaults.

This module stays light (no torch, no pandas): Snakemake reads it every time it starts.
Everything here has a default, so that a dataset is named in a few lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from bioseq_lstm.download_settings import Download, FileName
from bioseq_lstm.encoder_settings import (
    ConvLstmSettings,
    Positive,
    Strict,
)
from bioseq_lstm.explain_settings import ExplainSettings
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.split_settings import LeakageSettings, Share, SplitSettings
from bioseq_lstm.stack_settings import SettingError, check_stack

# Names become folders, wildcards and words of a shell command, so they are plain.
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=64)]


class Files(Strict):
    """Files by what they hold; an external test set holds the same under ``test``."""

    def paths(self) -> dict[str, str]:
        """Every file by its key, such as ``sequences`` or ``test.sequences``."""
        found: dict[str, str] = {}
        for key, value in self:
            if isinstance(value, Files):
                found |= {f"{key}.{own}": path for own, path in value.paths().items()}
            elif value is not None:
                found[key] = value
        return found


class DatasetSettings(Strict):
    """What every dataset has, whatever its task."""

    default_split: ClassVar[dict[str, Any]] = {}
    has_sides: ClassVar[bool] = False
    has_classes: ClassVar[bool] = False
    has_conditions: ClassVar[bool] = False
    has_strands: ClassVar[bool] = False
    stackable: ClassVar[tuple[str, ...]] = ()  # baselines that a network can be stacked on
    strategies: ClassVar[tuple[str, ...]] = ("homology", "group", "given", "random")

    files: Files
    split: SplitSettings
    leakage: LeakageSettings = LeakageSettings()
    models: dict[Name, ModelSettings] = Field({}, min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (1,), min_length=1, json_schema_extra={"uniqueItems": True}
    )
    new: str | None = Field(None, description="folder of what is to be predicted")
    max_refused: Share = Field(0.05, description="share of refused records that stops the run")
    max_length: Positive = Field(10_000, description="longer sequences are refused in training")
    max_unpacked: Positive = Field(
        10_000, description="MB; gzip files that unpack to more are refused"
    )
    controls: Literal["all", "none"] = Field(
        "all", description="train each model once more on shuffled labels, or not"
    )
    bootstrap: Annotated[int, Field(ge=100)] = Field(
        1000, description="replicates; fewer than 100 give no 95 % interval"
    )
    explain: ExplainSettings = ExplainSettings()
    learning_curve: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (),
        description="shares of the training part, ascending, that the chosen model is trained on "
        "too, to foretell what more data would bring",
    )

    @field_validator("learning_curve")
    @classmethod
    def _shares_ascend(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if list(shares) != sorted(set(shares)):
            raise ValueError("list the shares in ascending order, each once, such as [0.25, 0.5]")
        return shares

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
    def external_test(self) -> bool:
        """Whether the test part comes from files of its own."""
        return getattr(self.files, "test", None) is not None

    @model_validator(mode="after")
    def _one_external_test(self) -> DatasetSettings:
        if self.external_test and self.split.folds > 1:
            raise ValueError(
                f"files.test is the test part of every fold: set split.folds to 1, not "
                f"{self.split.folds}, and list several `seeds` instead"
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

    @model_validator(mode="after")
    def _strands_belong_to_dna(self) -> DatasetSettings:
        for name, model in self.models.items():
            for own in (model, *model.inputs.values()):
                if own.stem is not None and own.stem.both_strands and not self.has_strands:
                    raise ValueError(f"model {name!r}: stem.both_strands is for DNA: expression")
        return self

    @model_validator(mode="after")
    def _stacked_on_baselines_of_the_task(self) -> DatasetSettings:
        for name, model in self.models.items():
            check_stack(name, model.stack_on, self.stackable, STACKED)
        return self

    @model_validator(mode="after")
    def _explanation_suits_the_task(self) -> DatasetSettings:
        if self.explain.condition is not None and not self.has_conditions:
            raise ValueError("explain.condition is for expression, which alone has conditions")
        if self.explain.state != "helix" and not self.has_classes:
            raise ValueError("explain.state is for structure, which alone has states")
        return self

    @model_validator(mode="after")
    def _training_suits_the_task(self) -> DatasetSettings:
        for name, model in self.models.items():
            if model.training.label_smoothing and not self.has_classes:
                raise ValueError(
                    f"model {name!r}: training.label_smoothing is for tasks whose labels are "
                    "classes, such as structure"
                )
            if model.training.per_group is not None and self.has_sides:
                raise ValueError(
                    f"model {name!r}: training.per_group is not for pairs, which lie in two groups"
                )
        return self


class StructureSet(Files):
    sequences: str = Field(description="3-line file, FASTA, or FASTA with TARGET= in its headers")
    labels: str | None = Field(None, description="a second FASTA with the DSSP states")


class StructureFiles(StructureSet):
    test: StructureSet | None = Field(None, description="an external test set, as above")


class StructureDataset(DatasetSettings):
    """Secondary structure of protein chains: 8 DSSP states per residue."""

    default_split: ClassVar[dict[str, Any]] = {"strategy": "homology"}
    has_classes: ClassVar[bool] = True
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


class ExpressionSet(Files):
    sequences: str = Field(description="FASTA, one record a gene")
    expression: str = Field(description="table of genes x conditions")
    annotations: str | None = Field(None, description="table with start, end, strand of each gene")


class ExpressionFiles(ExpressionSet):
    test: ExpressionSet | None = Field(None, description="an external test set, as above")


class ExpressionDataset(DatasetSettings):
    """Expression of genes under many conditions, from their DNA sequence."""

    default_split: ClassVar[dict[str, Any]] = {"strategy": "group"}
    has_conditions: ClassVar[bool] = True
    has_strands: ClassVar[bool] = True
    stackable: ClassVar[tuple[str, ...]] = ("codon ridge", "k-mer ridge", "k-mer boosting")
    task: Literal["expression"]
    files: ExpressionFiles
    unit: str = "log2 TPM"
    coding_start: Annotated[int, Field(ge=0)] | None = Field(
        None, description="position of the first coding base, counted from 0"
    )

    @property
    def landmark(self) -> int | None:
        return self.coding_start

    @model_validator(mode="after")
    def _codons_to_stack_on(self) -> ExpressionDataset:
        for name, model in self.models.items():
            if "codon ridge" in model.stack_on and self.coding_start is None:
                said = "'codon ridge' needs `coding_start` in the dataset"
                raise SettingError(said, "models", name, "stack_on")
        return self


class AffinityFiles(Files):
    drugs: str = Field(description="table of id and SMILES, or a .smi file")
    targets: str = Field(description="FASTA of the proteins")
    affinities: str = Field(description="long table: drug, target, value")


class AffinityDataset(DatasetSettings):
    """How strongly drugs bind to proteins."""

    # At .25 nearly all kinases are one cluster; at .5 they fall into subfamilies.
    default_split: ClassVar[dict[str, Any]] = {"strategy": "cold", "identity": 0.5}
    has_sides: ClassVar[bool] = True
    strategies: ClassVar[tuple[str, ...]] = ("cold", "given", "random")
    stackable: ClassVar[tuple[str, ...]] = (
        "Kronecker ridge",
        "profile ridge",
        "weighted neighbours",
        "drug mean + target mean",
    )
    task: Literal["affinity"]
    files: AffinityFiles
    unit: str = "pKd"
    higher_binds_stronger: bool = True
    apply_mutations: bool = Field(
        False, description="put mutations of target names, such as ABL1(E255K), into the sequences"
    )


class PretrainedDataset(Strict):
    """New sequences alone, predicted with a model that was trained before."""

    tag: ClassVar[str] = "predicted"
    task: Literal["structure", "expression", "affinity"]
    pretrained: str = Field(description="name of an installed model, or the folder of one")
    new: str | None = Field(None, description="folder of what is to be predicted")


LEARNT = "learnt"


def _kind(dataset: Any) -> str:
    """Which of the two a dataset is: one to learn from, or one of new sequences alone."""
    alone = isinstance(dataset, PretrainedDataset) or (
        isinstance(dataset, Mapping) and "pretrained" in dataset
    )
    return PretrainedDataset.tag if alone else LEARNT


LearntDataset = Annotated[
    StructureDataset | ExpressionDataset | AffinityDataset, Field(discriminator="task")
]
Dataset = Annotated[
    Annotated[LearntDataset, Tag(LEARNT)]
    | Annotated[PretrainedDataset, Tag(PretrainedDataset.tag)],
    Discriminator(_kind),
]
DATASETS: dict[str, type[DatasetSettings]] = {
    "structure": StructureDataset,
    "expression": ExpressionDataset,
    "affinity": AffinityDataset,
}
STACKED = {name: dataset.stackable for name, dataset in DATASETS.items() if dataset.stackable}


class Config(Strict):
    """The whole of `config.yaml`."""

    title: str = "bioseq_lstm"
    downloads: dict[FileName, Download] = Field(
        {}, description="files of `data/downloads/` and where they come from"
    )
    local: str | None = Field(
        None, description="folder with copies of `downloads`, known by their checksums"
    )
    outside: tuple[str, ...] = Field(
        (), description="folders outside the project that paths of this file may lead to"
    )
    models: dict[Name, dict[str, Any]] = Field(
        {}, description="named models; each dataset may override parts of them"
    )
    datasets: dict[Name, Dataset] = Field(min_length=1)

    @property
    def learnt(self) -> dict[str, DatasetSettings]:
        """The datasets that models are trained on."""
        return {k: d for k, d in self.datasets.items() if isinstance(d, DatasetSettings)}

    @property
    def predicted(self) -> dict[str, PretrainedDataset]:
        """The datasets of new sequences alone."""
        return {k: d for k, d in self.datasets.items() if isinstance(d, PretrainedDataset)}
