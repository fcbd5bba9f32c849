"""One process at a time trains a run: after a kill of Snakemake, or on a cluster, an earlier one
may still be at work on the very folder that a new one is told to fill.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bioseq_lstm.files import writing_to

LOCK = ".training"
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Hold the folder of a run; where another process holds it, say so and wait for its end.

    The system gives the lock back when a process ends, however it ends. Where the file system
    knows no locks, that is said, and there is no waiting.
    """
    path = folder / LOCK
    while True:
        with writing_to(path):
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        _lock(handle, folder)
        # One that was waited for has removed its file: what is locked then is no longer there.
        if _is_at(handle, path):
            break
        os.close(handle)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        said = f"{folder}: another process still trains this run: waiting for its end"
        print(said, file=sys.stderr, flush=True)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as stale:  # NFS: the holder, on another node, has removed the file
            if stale.errno != errno.ESTALE:
                raise
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        print(f"{folder}: cannot be locked ({error.strerror})", file=sys.stderr)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESTALE):
            raise
        return False
