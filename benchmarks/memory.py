"""Peak memory of one training step, in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from cases import WARM_LENGTH, OneDirection, Shape, engines, train

_STATUS = Path("/proc/self/status")


def of_steps(cases: Sequence[tuple[str, str]], shape: Shape, device: torch.device) -> list[float]:
    """Megabytes that a training step takes on top of weights and input.

    ``cases`` are names of recurrences and of engines. On a CPU every case has a new process,
    forked from one that has imported torch and no more, since what a process once had does not
    all go back to the system; and what counts is what the system gave (resident set), which
    sees torch, oneDNN and C++ alike.
    """
    if device.type == "cuda":
        return [_on_gpu(*case, shape, device) for case in cases]
    order = json.dumps([cases, asdict(shape), torch.get_num_threads()])
    done = subprocess.run(
        [sys.executable, __file__, order], stdout=subprocess.PIPE, text=True, check=True
    )
    found: list[float] = json.loads(done.stdout)
    return found


def _in_a_fork(name: str, engine: str, shape: Shape, threads: int) -> float:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(_on_cpu(name, engine, shape, threads)))
    child.start()
    sender.close()
    megabytes: float = receiver.recv()
    child.join()
    return megabytes


def _on_cpu(name: str, engine: str, shape: Shape, threads: int) -> float:
    torch.set_num_threads(threads)
    device = torch.device("cpu")
    module = OneDirection(name, shape.hidden)
    x = shape.input(device)
    with engines(module, device)[engine]():
        train(module, replace(shape, batch=1, length=WARM_LENGTH).input(device))
        module.zero_grad()
        before = _megabytes("VmRSS")
        train(module, x)
    return _megabytes("VmHWM") - before


def _megabytes(field: str) -> float:
    """Resident memory now (``VmRSS``) or the most so far (``VmHWM``).

    ``getrusage`` also counts what the process was before it became this program, so it is asked
    only where there is no /proc.
    """
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(lines[field].split()[0]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _on_gpu(name: str, engine: str, shape: Shape, device: torch.device) -> float:
    module = OneDirection(name, shape.hidden).to(device)
    x = shape.input(device)
    with engines(module, device)[engine]():
        train(module, replace(shape, length=WARM_LENGTH).input(device))
        module.zero_grad()
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        train(module, x)
    return (torch.cuda.max_memory_allocated(device) - before) / 2**20


if __name__ == "__main__":
    named, sizes, threads = json.loads(sys.argv[1])
    found = [_in_a_fork(name, engine, Shape(**sizes), threads) for name, engine in named]
    print(json.dumps(found))
