"""Measure the recurrences: speed, memory, batching and prediction engines.

``python benchmarks/recurrent.py`` measures and writes a table (twelve minutes on a quiet core);
``python benchmarks/recurrent.py --write-docs`` puts the newest table into docs/speed.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch._dynamo
from cases import Shape
from measuring import Clock, peak
from page import write_docs
from prediction import of_prediction
from ragged import of_ragged
from speeds import Bench, of_bf16, of_cells, of_lengths, of_memory
from tables import FOLDER, Row, newest, table_name, this_machine, write


@dataclass(frozen=True)
class Plan:
    """How much is measured. Rounds of the plain loop in torch are fewer, since it is slow."""

    cells: tuple[tuple[Shape, int, int], ...]  # shape, rounds, rounds of the plain loop
    lengths: tuple[int, ...]
    at_lengths: tuple[int, int]  # hidden size, batch
    bf16: Shape
    memory: Shape
    ragged: tuple[int, int, int]  # hidden size, sequences, batches that are timed
    prediction: tuple[Shape, ...]
    rounds: int
    peak_size: int


FULL = Plan(
    cells=((Shape(256, 32, 512), 5, 3), (Shape(128, 16, 256), 9, 5)),
    lengths=(128, 256, 512, 1024, 2048, 4096),
    at_lengths=(128, 8),
    bf16=Shape(128, 16, 256),
    memory=Shape(256, 32, 512),
    ragged=(128, 8192, 4),
    prediction=(Shape(256, 1, 300), Shape(256, 32, 300)),
    rounds=3,
    peak_size=2048,
)
QUICK = Plan(
    cells=((Shape(16, 2, 24), 1, 1),),
    lengths=(16, 32),
    at_lengths=(16, 2),
    bf16=Shape(16, 2, 24),
    memory=Shape(32, 8, 256),
    ragged=(16, 64, 1),
    prediction=(Shape(16, 1, 30),),
    rounds=1,
    peak_size=512,
)


def main() -> None:
    arguments = _arguments()
    if arguments.write_docs is not None:
        table = Path(arguments.write_docs) if arguments.write_docs else newest()
        if table is None:
            sys.exit(f"there is no table in {FOLDER}: run this without --write-docs first")
        write_docs(table)
        return
    device = torch.device(arguments.device)
    torch.set_num_threads(arguments.threads)
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # float32 is to mean the same in all of them
        # All cells share one compiled loop: each has versions of it, more than torch expects.
        torch._dynamo.config.recompile_limit = 1000
    clock = Clock(device, arguments.threads)
    plan = QUICK if arguments.quick else FULL
    bench = Bench(clock, peak(clock, plan.peak_size))
    machine = this_machine(device, arguments.threads, bench.peak)
    rows = measure(plan, bench)
    path = Path(arguments.out) / table_name(machine, arguments.quick)
    write(path, machine, rows)
    print(path)


def measure(plan: Plan, bench: Bench) -> list[Row]:
    rounds = plan.rounds
    parts: dict[str, Callable[[], list[Row]]] = {
        f"cells at {shape}": partial(of_cells, bench, shape, *turns) for shape, *turns in plan.cells
    }
    parts["lengths"] = lambda: of_lengths(bench, *plan.at_lengths, plan.lengths, rounds)
    parts["bf16"] = lambda: of_bf16(bench, plan.bf16, rounds)
    parts["memory"] = lambda: of_memory(bench, plan.memory)
    parts["ragged"] = lambda: of_ragged(bench, *plan.ragged, rounds)
    if bench.device.type == "cpu":
        parts["prediction"] = lambda: of_prediction(bench, plan.prediction, 3 * rounds)
    rows = []
    for name, part in parts.items():
        start = time.monotonic()
        rows += part()
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    return rows


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--device", default="cpu", help="cpu (the default) or cuda")
    parser.add_argument("--threads", type=int, default=1, help="of torch and of our loops")
    parser.add_argument("--out", default=str(FOLDER), help="folder of the table")
    parser.add_argument(
        "--write-docs",
        nargs="?",
        const="",
        metavar="TABLE",
        help="measure nothing; put a table, or the newest one, into docs/speed.md",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
