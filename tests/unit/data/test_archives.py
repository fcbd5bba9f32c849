"""One member of an archive: its bytes go where we say, never where the archive says."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from bioseq_lstm.data.archives import take_out
from bioseq_lstm.errors import UserError


def tar_with(path: Path, **members: bytes | str) -> Path:
    """A gzipped tar; bytes become a file, text a symbolic link to it."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return path


def test_a_member_that_names_a_way_out_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    for archive in (inside / "a.zip", inside / "a.tar.gz"):
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive, "w") as made:
                made.writestr("../escaped.txt", b"x")
        else:
            tar_with(archive, **{"../escaped.txt": b"x"})
        take_out(archive, "../escaped.txt", inside / "taken")
        assert (inside / "taken").read_bytes() == b"x"
        assert [path.name for path in tmp_path.iterdir()] == ["inside"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    archive = tar_with(tmp_path / "a.tar.gz", link=str(secret), file=b"f")
    with pytest.raises(UserError, match="has no file 'link'"):
        take_out(archive, "link", tmp_path / "taken")
    take_out(archive, "file", tmp_path / "taken")
    assert (tmp_path / "taken").read_bytes() == b"f"


def test_what_is_no_archive_or_a_broken_one_is_said(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("text")
    with pytest.raises(UserError, match="is neither zip nor tar"):
        take_out(plain, "x", tmp_path / "taken")
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(broken, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("x", b"ab" * 5000)
    content = bytearray(broken.read_bytes())
    content[40:44] = b"\xff\xff\xff\xff"
    broken.write_bytes(content)
    with pytest.raises(UserError, match="the archive is broken"):
        take_out(broken, "x", tmp_path / "taken")
