"""Writing files so that a half-written one never stands under its final name."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioseq_lstm.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_MENDS = {
    errno.ENOSPC: "make room, then run again",
    errno.EDQUOT: "make room, then run again",
    errno.EROFS: "write elsewhere, or have it mounted for writing",
    errno.EACCES: "write elsewhere, or have its permissions changed",
}


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Say in one line that a file cannot be written, where that is for the user to mend."""
    try:
        yield
    except OSError as error:
        if error.errno not in _MENDS:
            raise
        raise UserError(
            f"cannot be written ({os.strerror(error.errno)}): {_MENDS[error.errno]}", file=path
        ) from error


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success sync it and rename it to ``path``.

    The temporary name keeps the suffix, so that writers which look at it do the right thing.
    After an exception the temporary file is removed and ``path`` is left as it was.

    Raises:
        UserError: when there is no room left, or no writing is allowed there.
    """
    path = Path(path)
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".writing-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with writing_to(path):
            yield temporary
            _sync(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; on success it takes the place of ``path``.

    After an exception it is removed, and so are the folders above that were made for it.

    Raises:
        UserError: when there is no room left, or no writing is allowed there.
    """
    path = Path(path)
    with _folders_above(path):
        with writing_to(path):
            temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=path.parent))
        try:
            with writing_to(path):
                yield temporary
                for file in temporary.iterdir():
                    _sync(file)
            temporary.chmod(0o777 & ~_umask())
            shutil.rmtree(path, ignore_errors=True)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _folders_above(path: Path) -> Iterator[None]:
    """Make the folders above ``path``; after an exception those that were made and are empty go."""
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        with writing_to(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in made:
            with suppress(OSError):  # somebody else has put something into it
                folder.rmdir()
        raise


def _sync(path: Path) -> None:
    """Have a file's bytes on the disk, and not in memory alone."""
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON that a person can read, atomically; NaN is refused rather than written."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_tsv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as tab-separated text without the index, atomically."""
    with replacing(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, lineterminator="\n")


def read_tsv(path: str | Path, text: tuple[str, ...] = (), rows: int | None = None) -> pd.DataFrame:
    """Read one of our own tables; columns named in ``text`` stay text (an id may be ``007``).

    ``rows``: how many are read at most.
    """
    # Snakemake reads this module at every start, and pandas takes half a second.
    import pandas as pd

    return pd.read_csv(
        path,
        sep="\t",
        dtype=dict.fromkeys(text, str),
        keep_default_na=False,
        na_values=[""],
        nrows=rows,
    )


def write_parquet(path: str | Path, table: pd.DataFrame) -> None:
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False)


def sha256_of(paths: Iterable[Path], folder: Path) -> dict[str, str]:
    """SHA-256 of files by their names below ``folder``, for the chain that `verify` recomputes."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in paths}


def sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
