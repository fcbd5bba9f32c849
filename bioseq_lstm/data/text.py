"""Lines of text files as people hand them over: gzipped, from any system, perhaps broken."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from bioseq_lstm.errors import UserError

_GZIP = b"\x1f\x8b"
_PART = 1 << 20  # bytes that are unpacked at once
_OTHER_FORMATS = {
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"(\xb5/\xfd": "a Zstandard archive",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"PAR1": "a Parquet file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


def text_lines(path: str | Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 file, each ending in a line feed; gzip is known by content.

    CRLF and lone CR end a line too, and a byte order mark is left out. Raises UserError for a
    missing or empty file, broken gzip, another format, another encoding and NUL bytes. Only whoever
    reads to the end knows that a gzip file was whole.
    """
    path = Path(path)
    count = 0
    try:
        with path.open("rb") as raw:
            for line in io.TextIOWrapper(
                _unpacked(raw, path), encoding="utf-8", errors="surrogateescape", newline=None
            ):
                count += 1
                text = line.removeprefix("\ufeff") if count == 1 else line
                if not text.isascii() or "\0" in text:
                    _check_characters(text, path, count)
                yield text if text.endswith("\n") else text + "\n"
    except FileNotFoundError:
        raise UserError("there is no such file", file=path) from None
    except IsADirectoryError:
        raise UserError("is a folder; a file is expected", file=path) from None
    except PermissionError:
        raise UserError("may not be read: check its permissions", file=path) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UserError(
            f"the gzip file is broken after line {count:,}: fetch or compress it again", file=path
        ) from None
    if count == 0:
        raise UserError("the file is empty", file=path)


def check_unpacked(paths: Iterable[str | Path], megabytes: int) -> None:
    """Raise UserError for a gzip file that unpacks to more, before a line of it is held in memory.

    Files that cannot be opened or are broken pass: ``text_lines`` says what is wrong with them.
    """
    for path in map(Path, paths):
        left = megabytes * 1_000_000
        try:
            with path.open("rb") as raw:
                if raw.read(2) != _GZIP:
                    continue
                raw.seek(0)
                unpacked = gzip.GzipFile(fileobj=raw)
                while left >= 0 and (part := unpacked.read(_PART)):
                    left -= len(part)
        except (OSError, EOFError, zlib.error):
            continue
        if left < 0:
            raise UserError(
                f"unpacks to more than max_unpacked, {megabytes:,} MB, from "
                f"{path.stat().st_size:,} bytes: raise max_unpacked, or unpack it yourself, if "
                "you know what it holds",
                file=path,
            )


def _unpacked(raw: BinaryIO, path: Path) -> BinaryIO:
    start = raw.read(8)
    raw.seek(0)
    if start.startswith(_GZIP):
        unpacked = gzip.GzipFile(fileobj=raw)
        start = unpacked.read(8)
        unpacked.seek(0)
        raw = unpacked  # type: ignore[assignment]
    for magic, name in _OTHER_FORMATS.items():
        if start.startswith(magic):
            raise UserError(f"is {name}: give UTF-8 text, plain or gzipped", file=path)
    return raw


def _check_characters(line: str, path: Path, number: int) -> None:
    """Raise UserError for NUL and for bytes that are no UTF-8 (kept as lone surrogates)."""
    if "\0" in line:
        raise UserError(
            "holds a NUL byte; this is a binary file or UTF-16: save it as UTF-8 text",
            file=path,
            line=number,
        )
    wrong = next((c for c in line if "\udc80" <= c <= "\udcff"), None)
    if wrong is not None:
        raise UserError(
            f"byte 0x{ord(wrong) - 0xDC00:02X} is no UTF-8 (perhaps Latin-1): save it as UTF-8 "
            "text, for example with iconv -f latin1 -t utf8",
            file=path,
            line=number,
        )
