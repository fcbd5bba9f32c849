"""The schema that editors read: it says what the settings say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from small_config import dataset

from bioseq_lstm.config import json_schema, parse_config, schema_text
from bioseq_lstm.errors import UserError

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"


def test_the_schema_that_is_committed_is_that_of_the_code() -> None:
    written = SCHEMA.read_text(encoding="utf-8") if SCHEMA.exists() else ""
    assert written == schema_text(), (
        "the settings have changed; run: bioseq-lstm schema > workflow/schemas/config.schema.yaml"
    )


def test_the_schema_is_one_and_accepts_the_demo() -> None:
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    assert schema == json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    demo = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(demo, schema)


@pytest.mark.parametrize(
    "change",
    [
        {"folds": 2},
        {"models": {"bilstm": {"head": {"hidden": 3}}, "convlstm": None}},
        {"models": "bilstm"},
        {"split": {"folds": 3}},
    ],
)
def test_schema_and_settings_agree_on_what_is_right(change: dict[str, Any]) -> None:
    raw = {"datasets": {"d": dataset(**change)}}
    validator = jsonschema.Draft202012Validator(json_schema())
    if "folds" in change:  # it belongs to `split`
        assert not validator.is_valid(raw)
        with pytest.raises(UserError):
            parse_config(raw)
    else:
        validator.validate(raw)
        parse_config(raw)


@pytest.mark.parametrize("name", ["../../x", "$(touch X)", "a b", "-x"])
def test_the_schema_refuses_hostile_names_too(name: str) -> None:
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(
        {"datasets": {name: dataset()}}
    )
