from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pytest

from bioseq_lstm.data.text import text_lines
from bioseq_lstm.errors import UserError

TEXT = b">a\nACGT\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        TEXT.replace(b"\n", b"\r\n"),
        TEXT.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + TEXT,
        TEXT.removesuffix(b"\n"),
        gzip.compress(TEXT),
        gzip.compress(b"\xef\xbb\xbf>a\r\n") + gzip.compress(b"ACGT"),
    ],
    ids=["plain", "CRLF", "CR", "BOM", "no last line end", "gzip", "gzip of two members"],
)
def test_a_file_has_the_same_lines_however_it_was_saved(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    assert list(text_lines(path)) == [">a\n", "ACGT\n"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "{}: the file is empty"),
        (gzip.compress(b""), "{}: the file is empty"),
        (TEXT.decode().encode("utf-16"), "{}: is UTF-16 text: give UTF-8 text, plain or gzipped"),
        (
            TEXT.decode().encode("utf-16-le"),
            "{}, line 1: holds a NUL byte; this is a binary file or UTF-16: save it as UTF-8 text",
        ),
        (
            ">a\nACGT\n>Löwe\nAC\n".encode("latin-1"),
            "{}, line 3: byte 0xF6 is no UTF-8 (perhaps Latin-1): save it as UTF-8 text, "
            "for example with iconv -f latin1 -t utf8",
        ),
        (
            b">a\nAC\0GT\n",
            "{}, line 2: holds a NUL byte; this is a binary file or UTF-16: save it as UTF-8 text",
        ),
        (bz2.compress(TEXT), "{}: is a bzip2 archive: give UTF-8 text, plain or gzipped"),
        (
            b"PK\x03\x04rest",
            "{}: is a zip archive or an Excel workbook: give UTF-8 text, plain or gzipped",
        ),
    ],
    ids=["empty", "empty gzip", "UTF-16", "UTF-16 without BOM", "Latin-1", "NUL", "bzip2", "xlsx"],
)
def test_what_is_no_utf8_text_is_said_with_the_mend(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        list(text_lines(path))
    assert str(error.value) == message.format(path)


def test_a_truncated_gzip_file_is_an_error_and_not_half_of_the_lines(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b">%d\nACGT\n" % n for n in range(5000)))
    for keep in (len(whole) // 2, len(whole) - 4):
        path = tmp_path / "a.fa.gz"
        path.write_bytes(whole[:keep])
        with pytest.raises(UserError, match="the gzip file is broken after line"):
            list(text_lines(path))


def test_a_gzip_file_with_a_wrong_byte_is_an_error(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(TEXT * 1000))
    whole[len(whole) // 2] ^= 0xFF
    path = tmp_path / "a.fa.gz"
    path.write_bytes(whole)
    with pytest.raises(UserError, match="the gzip file is broken after line"):
        list(text_lines(path))


def test_a_missing_file_and_a_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        list(text_lines(tmp_path / "none.fa"))
    with pytest.raises(UserError, match="is a folder; a file is expected"):
        list(text_lines(tmp_path))
