from __future__ import annotations

import platform
import shutil
import socket
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from bioseq_lstm import __version__, provenance
from bioseq_lstm.provenance import checksums, code_digest, machine, versions

Package = Callable[[str, str], None]

SOURCES = {
    "__init__.py": "",
    "learning/__init__.py": "",
    "learning/run.py": "from bioseq_lstm.tasks.base import Task\n",
    "learning/telling.py": "import bioseq_lstm.reporting.page\n",
    "tasks/__init__.py": "from bioseq_lstm.tasks.structure import task\n",
    "tasks/base.py": (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from bioseq_lstm.reporting.page import Page\n"
        "def late():\n    from bioseq_lstm.data import ragged\n"
    ),
    "tasks/structure/__init__.py": "",
    "tasks/structure/task.py": "import numpy\n",
    "tasks/structure/panels.py": "",
    "data/__init__.py": "",
    "data/ragged.py": "from bioseq_lstm.data.circle import a\n",
    "data/circle.py": "from bioseq_lstm.data.ragged import b\n",
    "reporting/__init__.py": "",
    "reporting/page.py": "",
    "reporting/templates/page.html.j2": "<p>",
    "tasks/native/__init__.py": "",
    "tasks/native/loop.h": "",
    "tasks/native/cells.cpp": "",
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A small package in the place of ours; ``write(path, text)`` edits it."""
    root = tmp_path / "bioseq_lstm"
    monkeypatch.setattr(provenance, "_ROOT", root)

    def edit(path: str, text: str) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    for path, text in SOURCES.items():
        edit(path, text)
    return edit


@pytest.mark.parametrize(
    "path",
    [
        "learning/run.py",
        "tasks/base.py",
        "data/ragged.py",
        "data/circle.py",
        "data/__init__.py",
        "tasks/__init__.py",
        "tasks/structure/task.py",
    ],
    ids=[
        "itself",
        "imported",
        "imported late",
        "imported in a circle",
        "the package above",
        "the registry that comes with the package above",
        "imported by that registry",
    ],
)
def test_the_digest_changes_with_whatever_the_module_runs(write: Package, path: str) -> None:
    before = code_digest("bioseq_lstm.learning.run")
    write(path, SOURCES[path] + "# edited\n")
    assert code_digest("bioseq_lstm.learning.run") != before
    write(path, SOURCES[path])
    assert code_digest("bioseq_lstm.learning.run") == before


@pytest.mark.parametrize(
    "path",
    [
        "learning/telling.py",
        "tasks/structure/panels.py",
        "reporting/page.py",
        "reporting/templates/page.html.j2",
    ],
)
def test_the_digest_stays_when_something_else_is_edited(write: Package, path: str) -> None:
    before = code_digest("bioseq_lstm.learning.run")
    write(path, SOURCES[path] + "# edited\n")
    write("learning/another.py", "import bioseq_lstm.learning.run\n")
    assert code_digest("bioseq_lstm.learning.run") == before


def test_templates_are_code_of_the_package_they_lie_in(write: Package) -> None:
    before = code_digest("bioseq_lstm.learning.telling")
    write("reporting/templates/page.html.j2", "<h1>")
    assert code_digest("bioseq_lstm.learning.telling") != before


@pytest.mark.parametrize("source", ["loop.h", "cells.cpp"])
def test_sources_in_cpp_are_code_of_the_package_they_lie_in(write: Package, source: str) -> None:
    write("tasks/structure/task.py", "from bioseq_lstm.tasks import native\n")
    before = [code_digest(f"bioseq_lstm.learning.{name}") for name in ("run", "telling")]
    write(f"tasks/native/{source}", "// edited\n")
    after = [code_digest(f"bioseq_lstm.learning.{name}") for name in ("run", "telling")]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True]


def test_modules_that_are_loaded_by_name_can_be_added_by_a_pattern(write: Package) -> None:
    names = ("bioseq_lstm.learning.run", "bioseq_lstm.tasks.*.panels")
    before = code_digest(*names)
    write("tasks/structure/panels.py", "# edited\n")
    edited = code_digest(*names)
    assert edited != before
    write("tasks/fold/panels.py", "")
    assert code_digest(*names) != edited


def test_a_module_that_is_not_there_is_no_digest(write: Package) -> None:
    with pytest.raises(ValueError, match=r"no module bioseq_lstm\.learning\.rnu"):
        code_digest("bioseq_lstm.learning.rnu")


def test_our_own_training_depends_on_networks_and_not_on_what_is_made_of_its_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "bioseq_lstm"
    shutil.copytree(provenance._ROOT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "_ROOT", copy)
    before = code_digest("bioseq_lstm.learning.run")
    for later in ("learning/evaluation.py", "metrics/seeds.py", "learning/telling.py",
                  "reporting/page.py", "tasks/structure/panels.py"):  # fmt: skip
        (copy / later).write_text("# edited")
    assert code_digest("bioseq_lstm.learning.run") == before
    (copy / "tasks/structure/network.py").write_text("# edited")
    assert code_digest("bioseq_lstm.learning.run") != before


def test_versions_are_those_that_are_installed() -> None:
    found = versions()
    assert found["bioseq_lstm"] == __version__
    assert found["python"] == platform.python_version()
    assert found["torch"] == metadata.version("torch")


def test_a_library_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert versions()["torch"] == "not installed"


def test_the_machine_is_told_without_its_name() -> None:
    assert socket.gethostname() not in machine().values()
    assert machine()["system"] == platform.system()


def test_checksums_stand_under_the_paths_as_given(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (found,) = checksums([tmp_path / "a"]).items()
    assert found[0] == str(tmp_path / "a")
    assert found[1].startswith("ba7816bf8f01cfea")  # FIPS 180-2, appendix B.1
