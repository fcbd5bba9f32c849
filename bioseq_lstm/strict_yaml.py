"""YAML read the way people mean it: ``1e-3`` is a number, a key stands once, lines are known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bioseq_lstm.errors import UserError

# YAML 1.1 wants a dot in every float; people write 1e-3.
_FLOAT = re.compile(
    r"""^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[0-9]+[eE][-+]?[0-9]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?|\.inf|\.Inf|\.nan|\.NaN)$""",
    re.VERBOSE,
)
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Safe YAML, but a number may lack its dot and a date is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def _loader(path: Path) -> _Loader:
    try:
        loader = _Loader(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserError("no such file", file=path) from None
    except IsADirectoryError:
        raise UserError("is a folder; a file is expected", file=path) from None
    except UnicodeDecodeError:
        raise UserError("not UTF-8 text; save it as UTF-8", file=path) from None
    except yaml.reader.ReaderError as error:
        raise UserError(
            f"not valid YAML: the character {error.character:#x} may not stand in text", file=path
        ) from None
    loader.name = str(path)
    return loader


def load_yaml(path: str | Path) -> Any:
    """Read one YAML document; a key that stands twice and bad syntax are a ``UserError``."""
    path = Path(path)
    loader = _loader(path)
    try:
        node = loader.get_single_node()
        _check_keys(node, path, set())
        return None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise UserError(f"not valid YAML: {error.problem}", file=path, line=line) from None
    finally:
        loader.dispose()


def _check_keys(node: yaml.Node | None, path: Path, checked: set[int]) -> None:
    """Raise ``UserError`` for a key that stands twice in its mapping, or is no plain word."""
    if id(node) in checked:  # an alias leads here a second time
        return
    checked.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item, path, checked)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[tuple[str, str], int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise UserError(
                "a key must be a plain word; put text with brackets in quotes", file=path, line=line
            )
        if (key.tag, key.value) in seen:
            raise UserError(
                f"the key {key.value!r} stands twice (first on line {seen[key.tag, key.value]}); "
                "keep one",
                file=path,
                line=line,
            )
        seen[key.tag, key.value] = line
        _check_keys(value, path, checked)


def line_of(path: str | Path, keys: Sequence[Any]) -> int | None:
    """The line on which the deepest part of ``keys`` that exists in the file stands."""
    loader = _loader(Path(path))
    try:
        node = loader.get_single_node()
    finally:
        loader.dispose()
    line = None
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            found = [(k, v) for k, v in node.value if k.value == str(key)]
            if not found:
                continue
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
    return line
