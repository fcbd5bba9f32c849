"""Reading ``config.yaml``: validated, every model resolved, every fault one line.

This module stays light (no torch, no pandas): Snakemake reads it every time it starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from bioseq_lstm.errors import UserError, nearest
from bioseq_lstm.presets import merge, preset
from bioseq_lstm.settings import DATASETS, NAME, Config, DatasetSettings
from bioseq_lstm.strict_yaml import line_of, load_yaml

DEFAULT_MODELS: dict[str, dict[str, Any]] = {
    "bilstm": {"encoder": {"name": "lstm"}},
    "convlstm": {"encoder": {"name": "convlstm"}},
}


def parse_config(raw: Any, file: str | Path | None = None) -> Config:
    """Validate what was read from YAML; every fault is one ``UserError`` line.

    A dataset's ``models`` may be a list of names or a mapping of name to overrides. Each is
    resolved here: the task's preset, then the named model, then the dataset's own overrides.
    """
    if not isinstance(raw, Mapping):
        raise UserError("must be a mapping with the key `datasets`", file=file)
    named = {**DEFAULT_MODELS, **raw["models"]} if _is_map(raw, "models") else DEFAULT_MODELS
    resolved = dict(raw)
    if _is_map(raw, "datasets"):
        resolved["datasets"] = {
            name: _resolve_models(name, entry, named, file)
            for name, entry in raw["datasets"].items()
        }
    try:
        return Config.model_validate(resolved)
    except ValidationError as error:
        raise _as_user_error(error, resolved, file) from None


def load_config(path: str | Path) -> Config:
    return parse_config(load_yaml(path), path)


def parse_settings(task: str, raw: Mapping[str, Any]) -> DatasetSettings:
    """One dataset's resolved settings, as a rule hands them to a verb."""
    return DATASETS[task].model_validate(raw)


def _is_map(raw: Mapping[str, Any], key: str) -> bool:
    return isinstance(raw.get(key), Mapping)


def _resolve_models(
    name: str, entry: Any, named: Mapping[str, Any], file: str | Path | None
) -> Any:
    if not isinstance(entry, Mapping) or entry.get("task") not in DATASETS:
        return entry
    chosen = entry.get("models", list(named))
    if isinstance(chosen, str):
        chosen = [chosen]
    overrides = dict.fromkeys(chosen) if isinstance(chosen, list) else dict(chosen)
    models = {}
    for model, own in overrides.items():
        if model not in named:
            raise UserError(
                f"dataset {name!r} names the model {model!r}, which is not in `models`"
                f"{nearest(str(model), named)}",
                file=file,
                line=_line(file, ("datasets", name, "models", model)),
            )
        asked = merge(named[model] or {}, own or {})
        models[model] = merge(preset(entry["task"], asked), asked)
    return {**entry, "models": models}


def _line(file: str | Path | None, keys: tuple[str | int, ...]) -> int | None:
    return line_of(file, keys) if file is not None and Path(file).is_file() else None


def _as_user_error(error: ValidationError, raw: Any, file: str | Path | None) -> UserError:
    first = error.errors()[0]
    location = first["loc"]
    where = ".".join(_as_written(raw, location))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        choices = _fields_at(Config, location[:-1])
        message = f"unknown key{nearest(str(location[-1]), choices)}; known: {', '.join(choices)}"
    elif first["type"] in ("union_tag_invalid", "literal_error"):
        expected = re.findall(
            r"'([^']+)'", str(first["ctx"].get("expected_tags", first["ctx"].get("expected")))
        )
        given = first["ctx"].get("tag", first["input"])
        message = (
            f"{given!r} is not known{nearest(str(given), expected)}; known: {', '.join(expected)}"
        )
    elif first["type"] == "string_pattern_mismatch":
        message = "a name has letters, digits, _ and - only, and starts with a letter or digit"
    elif first["type"] == "missing":
        message = "is missing"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return UserError(
        f"{where or 'top level'}: {message}{more}", file=file, line=_line(file, location)
    )


def _as_written(raw: Any, location: tuple[str | int, ...]) -> list[str]:
    """The location without pydantic's own marks (a union's tag, ``[key]``)."""
    keys = []
    for number, part in enumerate(location, 1):
        if (isinstance(raw, Mapping) and part in raw) or (
            isinstance(raw, list | tuple) and isinstance(part, int)
        ):
            keys.append(str(part))
            raw = raw[part]
        elif number == len(location) and part != "[key]":
            keys.append(str(part))
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
    overrides = {
        "anyOf": [
            {"type": "array", "items": {"type": "string", "pattern": NAME}},
            {"type": "object", "additionalProperties": {"type": ["object", "null"]}},
        ],
        "description": "names of models, or a mapping of name to what differs for this dataset",
    }
    for model in DATASETS.values():
        definition = schema["$defs"][model.__name__]
        definition["properties"]["models"] = overrides
        definition["required"] = [key for key in definition["required"] if key != "split"]
    strategy = schema["$defs"]["SplitSettings"]
    strategy["required"] = []
    return schema
