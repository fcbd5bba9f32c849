"""The chain of checksums from the user's files to the report, recomputed link by link.

Each stage writes down the SHA-256 of what it read and of what it wrote, so that a file that was
changed afterwards, by a person or a failing disk, is found. Nothing is trained and nothing fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError

from bioseq_lstm.data.encoded import inputs_of
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import sha256
from bioseq_lstm.learning.explaining import MANIFEST as EXPLANATIONS
from bioseq_lstm.learning.layout import Layout


@dataclass(frozen=True)
class Link:
    """A file, and the SHA-256 that ``by`` has of it; ``stage`` is one word for people."""

    stage: str
    file: Path
    recorded: str
    by: Path


def verify(folder: Path) -> Iterator[str]:
    """Check the chain of a dataset's results; yield a line for each file that holds.

    Paths of the user's files count from the current folder, as when they were read. The last line
    has the checksum of ``summary.json``, which stands for all: kept elsewhere, it also shows a
    chain that was written anew from end to end.

    Raises:
        UserError: at the first link that does not hold: a file that is missing or another one
            than the next stage was made from.
    """
    known: dict[Path, str] = {}
    for link in _links(Layout(folder)):
        if link.file not in known:
            known[link.file] = _digest(link)
            yield f"{link.stage:12} {link.file}"
        if known[link.file] != link.recorded:
            raise UserError(
                f"{link.stage}: is not the file that {link.by} was made with: it has the SHA-256 "
                f"{known[link.file][:16]}…, not {link.recorded[:16]}…; restore it, or run again "
                "from there",
                file=link.file,
            )
    yield f"the chain holds: {len(known):,} files, summary.json {sha256(folder / 'summary.json')}"


def _digest(link: Link) -> str:
    try:
        return sha256(link.file)
    except OSError as error:
        raise UserError(
            f"{link.stage}: {error.strerror}, though {link.by} was made with it", file=link.file
        ) from None


def _links(layout: Layout) -> Iterator[Link]:
    """Every link, from the user's files on; of predictions of a packed model only the last."""
    summary = layout.folder / "summary.json"
    told = {Path(name).name for name in _read(summary, "inputs")}
    curve = layout.learning_curve.with_suffix(".json").name
    yield from links_to_report(layout, EXPLANATIONS in told, curve in told)
    yield from _recorded(summary, "inputs", "report", layout.folder)
    yield from _recorded(summary, "outputs", "report", layout.folder)


def links_to_report(layout: Layout, explained: bool, curved: bool) -> Iterator[Link]:
    """The links before the report, which can tell of these alone; nothing is recomputed here.

    ``explained`` and ``curved`` say whether there are explanations and a learning curve.
    """
    folder = layout.folder
    if layout.evaluation.exists() or layout.profile.exists():
        yield from _data(layout)
        for card in _cards(layout):
            yield from _run(layout, card)
        yield from _recorded(layout.evaluation, "inputs", "evaluation", folder)
        yield from _recorded(layout.evaluation, "outputs", "evaluation", folder)
    yield from _predictions(layout)
    if explained:
        yield from _explanations(layout, layout.explanations / EXPLANATIONS)
    if curved:
        curve = layout.learning_curve.with_suffix(".json")
        yield from _recorded(curve, "inputs", "curve", folder)
        yield from _recorded(curve, "outputs", "curve", folder)


def _cards(layout: Layout) -> list[Path]:
    """Cards of the runs that were scored; runs of an earlier configuration may lie beside them."""
    names = _read(layout.evaluation, "inputs")
    return [layout.folder / name for name in names if name.endswith("/model.json")]


def _data(layout: Layout) -> Iterator[Link]:
    for entry in _read(layout.profile, "files").values():
        yield Link("input", Path(entry["path"]), entry["sha256"], layout.profile)
    yield from _recorded(layout.profile, "outputs", "records", layout.folder)
    yield from _recorded(layout.split_report, "inputs", "records", layout.folder)
    yield from _recorded(layout.split_report, "outputs", "split", layout.folder)
    for name, digest in _encoded_inputs(layout.encoded).items():
        yield Link("records", layout.folder / name, digest, layout.encoded)


def _run(layout: Layout, card: Path) -> Iterator[Link]:
    """One training: what it was trained on, its weights, what it predicted of the test part."""
    run = card.parent / "run.yaml"
    for name, digest in _read(run, "inputs").items():
        yield Link("encoded", layout.folder / name, digest, run)
    weights = card.parent / "model.safetensors"
    yield Link("weights", weights, _read(card, "weights_sha256"), card)
    yield from _recorded(card, "outputs", "test", card.parent)


def _predictions(layout: Layout) -> Iterator[Link]:
    manifest = layout.predictions / "manifest.json"
    for path, digest in _read(manifest, "inputs").items():
        yield Link("new input", Path(path), digest, manifest)
    if layout.evaluation.exists():
        chosen = _read(manifest, "model")
        used = _read(manifest, "weights_sha256")
        for card in _cards(layout):
            if card.parent.parent.name != chosen or card.parent.name == "control":
                continue
            if _read(card, "weights_sha256") not in used:
                raise UserError(
                    f"weights: {manifest} was predicted without these: run again from there",
                    file=card.with_name("model.safetensors"),
                )
    for name, entry in _read(manifest, "files").items():
        for suffix, digest in entry["tables"].items():
            yield Link("predictions", layout.predictions / f"{name}{suffix}", digest, manifest)
    for name, digest in _read(manifest, "lists").items():
        yield Link("predictions", layout.predictions / name, digest, manifest)


def _explanations(layout: Layout, manifest: Path) -> Iterator[Link]:
    weights = {
        _read(card, "weights_sha256")
        for card in _cards(layout)
        if card.parent.parent.name == _read(manifest, "model")
    }
    if not weights.issuperset(_read(manifest, "weights_sha256")):
        raise UserError("explains weights that are not these results': run again", file=manifest)
    yield from _recorded(manifest, "outputs", "explanation", layout.explanations)


def _recorded(file: Path, key: str, stage: str, folder: Path) -> Iterator[Link]:
    """The files below ``folder`` whose checksums stand under ``key`` of a JSON file."""
    for name, digest in _read(file, key).items():
        yield Link(stage, folder / name, digest, file)


def _read(file: Path, key: str) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
        content = yaml.safe_load(text) if file.suffix == ".yaml" else json.loads(text)
        return content[key]
    except OSError as error:
        raise UserError(f"{error.strerror}: the chain ends here", file=file) from None
    except (KeyError, TypeError):
        raise UserError(
            f"says no {key!r}: it is of an earlier version, or broken; run again from there",
            file=file,
        ) from None
    except (ValueError, yaml.YAMLError):
        raise UserError("is broken: run again from there", file=file) from None


def _encoded_inputs(file: Path) -> dict[str, str]:
    try:
        found = inputs_of(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"cannot be read ({error}): run again from there", file=file) from None
    if not found:
        raise UserError("says no inputs: it is of an earlier version; run again", file=file)
    return found
