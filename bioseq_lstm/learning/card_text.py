"""``MODEL_CARD.md``: the card of a packed model as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bioseq_lstm.learning.card import Card, Described, Member
from bioseq_lstm.learning.costs import encoder_text

MOST_FIGURES = 8


def card_text(card: Card) -> str:
    """Markdown, all of it from the card."""
    lines = [f"# {card.name}", "", card.words.summary, ""]
    for heading, part in (
        ("Use", _use(card)),
        ("Test", test_lines(card, "The packed model itself")),
        ("Trained on", trained_on_lines(card)),
        ("Model", _model(card)),
        ("Versions", [f"- {name} {version}" for name, version in card.versions.items()]),
    ):
        lines += [f"## {heading}", "", *part, ""]
    return "\n".join(lines).rstrip() + "\n"


def _use(card: Card) -> Iterator[str]:
    yield f"- Predicts: {card.task}, from {' and '.join(card.letters)}"
    yield f"- Intended use: {card.words.intended_use}"
    yield f"- Licence: {card.words.licence}"
    yield from (f"- Limit: {limit}" for limit in card.words.limits or ["not stated"])
    yield ""
    yield f"`bioseq-lstm predict --model {card.name} sequences.fasta --out predicted`"


def test_lines(card: Described, measured: str) -> Iterator[str]:
    """Figures and bands as Markdown; ``measured`` is what they are of."""
    if card.test is None:
        yield "Not measured: the networks are not of one fold of one dataset."
        return
    test = card.test
    yield (
        f"{measured}, on {test.samples:,} test samples; 95 % bootstrap intervals "
        f"({test.replicates:,} replicates over {test.units} independent units)."
    )
    yield from ("", "| figure | value | 95 % interval |", "|---|---|---|")
    for figure in test.figures[:MOST_FIGURES]:
        interval = "" if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
        value = "" if figure.value is None else f"{figure.value:.3f}"
        yield f"| {figure.label}: {figure.description} | {value} | {interval} |"
    yield from ("", "By likeness to the nearest training record:", "")
    yield from ("| likeness | records | value | 95 % interval |", "|---|---|---|---|")
    for band in test.bands:
        if band["value"] is None:
            continue
        interval = "" if band["low"] is None else f"{band['low']:.3f} to {band['high']:.3f}"
        yield (
            f"| {band['from']:g} to {band['to']:g} | {band['records']:g} | {band['value']:.3f} | "
            f"{interval} |"
        )


def trained_on_lines(card: Described) -> Iterator[str]:
    """Records, parts, split and files, a line each."""
    yield f"- {card.words.data}"
    about = card.trained_on
    for key in ("records", "parts", "notes"):
        yield from (f"- {key}: {k} {v:,}" for k, v in _mapping(about, key).items())
    if "refused" in about:
        yield f"- records refused: {about['refused']:,}"
    yield from (
        f"- {sentence}" for sentence in [*about.get("split", []), *about.get("warnings", [])]
    )
    yield from (f"- {name}: SHA-256 {digest}" for name, digest in _mapping(about, "files").items())


def _mapping(about: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = about.get(key, {})
    return found


def _model(card: Card) -> Iterator[str]:
    storage = card.storage
    mean = f", the mean of {len(card.members)} networks" if len(card.members) > 1 else ""
    yield f"- {storage.bytes / 1e6:.1f} MB, {storage.store}{mean}"
    yield f"- storing changes predictions by at most {storage.largest_change:.2g} of their range"
    yield f"- weights: SHA-256 {card.weights_sha256}"
    yield from (member_line(member) for member in card.members)


def member_line(member: Member) -> str:
    """One network: its encoder, size, training and origin."""
    cost = member.cost
    text = (
        f"- {member.run}: {encoder_text(member.settings.model_dump(mode='json'))}, "
        f"{cost['parameters']:,} parameters, {cost['epochs']} epochs (best {member.best_epoch}), "
        f"{cost['training_seconds']:,.0f} s on {cost['device']} ({cost['precision']}), "
        f"{cost['tokens_per_second']:,.0f} tokens/s, validation loss {member.validation_loss:.4f}"
    )
    if member.init_from is not None:
        text += f", from {member.init_from['source']} (SHA-256 {member.init_from['sha256']})"
    return text
