"""Reading ``config.yaml``: validated, every model resolved, every fault one line.

This module stays light (no torch, no pandas): Snakemake reads it every time it starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from bioseq_lstm.download_settings import Download
from bioseq_lstm.encoder_settings import OTHER_NAMES
from bioseq_lstm.errors import UserError, nearest
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.presets import merge, preset
from bioseq_lstm.settings import DATASETS, LEARNT, NAME, Config, DatasetSettings, PretrainedDataset
from bioseq_lstm.strict_yaml import line_of, load_yaml

DEFAULT_MODELS: dict[str, dict[str, Any]] = {
    "bilstm": {"encoder": {"name": "lstm"}},
    "convlstm": {"encoder": {"name": "convlstm"}},
}


# What stands where a mapping is wanted is most often its main value.
EXAMPLES = {
    "encoder": "{name: lstm}",
    "stem": "{kernels: [9, 15]}",
    "attention": "{heads: 4}",
    "training": "{epochs: 20}",
    "split": "{strategy: homology}",
}
LISTS = {"stack_on": "the name of a baseline, or a list of such names"}
_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def parse_config(raw: Any, file: str | Path | None = None) -> Config:
    """Validate what was read from YAML; every fault is one ``UserError`` line.

    A dataset's ``models`` may be a list of names or a mapping of name to overrides. Each is
    resolved here: the task's preset, then the named model, then the dataset's own overrides.
    """
    if not isinstance(raw, Mapping):
        raise UserError("must be a mapping with the key `datasets`", file=file)
    own = raw.get("models")
    for name, entry in own.items() if isinstance(own, Mapping) else ():
        _check_map(entry, ("models", name), file)
    named = {**DEFAULT_MODELS, **own} if isinstance(own, Mapping) else DEFAULT_MODELS
    unsaid = list(own if isinstance(own, Mapping) and own else DEFAULT_MODELS)
    resolved = dict(raw)
    datasets = raw.get("datasets")
    if isinstance(datasets, Mapping):
        resolved["datasets"] = {
            name: _resolve_models(name, entry, named, unsaid, file)
            for name, entry in datasets.items()
        }
    try:
        return Config.model_validate(resolved)
    except ValidationError as error:
        raise _as_user_error(error, Config, resolved, raw, file) from None


def load_config(path: str | Path) -> Config:
    return parse_config(load_yaml(path), path)


def parse_settings(raw: Any) -> tuple[str, DatasetSettings]:
    """A dataset's task and its resolved settings, as a rule hands them to a verb."""
    if not isinstance(raw, Mapping) or raw.get("task") not in DATASETS:
        raise UserError(f"settings: must be a mapping with `task`: one of {', '.join(DATASETS)}")
    task = raw["task"]
    try:
        return task, DATASETS[task].model_validate(raw)
    except ValidationError as error:
        raise _as_user_error(error, DATASETS[task], raw, raw, None) from None


def parse_model(raw: Any) -> ModelSettings:
    """One model's resolved settings, as a rule hands them to a verb."""
    try:
        return ModelSettings.model_validate(raw)
    except ValidationError as error:
        raise _as_user_error(error, ModelSettings, raw, raw, None) from None


def parse_download(raw: Any) -> Download:
    """One entry of `downloads`, as the rule hands it to the verb."""
    try:
        return Download.model_validate(raw)
    except ValidationError as error:
        raise _as_user_error(error, Download, raw, raw, None) from None


def _resolve_models(
    name: str, entry: Any, named: Mapping[str, Any], unsaid: list[str], file: str | Path | None
) -> Any:
    """The entry of a dataset with its models resolved; those of ``unsaid`` where it names none."""
    if not isinstance(entry, Mapping) or entry.get("task") not in tuple(DATASETS):
        return entry
    if "pretrained" in entry:  # nothing is trained
        return entry
    chosen = entry.get("models", unsaid)
    if isinstance(chosen, str):
        chosen = [chosen]
    if isinstance(chosen, list) and all(isinstance(model, str) for model in chosen):
        chosen = dict.fromkeys(chosen)
    if not isinstance(chosen, Mapping):
        raise UserError(
            f"datasets.{name}.models: write names, such as [bilstm, convlstm], or a mapping of "
            "name to what differs",
            file=file,
            line=line_in(file, ("datasets", name, "models")),
        )
    models = {}
    for model, own in chosen.items():
        _check_map(own, ("datasets", name, "models", model), file)
        if model not in named:
            raise UserError(
                f"dataset {name!r} names the model {model!r}, which is not in `models`"
                f"{nearest(str(model), named)}",
                file=file,
                line=line_in(file, ("datasets", name, "models", model)),
            )
        asked = merge(named[model] or {}, own or {})
        models[model] = merge(preset(entry, asked), asked)
    return {**entry, "models": models}


def _check_map(entry: Any, keys: tuple[Any, ...], file: str | Path | None) -> None:
    """Settings of a model are a mapping, or nothing."""
    if not isinstance(entry, Mapping | None):
        raise UserError(
            f"{'.'.join(map(str, keys))}: {entry!r} must be a mapping, such as "
            "`encoder: {name: lstm}`",
            file=file,
            line=line_in(file, keys),
        )


def line_in(file: str | Path | None, keys: Sequence[Any]) -> int | None:
    """The line of ``keys`` where ``file`` is one, and not the names of several."""
    return line_of(file, keys) if file is not None and Path(file).is_file() else None


def _as_user_error(
    error: ValidationError,
    model: type[BaseModel],
    resolved: Any,
    written: Any,
    file: str | Path | None,
) -> UserError:
    """The first fault as one line; ``resolved`` is what was validated, ``written`` what stands."""
    # A key that is misspelt is also missing: the misspelling is the better thing to tell.
    first = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    location = (*first["loc"], *getattr(first.get("ctx", {}).get("error"), "keys", ()))
    keys = _as_written(resolved, location)
    if keys[:1] == ["datasets"] and keys[2:3] == ["models"] and not stands(written, keys):
        keys = keys[2:]  # the dataset only names the model, which stands at the top
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        choices = _fields_at(model, location[:-1])
        message = f"unknown key{nearest(str(location[-1]), choices)}; known: {', '.join(choices)}"
    elif first["type"] == "union_tag_not_found":
        message = f"{first['ctx']['discriminator'].strip(chr(39))} is missing"
    elif first["type"] in ("union_tag_invalid", "literal_error"):
        if first["type"] == "union_tag_invalid":
            keys.append(first["ctx"]["discriminator"].strip("'"))
        expected = re.findall(
            r"'([^']+)'", str(first["ctx"].get("expected_tags", first["ctx"].get("expected")))
        )
        given = first["ctx"].get("tag", first["input"])
        wanted = str(given).casefold()
        known = OTHER_NAMES.get(wanted, wanted)
        message = f"{given!r} is not known{nearest(known, expected)}; known: {', '.join(expected)}"
    elif first["type"] in ("model_type", "model_attributes_type"):
        example = EXAMPLES.get(str(keys[-1])) if keys else None
        message = f"{first['input']!r} must be a mapping{f', such as {example}' if example else ''}"
    elif first["type"] in _BOUNDS:
        message = f"{message[0].lower()}{message[1:]}, not {first['input']!r}"
    elif first["type"] == "string_pattern_mismatch":
        message = "a name has letters, digits, _ and - only, and starts with a letter or digit"
    elif first["type"] in ("tuple_type", "list_type"):
        wanted = LISTS.get(str(keys[-1]) if keys else "", "a list, such as [1, 2, 3]")
        message = f"{first['input']!r} must be {wanted}"
    elif first["type"] == "missing":
        message = "is missing"
    others = error.error_count() - 1
    more = f"; {others} more error{'s' if others > 1 else ''}" if others else ""
    where = ".".join(map(str, keys)) or "top level"
    return UserError(f"{where}: {message}{more}", file=file, line=line_in(file, keys))


def stands(raw: Any, keys: Sequence[Any]) -> bool:
    """Whether ``keys`` lead to something in ``raw``."""
    for key in keys:
        try:
            raw = raw[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _as_written(raw: Any, location: tuple[Any, ...]) -> list[Any]:
    """The location without pydantic's own marks (a union's tag, ``[key]``)."""
    keys: list[Any] = []
    for number, part in enumerate(location, 1):
        if stands(raw, [part]):
            keys.append(part)
            raw = raw[part]
        elif number == len(location) and part not in ("[key]", LEARNT):
            tags = [raw.get("task"), raw.get("name")] if isinstance(raw, Mapping) else []
            if part not in tags:
                keys.append(part)
    return keys


def _fields_at(annotation: Any, location: tuple[str | int, ...]) -> list[str]:
    """Names of the fields of the model that stands at ``location`` below ``annotation``."""
    for part in location:
        annotation = _step(annotation, part)
    models = _models(annotation)
    return [field for model in models[:1] for field in model.model_fields]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _step(annotation: Any, part: str | int) -> Any:
    """One step of an error's location: a field, a key of a mapping, or a union's tag."""
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    if part == PretrainedDataset.tag:
        return PretrainedDataset
    for model in _models(annotation):
        tag = model.model_fields.get("task") or model.model_fields.get("name")
        if tag is not None and part in get_args(tag.annotation):
            return model
        if part in model.model_fields:
            return model.model_fields[part].annotation
    return annotation


def json_schema() -> dict[str, Any]:
    """JSON schema of ``config.yaml`` as people write it (models may be a list of names)."""
    schema = TypeAdapter(Config).json_schema()
    for model in DATASETS.values():
        definition = schema["$defs"][model.__name__]
        definition["properties"]["models"] = {
            "anyOf": [
                {"type": "string", "pattern": NAME},
                {"type": "array", "items": {"type": "string", "pattern": NAME}, "minItems": 1},
                {
                    "type": "object",
                    "additionalProperties": {"type": ["object", "null"]},
                    "minProperties": 1,
                },
            ],
            "description": "names of models, or a mapping of name to what differs here",
        }
        definition["required"] = [key for key in definition["required"] if key != "split"]
    schema["$defs"]["SplitSettings"]["required"] = []
    for names in ("models", "datasets"):
        schema["properties"][names]["additionalProperties"] = False  # no name but a plain one
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """The schema as the YAML file that is committed."""
    return (
        "# Written by: bioseq-lstm schema > workflow/schemas/config.schema.yaml\n"
        + yaml.safe_dump(json_schema(), sort_keys=False, allow_unicode=True, width=100)
    )
