"""Galleries as the page needs them."""

from __future__ import annotations

from typing import Any

from bioseq_lstm.reporting.panels import Gallery


def payload(gallery: Gallery) -> dict[str, Any]:
    """Each drawing once, however many groups show it."""
    used = {card.drawing for cards in gallery.groups.values() for card in cards}
    return {
        "options": [[name, gallery.notes.get(name, "")] for name in gallery.groups],
        "groups": [
            [[card.name, card.drawing, [list(fact) for fact in card.facts]] for card in cards]
            for cards in gallery.groups.values()
        ],
        "drawings": {
            key: [[shape.kind, dict(shape.attributes), shape.text] for shape in shapes]
            for key, shapes in gallery.drawings.items()
            if key in used
        },
        "described": {key: text for key, text in gallery.described.items() if key in used},
        "width": gallery.width,
        "height": gallery.height,
    }
