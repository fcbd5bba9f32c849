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


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if key in seen:
                raise UserError(
                    f"the key {key!r} stands twice (first on line {seen[key]}); keep one",
                    file=self.name,
                    line=line,
                )
            seen[key] = line
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def _loader(path: Path) -> _Loader:
    try:
        loader = _Loader(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserError("no such file", file=path) from None
    except UnicodeDecodeError:
        raise UserError("not UTF-8 text; save it as UTF-8", file=path) from None
    loader.name = str(path)
    return loader


def load_yaml(path: str | Path) -> Any:
    """Read one YAML document; a key that stands twice and bad syntax are a ``UserError``."""
    path = Path(path)
    loader = _loader(path)
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise UserError(f"not valid YAML: {error.problem}", file=path, line=line) from None
    finally:
        loader.dispose()


def line_of(path: str | Path, keys: Sequence[str | int]) -> int | None:
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
