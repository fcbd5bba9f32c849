"""What tests of several folders share: a small disk, and reports opened in headless Chromium."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes is the machine's affair, and no matter of right or wrong.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
ARGUMENTS = [
    "--no-sandbox",  # a container's root has no other way
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
SECONDS_TO_DRAW = 60

# Runs before the page's own scripts, so that no violation of its policy is missed.
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""
DRAWN = """() => [...document.querySelectorAll(".chart")].every((box) => box.dataset.drawn)"""
UNDRAWN = """() => [...document.querySelectorAll(".chart")].filter((box) => {
  const marks = [...box.querySelectorAll("svg .role-mark > *")].map((mark) => mark.getBBox());
  return box.dataset.drawn !== "yes" || !marks.some((size) => size.width + size.height > 0);
}).map((box) => box.dataset.payload)"""


@dataclass
class Findings:
    """What a browser saw of a report; ``problems`` is empty for a good one."""

    errors: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    charts: int = 0
    undrawn: list[str] = field(default_factory=list)
    colours: int = 0
    overflow: int = 0  # pixels that the page is wider than the window

    @property
    def problems(self) -> list[str]:
        found = [f"console: {text}" for text in self.errors]
        found += [f"policy: {text}" for text in self.violations]
        found += [f"request: {text}" for text in self.requests]
        found += [f"dialog: {text}" for text in self.dialogs]
        found += [f"chart without marks: {name}" for name in self.undrawn]
        if self.colours < 12:
            found.append(f"a blank page: {self.colours} colours")
        if self.overflow > 0:
            found.append(f"the page is {self.overflow} pixels wider than the window")
        return found


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, str], None]]:
    """``small_disk(folder, "1m")`` mounts a file system of that size there, until the test ends."""
    mounted: list[Path] = []

    def mount(folder: Path, size: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tests", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium; CHROMIUM names another one."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed (pip install playwright)"
    )
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium, or set CHROMIUM to its path")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def open_report(browser: Any) -> Iterator[Callable[..., tuple[Any, Findings]]]:
    """``open_report(path, width=1440, scheme="light")`` -> (Playwright page, Findings so far)."""
    contexts = []

    def opened(path: Path, width: int = 1440, scheme: str = "light") -> tuple[Any, Findings]:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        findings = Findings()
        page = context.new_page()
        page.add_init_script(WATCH)
        page.on("console", lambda message: _note_console(message, findings))
        page.on("pageerror", lambda error: findings.errors.append(str(error)))
        page.on("dialog", lambda dialog: _note_dialog(dialog, findings))
        page.on("request", lambda request: _note_request(request.url, path, findings))
        page.goto(path.resolve().as_uri())
        page.wait_for_function(DRAWN, timeout=1000 * SECONDS_TO_DRAW)
        return page, findings

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def inspect_report(
    open_report: Callable[..., tuple[Any, Findings]],
) -> Callable[..., Findings]:
    """``inspect_report(path, width=1440, scheme="light", screenshot=None)`` -> Findings."""

    def inspect(
        path: Path, width: int = 1440, scheme: str = "light", screenshot: Path | None = None
    ) -> Findings:
        page, findings = open_report(path, width, scheme)
        findings.violations += page.evaluate("() => window.violations")
        findings.charts = page.locator(".chart").count()
        findings.undrawn = page.evaluate(UNDRAWN)
        findings.overflow = page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        findings.colours = _colours(page.screenshot())
        if screenshot is not None:
            page.screenshot(path=screenshot, full_page=True)
        return findings

    return inspect


def _note_console(message: Any, findings: Findings) -> None:
    if message.type in ("error", "warning"):
        findings.errors.append(f"{message.type}: {message.text}")


def _note_dialog(dialog: Any, findings: Findings) -> None:
    findings.dialogs.append(dialog.message)
    dialog.dismiss()


def _note_request(url: str, path: Path, findings: Findings) -> None:
    """Everything but the file itself and what it made in memory."""
    own = path.resolve().as_uri()
    if url.split("#")[0] != own and not url.startswith(("data:", "blob:")):
        findings.requests.append(url)


def _colours(picture: bytes) -> int:
    """Distinct colours, a little coarsened: an empty page has one or two."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(64)
    return len(image.getcolors(64) or [])
