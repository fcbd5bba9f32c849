"""How fast an installed model predicts: ``bioseq-lstm predict`` on one thread, start to report.

``python benchmarks/packed.py`` predicts the protein chains of the embedded data, and one chain
alone, in turns, each in a process of its own. What the one takes is the start (libraries, model,
page); the rest grows with the residues. Medians go to ``benchmarks/results``, with machine and
date.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pandas as pd
import torch
from load import Held, held
from tables import FOLDER, file_name, processor

from bioseq_lstm.data.labels import read_labelled_chains
from bioseq_lstm.files import write_text, write_tsv

CHAINS = Path(__file__).parents[1] / "workflow" / "resources" / "demo" / "structure"


def measured(model: str, sequences: Sequence[str], folder: Path, rounds: int) -> pd.DataFrame:
    """One row: seconds of the start, and residues per second after it, of CPU time."""
    turns = [
        [
            _predicted(model, chains, folder / f"{turn}-{len(chains)}")
            for chains in (sequences[:1], sequences)
        ]
        for turn in range(rounds)
    ]
    start = median(one.cpu_seconds for one, _ in turns)
    whole = median(all_of_them.cpu_seconds for _, all_of_them in turns)
    residues = sum(map(len, sequences))
    return pd.DataFrame(
        {
            "model": [model],
            "chains": [len(sequences)],
            "residues": [residues],
            "start_cpu_seconds": [round(start, 2)],
            "cpu_seconds": [round(whole, 2)],
            "residues_per_cpu_second": [round((residues - len(sequences[0])) / (whole - start))],
            "peak_mb": [round(max(turn[1].megabytes for turn in turns))],
            "threads": [1],
            "rounds": [rounds],
            "date": [datetime.now(UTC).date().isoformat()],
            "processor": [processor()],
            "torch": [torch.__version__],
        }
    )


def _predicted(model: str, sequences: Sequence[str], folder: Path) -> Held:
    folder.mkdir()
    fasta = folder / "chains.fasta"
    write_text(fasta, "".join(f">c{n}\n{chain}\n" for n, chain in enumerate(sequences)))
    arguments = ["predict", "--model", model, "--out", str(folder / "out"), str(fasta)]
    return held("predict", len(sequences), sum(map(len, sequences)), arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="structure-cb513-bilstm")
    parser.add_argument("--chains", type=Path, default=CHAINS / "chains.3line.gz")
    parser.add_argument("--first", type=int, help="only so many of the chains")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    records = read_labelled_chains(options.chains).records
    sequences = [record.sequence for record in records][: options.first]
    with tempfile.TemporaryDirectory() as folder:
        table = measured(options.model, sequences, Path(folder), options.rounds)
    path = options.out / file_name("packed", table["date"][0], table["processor"][0])
    write_tsv(path, table)
    print(table.T.to_string(header=False))


if __name__ == "__main__":
    main()
