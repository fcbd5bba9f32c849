"""Timing that stands a machine whose speed drifts: in turns, medians, ratios within a turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

Run = Callable[[], object]


@dataclass(frozen=True)
class Clock:
    """CPU seconds per thread, which others on the machine do not lengthen; on a GPU, time."""

    device: torch.device
    threads: int = 1

    def seconds(self, run: Run) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
            start = time.perf_counter()
            run()
            torch.cuda.synchronize()
            return time.perf_counter() - start
        start = time.process_time()
        run()
        return (time.process_time() - start) / self.threads


@dataclass(frozen=True)
class Job:
    """Something to time. ``warm`` does the same with little, so that all is built and loaded."""

    run: Run
    tokens: int
    warm: Run


@dataclass(frozen=True)
class Speed:
    tokens_per_second: float
    relative: float  # to the reference, median of the ratios within each round


def in_turns(
    jobs: Mapping[str, Job], reference: Mapping[str, str], rounds: int, clock: Clock
) -> dict[str, Speed]:
    """Time each job once per round, and compare it with its reference in the same round.

    ``reference`` maps the name of a job to the name of the one that it is compared with.
    """
    for job in jobs.values():
        job.warm()
    rates: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            rates[name].append(job.tokens / clock.seconds(job.run))
    return {
        name: Speed(
            statistics.median(own),
            statistics.median(
                mine / other for mine, other in zip(own, rates[reference[name]], strict=True)
            ),
        )
        for name, own in rates.items()
    }


def peak(clock: Clock, size: int, rounds: int = 7) -> float:
    """Operations per second of a product of large float32 matrices: the most the machine does.

    One multiply-add is two operations; ``size`` is that of the square matrices.
    """
    left, right = (torch.randn(size, size, device=clock.device) for _ in range(2))
    out = left @ right
    times = [clock.seconds(lambda: torch.mm(left, right, out=out)) for _ in range(rounds)]
    return 2 * size**3 / statistics.median(times)
