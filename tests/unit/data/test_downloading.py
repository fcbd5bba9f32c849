"""Downloads against a server on this machine that breaks off, lies and refuses as told."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bioseq_lstm.data import downloading
from bioseq_lstm.data.downloading import ATTEMPTS, download
from bioseq_lstm.download_settings import Download
from bioseq_lstm.errors import UserError

CONTENT = bytes(range(256)) * 40
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """``answers``: what becomes of each request in turn, the last one of all that follow."""

    port: int = 0
    content: bytes = CONTENT
    answers: list[str] = field(default_factory=lambda: ["whole"])
    ranges: list[str | None] = field(default_factory=list)  # the Range header of each request

    def url(self, path: str = "file.bin") -> str:
        return f"http://127.0.0.1:{self.port}/{path}"


def handler_of(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            server.ranges.append(asked)
            answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
            if answer.isdigit():
                self.send_error(int(answer))
                return
            start = int(asked[6:-1]) if asked and answer != "no ranges" else 0
            if start >= len(server.content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                last = len(server.content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
            rest = server.content[start:]
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: len(rest) // 2] if answer == "half" else rest)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(told))
    told.port = running.server_port
    Thread(target=running.serve_forever, daemon=True).start()
    yield told
    running.shutdown()
    running.server_close()


def fetch(folder: Path, *urls: str, checksum: str = CHECKSUM, **more: Any) -> Path:
    what = Download(url=urls, sha256=checksum, member=more.pop("member", None))
    return download("file.bin", what, folder, pause=0, **more)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_file_is_fetched_and_nothing_else_is_left(tmp_path: Path, server: Server) -> None:
    assert fetch(tmp_path / "new", server.url()).read_bytes() == CONTENT
    assert left(tmp_path / "new") == ["file.bin"]


def test_what_was_cut_off_goes_on_where_it_stopped(tmp_path: Path, server: Server) -> None:
    server.answers = ["half", "half", "whole"]
    assert fetch(tmp_path, server.url()).read_bytes() == CONTENT
    size = len(CONTENT)
    assert server.ranges == [None, f"bytes={size // 2}-", f"bytes={size // 2 + size // 4}-"]


def test_a_later_call_goes_on_with_what_an_earlier_one_kept(tmp_path: Path, server: Server) -> None:
    server.answers = ["half", "503"]
    with pytest.raises(UserError, match=r"is not there \(503"):
        fetch(tmp_path, server.url())
    assert len(server.ranges) == ATTEMPTS
    assert left(tmp_path) == [".file.bin.part"]
    server.answers, server.ranges = ["whole"], []
    assert fetch(tmp_path, server.url()).read_bytes() == CONTENT
    assert server.ranges == [f"bytes={len(CONTENT) // 2}-"]
    assert left(tmp_path) == ["file.bin"]


def test_a_server_without_ranges_begins_again(tmp_path: Path, server: Server) -> None:
    server.answers = ["half", "no ranges"]
    assert fetch(tmp_path, server.url()).read_bytes() == CONTENT


@pytest.mark.parametrize("kept", [b"of another file", CONTENT + b"too long"], ids=["other", "long"])
def test_a_beginning_of_another_file_is_thrown_away(
    tmp_path: Path, server: Server, kept: bytes
) -> None:
    (tmp_path / ".file.bin.part").write_bytes(kept)
    assert fetch(tmp_path, server.url()).read_bytes() == CONTENT
    assert left(tmp_path) == ["file.bin"]


def test_a_part_that_is_already_whole_is_not_asked_for(tmp_path: Path, server: Server) -> None:
    (tmp_path / ".file.bin.part").write_bytes(CONTENT)
    assert fetch(tmp_path, server.url()).read_bytes() == CONTENT
    assert server.ranges == []


def test_a_wrong_checksum_leaves_the_earlier_file_and_no_other(
    tmp_path: Path, server: Server
) -> None:
    (tmp_path / "file.bin").write_text("as it was")
    server.content = b"not what was promised"
    found = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(UserError, match=f"has the SHA-256 {found}, not {CHECKSUM}: download it by"):
        fetch(tmp_path, server.url())
    assert left(tmp_path) == ["file.bin"]
    assert (tmp_path / "file.bin").read_text() == "as it was"


def test_what_is_not_there_is_asked_for_once(tmp_path: Path, server: Server) -> None:
    server.answers = ["404"]
    with pytest.raises(UserError, match=r"is not there \(404 Not Found\): download it by hand"):
        fetch(tmp_path, server.url())
    assert len(server.ranges) == 1
    assert left(tmp_path) == []


def test_mirrors_are_tried_in_turn(tmp_path: Path, server: Server) -> None:
    server.answers = ["404", "whole"]
    assert fetch(tmp_path, server.url("one"), server.url("two")).read_bytes() == CONTENT
    assert len(server.ranges) == 2


def test_offline_is_one_line_with_the_mend(tmp_path: Path, server: Server) -> None:
    closed = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    closed.server_close()
    with pytest.raises(UserError) as caught:
        fetch(tmp_path, f"http://127.0.0.1:{closed.server_port}/x")
    said = str(caught.value)
    assert "could not be reached" in said
    assert said.endswith("name that folder: --config local=FOLDER")
    assert "\n" not in said


def test_a_file_of_this_machine(tmp_path: Path) -> None:
    source = tmp_path / "with space.bin"
    source.write_bytes(CONTENT)
    assert fetch(tmp_path / "new", source.as_uri()).read_bytes() == CONTENT
    assert source.read_bytes() == CONTENT
    with pytest.raises(UserError, match=r"could not be read \(No such file"):
        fetch(tmp_path / "new", f"file:{tmp_path}/none")


def test_pip_is_asked_for_one_wheel_and_its_checksum_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip finds the wheel in a folder: its own settings decide where it looks."""
    wheel = tmp_path / "wheels" / "tiny-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny/data.txt", "hello")
        archive.writestr(
            "tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        )
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    checksum = hashlib.sha256(wheel.read_bytes()).hexdigest()
    found = fetch(tmp_path, "pypi:tiny==1.0", checksum=checksum, member="tiny/data.txt")
    assert found.read_text() == "hello"
    with pytest.raises(UserError, match=r"could not be fetched by pip \(ERROR: .*tiny==2\.0\)"):
        fetch(tmp_path / "other", "pypi:tiny==2.0", checksum=checksum)
    assert left(tmp_path / "other") == []


def test_a_local_copy_is_known_by_its_checksum_whatever_its_name(tmp_path: Path) -> None:
    copies = tmp_path / "copies" / "deep"
    copies.mkdir(parents=True)
    (copies / "file.bin").write_text("another of the same name")
    (copies / "zz.bin").write_bytes(CONTENT)
    assert fetch(tmp_path / "new", local=tmp_path / "copies").read_bytes() == CONTENT
    (copies / "zz.bin").unlink()
    with pytest.raises(UserError, match=r"has its SHA-256 \(.*deep/file.bin has another one\)"):
        fetch(tmp_path / "none", local=tmp_path / "copies")
    with pytest.raises(UserError, match="there is no folder"):
        fetch(tmp_path / "none", local=tmp_path / "nowhere")
    assert left(tmp_path / "none") == []


def test_what_the_folder_of_local_copies_lacks_is_fetched(tmp_path: Path, server: Server) -> None:
    (tmp_path / "copies").mkdir()
    found = fetch(tmp_path / "new", server.url(), local=tmp_path / "copies")
    assert found.read_bytes() == CONTENT


def test_without_an_address_the_mend_is_a_local_copy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"no public address .*{CHECKSUM}.*local=FOLDER"):
        fetch(tmp_path)


def test_a_member_that_is_not_there_leaves_nothing(tmp_path: Path, server: Server) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("data/one.txt", "1")
    server.content = packed.getvalue()
    checksum = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(UserError, match=r"has no file 'data/on.txt' \(did you mean 'data/one.txt'"):
        fetch(tmp_path, server.url(), checksum=checksum, member="data/on.txt")
    assert "file.bin" not in left(tmp_path)
    assert (
        fetch(tmp_path, server.url(), checksum=checksum, member="data/one.txt").read_text() == "1"
    )


def test_the_pauses_double(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server) -> None:
    waited: list[float] = []
    monkeypatch.setattr(downloading.time, "sleep", waited.append)
    server.answers = ["503"]
    with pytest.raises(UserError):
        download("x", Download(url=server.url(), sha256=CHECKSUM), tmp_path, pause=3)
    assert waited == [0, 3, 6, 12]
