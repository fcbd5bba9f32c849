"""A clone of this checkout, in which a test runs the real Snakemake as a user would."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHECKOUT = (
    *("Snakefile", "bioseq_lstm", "envs", "profiles"),
    *("workflow/rules", "workflow/report", "workflow/scripts", "workflow/resources/benchmarks"),
)
LONGEST_CALL = 1800  # seconds

_HEADING = re.compile(r"^(?:local)?rule (\w+):$")
_WILDCARD = re.compile(r"(\w+)=([^,\s]+)")


@dataclass(frozen=True)
class Done:
    """How a call of Snakemake ended; ``output`` is all that it printed."""

    status: int
    output: str

    @property
    def planned(self) -> set[str]:
        """Jobs of a dry run, such as ``train structure bilstm fold0 seed1``."""
        jobs, rule = set(), ""
        for line in map(str.strip, self.output.splitlines()):  # jobs of a group are indented
            if heading := _HEADING.match(line):
                rule = heading[1]
                if rule == "index":  # the one rule without wildcards but `all`
                    jobs.add(rule)
            elif rule and line.startswith("wildcards: "):
                values = _WILDCARD.findall(line)
                shown = (f"{name}{value}" if value.isdigit() else value for name, value in values)
                jobs.add(" ".join((rule, *shown)))
        return jobs

    @property
    def planned_rules(self) -> set[str]:
        return {job.split()[0] for job in self.planned}


@dataclass(frozen=True)
class Project:
    """A folder in which a user runs Snakemake: the checkout, ``config.yaml`` and data."""

    folder: Path

    @classmethod
    def new(cls, folder: Path) -> Project:
        for name in CHECKOUT:
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)
        return cls(folder)

    def copy(self, folder: Path) -> Project:
        """The same with all its results; times of files are kept, so nothing looks new."""
        shutil.copytree(self.folder, folder)
        return Project(folder)

    def path(self, *parts: str) -> Path:
        return self.folder.joinpath(*parts)

    def write(self, name: str, text: str) -> None:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def configure(self, config: Any) -> None:
        self.write("config.yaml", yaml.safe_dump(config, sort_keys=False))

    @property
    def config(self) -> Any:
        return yaml.safe_load(self.path("config.yaml").read_text())

    def start(self, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Snakemake as a user starts it, at the head of a process group of its own."""
        bin_folder = Path(sys.executable).parent
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=cwd or self.folder,
            env={**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Tests that a script starts in its background inherit that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def snakemake(self, *arguments: str, cwd: Path | None = None) -> Done:
        process = self.start(*arguments, cwd=cwd)
        output, _ = process.communicate(timeout=LONGEST_CALL)
        return Done(process.returncode, output)

    def plan(self, *arguments: str) -> Done:
        """A dry run, which must succeed."""
        done = self.snakemake("-n", *arguments)
        assert done.status == 0, done.output
        return done
