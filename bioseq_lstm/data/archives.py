"""One file out of an archive: its bytes alone, never a path that the archive names."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from bioseq_lstm.errors import UserError, nearest


def take_out(archive: Path, member: str, target: Path) -> None:
    """Write the bytes of ``member`` of a zip (wheel) or tar file to ``target``.

    Nothing else is unpacked, and links are not followed. Raises UserError when ``archive`` is
    neither or is broken, and when it has no such file.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                _copy(_of_zip(opened, member, archive), target)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                _copy(_of_tar(tar, member, archive), target)
        else:
            raise UserError(f"is neither zip nor tar: it has no member {member!r}", file=archive)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise UserError(f"the archive is broken ({error})", file=archive) from None


def _of_zip(opened: zipfile.ZipFile, member: str, archive: Path) -> IO[bytes]:
    if member not in opened.namelist() or member.endswith("/"):
        raise _missing(member, opened.namelist(), archive)
    return opened.open(member)


def _of_tar(tar: tarfile.TarFile, member: str, archive: Path) -> IO[bytes]:
    files = {one.name: one for one in tar.getmembers() if one.isreg()}
    found = tar.extractfile(files[member]) if member in files else None
    if found is None:
        raise _missing(member, list(files), archive)
    return found


def _missing(member: str, names: list[str], archive: Path) -> UserError:
    return UserError(f"has no file {member!r}{nearest(member, names)}", file=archive)


def _copy(source: IO[bytes], target: Path) -> None:
    with source, target.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
