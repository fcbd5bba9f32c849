"""The table of results: one line per figure, and above it the machine that it was measured on."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pandas as pd
import torch

from bioseq_lstm.files import write_text

FOLDER = Path(__file__).parent / "results"
_PACKAGES = ("torch", "numpy", "onnxruntime")


@dataclass(frozen=True)
class Row:
    """One measurement. What does not apply, or could not be measured here, is None."""

    part: str  # of the benchmark
    encoder: str
    engine: str
    mode: str  # predict or train
    hidden: int
    batch: int
    length: int
    precision: str = "float32"
    tokens_per_second: float | None = None  # padding does not count
    relative: float | None = None  # to the reference in the same rounds
    multiply_adds: int | None = None  # per token, forward
    allowed: float | None = None  # relative speed if each multiply-add cost what the LSTM's does
    of_allowed: float | None = None
    of_peak: float | None = None  # share of the machine's peak
    megabytes: float | None = None
    fill: float | None = None  # share of a batch that is not padding
    largest_error: float | None = None  # of a state, against torch.nn.LSTM
    note: str = ""


@dataclass(frozen=True)
class Machine:
    processor: str
    cores: str
    threads: str
    instructions: str
    device: str
    peak: str
    system: str
    versions: str
    date: str
    load_before: str  # average of the last minute: others at work would disturb the figures


def this_machine(device: torch.device, threads: int, peak: float) -> Machine:
    on_gpu = device.type == "cuda"
    return Machine(
        processor=processor(),
        cores=str(os.cpu_count()),
        threads=str(threads),
        instructions=torch.backends.cpu.get_cpu_capability(),
        device=torch.cuda.get_device_name(device) if on_gpu else "cpu",
        peak=f"{peak / 1e9:.1f} GFLOP/s in float32 products",
        system=f"{platform.system()} {platform.machine()}",
        versions=f"python {platform.python_version()}, {_versions()}",
        date=datetime.now(UTC).date().isoformat(),
        load_before=f"{os.getloadavg()[0]:.2f}",
    )


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _versions() -> str:
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            found.append(f"{package} not installed")
    return ", ".join(found)


def table_name(machine: Machine, quick: bool) -> str:
    """Such as ``recurrent-2026-01-31-amd-epyc.tsv``; a quick run is no result, nor named so."""
    where = machine.processor if machine.device == "cpu" else machine.device
    return file_name("quick" if quick else "recurrent", machine.date, where)


def file_name(what: str, date: str, where: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")
    return f"{what}-{date}-{slug}.tsv"


def write(path: Path, machine: Machine, rows: list[Row]) -> None:
    head = "".join(f"# {name}: {value}\n" for name, value in asdict(machine).items())
    table = pd.DataFrame([asdict(row) for row in rows], columns=[f.name for f in fields(Row)])
    body = table.to_csv(sep="\t", index=False, lineterminator="\n", float_format="%.6g")
    write_text(path, head + body)


def read(path: Path) -> tuple[Machine, pd.DataFrame]:
    lines = path.read_text(encoding="utf-8").splitlines()
    about = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    head = [line.partition(": ")[::2] for line in about]
    table = pd.read_csv(path, sep="\t", skiprows=len(head))
    return Machine(**dict(head)), table.fillna({"note": ""})


def newest() -> Path | None:
    """The latest full table; names begin with the date."""
    return max(FOLDER.glob("recurrent-*.tsv"), default=None)
