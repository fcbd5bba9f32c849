"""The card of a packed model: ``model.json``, checked key by key when it is read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from bioseq_lstm.config import parse_settings
from bioseq_lstm.encoder_settings import Strict
from bioseq_lstm.errors import UserError
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.settings import DATASETS, NAME, DatasetSettings, Name

# What predicting needs of the settings of the dataset that was learnt from; no paths among it.
KEPT_OF_DATASET = ("split", "unit", "coding_start", "higher_binds_stronger", "apply_mutations")
LARGEST = 20_000_000  # bytes of a card; those of the largest demo models have some ten thousand
NOT_SAID = "not stated"


class Member(Strict):
    """One network of the model, and the run that it comes from."""

    run: str
    weights_sha256: str = Field(description="of the run's own file")
    settings: ModelSettings
    about: dict[str, Any]
    calibration: dict[str, Any]
    invariance: dict[str, Any]
    validation_loss: float
    best_epoch: int
    cost: dict[str, Any]
    init_from: dict[str, Any] | None = None


class Figure(Strict):
    metric: str
    label: str
    description: str
    value: float | None
    low: float | None
    high: float | None


class Test(Strict):
    """What the packed model itself reached on the test part."""

    samples: int
    units: str
    replicates: int
    figures: list[Figure]
    bands: list[dict[str, float | str | None]]


class Storage(Strict):
    store: Literal["float32", "float16", "int8"]
    largest_change: float = Field(description="of a prediction by storing, as share of their range")
    bytes: int


class Words(Strict):
    """What a person says of the model; it is read from a file of these keys."""

    summary: str = NOT_SAID
    data: str = NOT_SAID
    licence: str = NOT_SAID
    intended_use: str = NOT_SAID
    limits: tuple[str, ...] = ()


class Described(Strict):
    """What is known of trained networks, packed or not."""

    name: Name
    task: Literal["structure", "expression", "affinity"]
    words: Words
    members: list[Member] = Field(min_length=1)
    trained_on: dict[str, Any]
    test: Test | None


class Card(Described):
    """All that is known of a packed model."""

    format: Literal[1] = 1
    calibration: list[dict[str, Any]] = Field(min_length=1)
    letters: dict[str, list[str]]
    outputs: dict[str, Any]
    dataset: dict[str, Any]
    storage: Storage
    weights_sha256: str
    versions: dict[str, str]

    @field_validator("dataset")
    @classmethod
    def _nothing_but_what_predicting_needs(cls, dataset: dict[str, Any]) -> dict[str, Any]:
        if strange := sorted(dataset.keys() - set(KEPT_OF_DATASET)):
            raise ValueError(f"{strange[0]} is nothing that a model may set")
        return dataset

    def dataset_settings(self) -> DatasetSettings:
        """Settings of the dataset that was learnt from; its files are not there any more."""
        files = DATASETS[self.task].model_fields["files"].annotation
        assert files is not None
        needed = [k for k, field in files.model_fields.items() if field.is_required()]
        raw = {"task": self.task, "files": dict.fromkeys(needed, ""), **self.dataset}
        return parse_settings(raw)[1]


def parse_words(raw: Any) -> Words:
    """What a person wrote of a model. Raises UserError for a key that is none of ``Words``."""
    try:
        return Words.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(Words.model_fields)
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"words: {where}: {first['msg']}; known: {known}") from None


def check_name(name: str) -> str:
    """The name of a model, which is a folder's and a word of a command."""
    if not re.fullmatch(NAME, name):
        raise UserError(
            f"the name {name!r} has other than letters, digits, _ and -: say another with --name"
        )
    return name


def read_card(path: Path) -> Card:
    """Raises UserError, one line, for what is no card."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST // 1_000_000} MB")
        return Card.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError("there is no such file", file=path) from None
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise UserError(f"is no card of a packed model: {reason}", file=path) from None
