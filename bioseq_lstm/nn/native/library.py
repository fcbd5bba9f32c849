"""The time loops in C++: built where a compiler is there, on first use, and kept.

The library is plain C to the outside and knows nothing of torch, so it takes seconds to build
and outlives an update of torch. Without a compiler the same steps run in torch, only slower.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

_HERE = Path(__file__).parent
# Without math errors and traps the compiler may run a function on several numbers at once; what
# is computed stays IEEE arithmetic, infinities and NaN included.
_FLAGS = (
    *("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math"),
    *("-shared", "-fPIC", "-pthread"),
)
_SECONDS = 300  # a build takes a few
_enabled = True


class _Array(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("row", ctypes.c_int64), ("step", ctypes.c_int64))


@contextmanager
def disabled() -> Iterator[None]:
    """Inside, recurrences run in torch, as where no compiler is."""
    global _enabled
    before, _enabled = _enabled, False
    try:
        yield
    finally:
        _enabled = before


def available() -> bool:
    """Whether the library is there; builds it when asked first."""
    return _enabled and _library() is not None


def call(name: str, sizes: Sequence[int], arrays: Sequence[Tensor]) -> None:
    """Run a time loop over tensors of one precision, in place.

    Args:
        name: such as ``peephole_forward``.
        sizes: batch, steps, and what else the cell wants; the threads are put in between.
        arrays: ``(batch, length, features)`` or matrices; features lie side by side.
    """
    kinds = {array.dtype for array in arrays}
    if len(kinds) != 1 or not kinds <= {torch.float32, torch.float64}:
        raise TypeError(f"{name}: tensors of {kinds}, not all float32 or all float64")
    if any(array.device.type != "cpu" or _gap(array) for array in arrays):
        raise ValueError(f"{name}: a tensor is not on the CPU, or its features have gaps")
    batch, steps, *own = sizes
    numbers = (batch, steps, threads(batch), *own)
    loop = getattr(_library(), f"{name}_{str(arrays[0].dtype).removeprefix('torch.')}")
    loop(
        (ctypes.c_int64 * len(numbers))(*numbers),
        (_Array * len(arrays))(*(_Array(a.data_ptr(), *_strides(a)) for a in arrays)),
    )


def threads(batch: int) -> int:
    """Threads that a batch is shared out to: no more than it has rows."""
    return max(1, min(torch.get_num_threads(), batch))


def _gap(array: Tensor) -> bool:
    return array.shape[-1] > 1 and array.stride(-1) != 1


def _strides(array: Tensor) -> tuple[int, int]:
    row, step, *_ = (*array.stride()[:-1], 0, 0)
    return row, step


@cache
def _library() -> ctypes.CDLL | None:
    found = compiler()
    if not found:
        _tell("no C++ compiler was found")
        return None
    try:
        with _folder() as folder:
            path = folder / f"cells-{_key(found)}.so"
            if not path.exists():
                _build(found, path)
            return ctypes.CDLL(str(path))
    except subprocess.CalledProcessError as error:
        said = [line for line in error.stderr.splitlines() if "error" in line]
        _tell(" ".join((shlex.join(found), "failed:", *said[:1])))
    except (OSError, subprocess.TimeoutExpired) as error:
        _tell(str(error))
    return None


def _tell(reason: str) -> None:
    print(
        f"bioseq-lstm: the fast time loops cannot be built ({reason}); "
        "encoders other than lstm and convlstm run several times slower",
        file=sys.stderr,
    )


def compiler() -> list[str]:
    """The command of the C++ compiler, ``CXX`` before others; empty where there is none."""
    if os.environ.get("CXX"):
        return shlex.split(os.environ["CXX"])
    found = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    return [found] if found else []


@contextmanager
def _folder() -> Iterator[Path]:
    """The user's cache, where builds are kept; else a folder that goes once one is loaded."""
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = caches / "bioseq_lstm"
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):  # the latter where a user has no home, as in some containers
        with tempfile.TemporaryDirectory() as elsewhere:
            yield Path(elsewhere)
    else:
        yield folder


def _key(compiler: list[str]) -> str:
    """What a build depends on: sources, flags, compiler, and the processor it is for.

    Home folders are shared between the machines of a cluster, and their processors differ.
    """
    version = subprocess.run(
        [*compiler, "--version"], check=True, capture_output=True, text=True, timeout=_SECONDS
    )
    digest = hashlib.sha256(version.stdout.encode())
    digest.update(" ".join((*compiler, *_FLAGS, platform.machine(), _processor())).encode())
    for source in _sources():
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> list[Path]:
    return sorted((*_HERE.glob("*.h"), *_HERE.glob("*.cpp")))


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else [platform.processor()]
    return next((line for line in lines if line.startswith(("flags", "Features"))), lines[0])


def _build(compiler: list[str], path: Path) -> None:
    """Under a temporary name first: several trainings may start at once."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        built = Path(folder) / path.name
        command = [*compiler, *_FLAGS, str(_HERE / "cells.cpp"), "-o", str(built)]
        _compile(command)
        built.replace(path)


def _compile(command: list[str]) -> None:
    """Raises CalledProcessError or TimeoutExpired; nothing that it started outlives it."""
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as build:
        try:
            _, said = build.communicate(timeout=_SECONDS)
        except BaseException:
            os.killpg(build.pid, signal.SIGKILL)  # the compiler proper is a child of its driver
            raise
    if build.returncode:
        raise subprocess.CalledProcessError(build.returncode, command, stderr=said)
