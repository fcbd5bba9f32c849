"""How large a file can be: one million short sequences, and one record of a million letters.

``python benchmarks/load.py`` writes such files, calls the verbs on them one after the other, each
in a process of its own, and prints for each its seconds and its peak of memory (the resident set
as the system counts it). ``--records 100000 200000`` shows how both grow.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from bioseq_lstm.data.alphabets import DNA, PROTEIN
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.files import sha256, write_json, write_text
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.tasks import TASKS

SHORTEST, LONGEST = 20, 40
LONG = 1_000_000
CONDITIONS = ["first", "second"]
MODEL = {"embedding": {"size": 8}, "encoder": {"name": "lstm", "hidden_size": 16}}


@dataclass(frozen=True)
class Held:
    """A verb that ended well."""

    verb: str
    records: int
    letters: int
    seconds: float
    cpu_seconds: float
    megabytes: float


def held(verb: str, records: int, letters: int, arguments: Sequence[str]) -> Held:
    """Run a verb to its end; its own usage, and not that of what ran before."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "bioseq_lstm", *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{verb} ended with status {process.returncode}")
    seconds = time.perf_counter() - started
    cpu = usage.ru_utime + usage.ru_stime
    return Held(verb, records, letters, seconds, cpu, usage.ru_maxrss / 1024)


def many(count: int, folder: Path) -> Iterator[Held]:
    """Reading, encoding, predicting and splitting at random ``count`` short genes."""
    draw = random.Random(0)
    letters = 0
    with (folder / "genes.fasta").open("w") as fasta, (folder / "table.tsv").open("w") as table:
        table.write("id\t" + "\t".join(CONDITIONS) + "\n")
        for number in range(count):
            length = draw.randint(SHORTEST, LONGEST)
            letters += length
            fasta.write(f">g{number}\n{''.join(draw.choices('ACGT', k=length))}\n")
            table.write(f"g{number}\t{draw.gauss(5, 2):.3f}\t{draw.gauss(5, 2):.3f}\n")
    settings = {
        "task": "expression",
        "files": {
            "sequences": str(folder / "genes.fasta"),
            "expression": str(folder / "table.tsv"),
        },
        "split": {"strategy": "random"},
        "leakage": {"gate": "open"},
        "unit": "any",
        "models": {"m": MODEL},
    }
    shared = ["--folder", str(folder / "results"), "--settings", json.dumps(settings)]
    for verb in ("read", "encode"):
        yield held(verb, count, letters, [verb, *shared])
    about = {"conditions": CONDITIONS, "coding_start": None}
    model = packed(folder / "model", "expression", about, {"half_width": [1.0, 1.0]}, DNA.letters)
    arguments = ["predict", "--model", str(model), "--out", str(folder / "out")]
    yield held("predict", count, letters, [*arguments, str(folder / "genes.fasta")])
    yield held("split", count, letters, ["split", *shared])


def one_long(folder: Path) -> Iterator[Held]:
    """One record of a million letters, to be predicted beside a short one."""
    draw = random.Random(0)
    path = folder / "long.fasta"
    sequence = "".join(draw.choices("ACDEFGHIKLMNPQRSTVWY", k=LONG))
    write_text(path, f">long\n{sequence}\n>short\nMKVLAAGIVG\n")
    model = packed(folder / "long", "structure", {}, {"temperature": 1.0}, PROTEIN.letters)
    arguments = ["predict", "--model", str(model), "--out", str(folder / "one"), str(path)]
    yield held("predict, 1 Mb record", 2, LONG + 10, arguments)


def packed(
    folder: Path, task: str, about: dict[str, object], calibration: object, letters: Sequence[str]
) -> Path:
    """A packed model of random weights: what is measured does not depend on them."""
    settings = ModelSettings.model_validate(MODEL)
    network = TASKS[task].network(settings, Encoded({}, about=about), np.array([], dtype=int))
    folder.mkdir()
    weights = folder / "model.safetensors"
    save_file({f"0/{k}": v.contiguous() for k, v in network.state_dict().items()}, weights)
    member = {"run": "none", "weights_sha256": "", "settings": settings.model_dump(mode="json"),
              "about": about, "calibration": calibration, "invariance": {},
              "validation_loss": 0.0, "best_epoch": 0, "cost": {}}  # fmt: skip
    member["settings"].pop("init_from")  # type: ignore[attr-defined]
    side = "gene" if task == "expression" else "chain"
    card = {"name": folder.name, "task": task, "words": {}, "members": [member],
            "calibration": [calibration], "letters": {side: list(letters)}, "outputs": {},
            "dataset": {"split": {"strategy": "random"}}, "trained_on": {}, "test": None,
            "storage": {"store": "float32", "largest_change": 0.0, "bytes": 1},
            "weights_sha256": sha256(weights), "versions": {}}  # fmt: skip
    write_json(folder / "model.json", card)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--out", type=Path, help="a TSV that gets the figures")
    options = parser.parse_args()
    torch.manual_seed(0)
    lines = ["verb\trecords\tletters\tseconds\tcpu_seconds\tpeak_mb"]
    print(lines[0])
    with tempfile.TemporaryDirectory() as folder:
        for number, step in enumerate([None, *options.records]):
            own = Path(folder) / str(number)
            own.mkdir()
            for one in one_long(own) if step is None else many(step, own):
                lines.append(
                    f"{one.verb}\t{one.records}\t{one.letters}\t{one.seconds:.1f}\t"
                    f"{one.cpu_seconds:.1f}\t{one.megabytes:.0f}"
                )
                print(lines[-1], flush=True)
                if options.out:
                    write_text(options.out, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
