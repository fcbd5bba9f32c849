"""Speed of every recurrence: both engines, both modes, several lengths, both precisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from cases import MODES, NAMES, REFERENCE, WARM_LENGTH, Engine, OneDirection, Shape, engines
from measuring import Clock, Job, Speed, in_turns
from memory import of_steps
from operations import multiply_adds
from tables import Row
from torch import nn

_NATIVE_BF16 = {"avx512_bf16", "amx_bf16", "bf16", "sve_bf16"}


@dataclass(frozen=True)
class Key:
    """What a job is, and by its text its name."""

    encoder: str
    engine: str
    mode: str
    shape: Shape
    precision: str = "float32"


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    clock: Clock
    peak: float

    @property
    def device(self) -> torch.device:
        return self.clock.device


def of_cells(bench: Bench, shape: Shape, rounds: int, rounds_of_loops: int) -> list[Row]:
    """Every recurrence by its fastest engine, and then by the plain loop in torch."""
    modules = _modules(shape.hidden, bench.device)
    fastest = {
        Key(name, next(iter(engines(module, bench.device))), mode, shape): module
        for name, module in modules.items()
        for mode in MODES
    }
    loops = {
        Key(name, engine, mode, shape): module
        for name, module in modules.items()
        for engine in list(engines(module, bench.device))[1:]
        for mode in MODES
    }
    rows = _timed(bench, "cells", fastest, rounds)
    if loops:
        again = {key: module for key, module in fastest.items() if key.encoder == REFERENCE}
        rows += [
            row
            for row in _timed(bench, "cells", {**again, **loops}, rounds_of_loops)
            if row.encoder != REFERENCE
        ]
    return rows


def of_lengths(
    bench: Bench, hidden: int, batch: int, lengths: Sequence[int], rounds: int
) -> list[Row]:
    modules = _modules(hidden, bench.device)
    keys = {
        Key(name, next(iter(engines(module, bench.device))), mode, Shape(hidden, batch, length)): (
            module
        )
        for length in lengths
        for name, module in modules.items()
        for mode in MODES
    }
    return _timed(bench, "lengths", keys, rounds)


def of_bf16(bench: Bench, shape: Shape, rounds: int) -> list[Row]:
    """Under bf16 autocast, against ``torch.nn.LSTM`` without it."""
    modules = _modules(shape.hidden, bench.device)
    reference = {Key(REFERENCE, "torch", mode, shape): modules[REFERENCE] for mode in MODES}
    keys, missing = dict(reference), []
    for name, module in modules.items():
        engine = next(iter(engines(module, bench.device)))
        for mode in MODES:
            key = Key(name, engine, mode, shape, "bf16")
            try:
                _job(key, module, bench.device).warm()
            except RuntimeError:
                missing.append(replace(_row("bf16", key), note="unavailable on this processor"))
            else:
                keys[key] = module
    timed = _timed(bench, "bf16", keys, rounds)
    found = [
        replace(row, note=_about_bf16(row, bench.device))
        for row in timed
        if row.precision == "bf16"
    ]
    return found + missing


def of_memory(bench: Bench, shape: Shape) -> list[Row]:
    keys = [
        Key(name, engine, "train", shape)
        for name, module in _modules(shape.hidden, torch.device("cpu")).items()
        for engine in engines(module, bench.device)
    ]
    found = of_steps([(key.encoder, key.engine) for key in keys], shape, bench.device)
    return [
        replace(_row("memory", key), megabytes=megabytes)
        for key, megabytes in zip(keys, found, strict=True)
    ]


def _modules(hidden: int, device: torch.device) -> dict[str, OneDirection]:
    return {name: OneDirection(name, hidden).to(device) for name in NAMES}


def _timed(bench: Bench, part: str, keys: Mapping[Key, nn.Module], rounds: int) -> list[Row]:
    jobs = {str(key): _job(key, module, bench.device) for key, module in keys.items()}
    reference = {
        str(key): str(replace(key, encoder=REFERENCE, engine="torch", precision="float32"))
        for key in keys
    }
    speeds = in_turns(jobs, reference, rounds, bench.clock)
    return [_with_speed(_row(part, key), key, speeds[str(key)], bench.peak) for key in keys]


def _job(key: Key, module: nn.Module, device: torch.device) -> Job:
    engine = engines(module, device)[key.engine]
    shape, few = key.shape, replace(key.shape, length=min(key.shape.length, WARM_LENGTH))
    return Job(
        run=_run(key, module, engine, shape, device),
        tokens=shape.tokens,
        warm=_run(key, module, engine, few, device),
    )


def _run(
    key: Key, module: nn.Module, engine: Engine, shape: Shape, device: torch.device
) -> Callable[[], None]:
    x = shape.input(device)
    autocast = key.precision == "bf16"

    def run() -> None:
        with ExitStack() as around:
            around.enter_context(engine())
            around.enter_context(
                torch.autocast(device.type, torch.bfloat16) if autocast else nullcontext()
            )
            MODES[key.mode](module, x)

    return run


def _row(part: str, key: Key) -> Row:
    shape = key.shape
    return Row(
        *(part, key.encoder, key.engine, key.mode),
        *(shape.hidden, shape.batch, shape.length, key.precision),
    )


def _with_speed(row: Row, key: Key, speed: Speed, peak: float) -> Row:
    hidden = key.shape.hidden
    counts = [
        multiply_adds(n.replace(REFERENCE, "lstm"), hidden, hidden) for n in (row.encoder, "lstm")
    ]
    allowed = counts[1] / counts[0]
    # Forward is one product for each multiply-add counted, backward two.
    operations = 2 * counts[0] * (3 if row.mode == "train" else 1)
    return replace(
        row,
        tokens_per_second=speed.tokens_per_second,
        relative=speed.relative,
        multiply_adds=counts[0],
        allowed=allowed,
        of_allowed=speed.relative / allowed,
        of_peak=operations * speed.tokens_per_second / peak,
    )


def _about_bf16(row: Row, device: torch.device) -> str:
    if (
        device.type == "cpu"
        and row.encoder == "lstm"
        and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    ):
        return "stays in float32: oneDNN has no bf16 LSTM here"
    return "" if _has_bf16(device) else "emulated: the processor has no bf16"


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    info = Path("/proc/cpuinfo")
    return info.exists() and bool(_NATIVE_BF16 & set(info.read_text().split()))
