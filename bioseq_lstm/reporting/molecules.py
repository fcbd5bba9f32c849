"""Molecules with their atoms coloured by what they contribute, drawn by RDKit."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D

from bioseq_lstm.reporting.charts import style
from bioseq_lstm.reporting.panels import Drawing, Shape

WIDTH, HEIGHT = 520, 360
RADIUS = 15.0


def molecule(
    title: str,
    smiles: str,
    contributions: np.ndarray,
    caption: str,
    alt: str,
    data: pd.DataFrame,
) -> Drawing:
    """A molecule over discs as strong as each atom's contribution (atoms,), blue above 0."""
    mol = Chem.MolFromSmiles(smiles)
    drawer = rdMolDraw2D.MolDraw2DSVG(WIDTH, HEIGHT)
    options = drawer.drawOptions()
    options.clearBackground = False  # type: ignore[assignment]
    options.useBWAtomPalette()
    drawer.DrawMolecule(rdMolDraw2D.PrepareMolForDrawing(mol))
    places = [drawer.GetDrawCoords(atom) for atom in range(mol.GetNumAtoms())]
    drawer.FinishDrawing()
    most = float(np.abs(contributions).max(initial=0)) or 1.0
    discs = [
        Shape(
            "circle",
            {
                "cx": round(place.x, 1),
                "cy": round(place.y, 1),
                "r": RADIUS,
                "fill": style.ACCENT if value > 0 else style.OPPOSITE,
                "opacity": round(0.6 * abs(value) / most, 3),
            },
        )
        for place, value in zip(places, contributions.tolist(), strict=True)
    ]
    lines = [_shape(element) for element in _paths(drawer.GetDrawingText())]
    return Drawing(title, WIDTH, HEIGHT, [*discs, *lines], caption, alt, data, half=True)


def outline(smiles: str, width: int, height: int) -> list[Shape]:
    """A molecule as two shapes, the strokes and the letters, so that many are carried cheaply."""
    drawer = rdMolDraw2D.MolDraw2DSVG(width, height)
    options = drawer.drawOptions()
    options.clearBackground = False  # type: ignore[assignment]
    options.useBWAtomPalette()
    options.bondLineWidth = 1  # type: ignore[assignment]
    drawer.DrawMolecule(rdMolDraw2D.PrepareMolForDrawing(Chem.MolFromSmiles(smiles)))
    drawer.FinishDrawing()
    paths: dict[tuple[tuple[str, str | float], ...], list[str]] = {}
    for element in _paths(drawer.GetDrawingText()):
        given = dict(_shape(element).attributes)
        path = re.sub(r"(\.\d)\d+", r"\1", str(given.pop("d")))
        paths.setdefault(tuple(given.items()), []).append(path)
    return [Shape("path", {"d": " ".join(own), **dict(paint)}) for paint, own in paths.items()]


def _paths(svg: str) -> list[ElementTree.Element]:
    return [element for element in ElementTree.fromstring(svg).iter() if _name(element) == "path"]


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _shape(path: ElementTree.Element) -> Shape:
    """A path of RDKit's; its styles become attributes, since the page forbids inline styles."""
    given = dict(
        part.split(":", 1) for part in path.get("style", "").split(";") if ":" in part
    ) | dict(path.attrib)
    attributes: dict[str, str | float] = {"d": given["d"].strip(), "fill": "none"}
    for name in ("fill", "stroke"):
        if re.fullmatch(r"#[0-9A-Fa-f]{6}", given.get(name, "none").strip()):
            attributes[name] = style.INK
    if "stroke-width" in given:
        attributes["stroke-width"] = float(given["stroke-width"].removesuffix("px"))
        attributes["stroke-linecap"] = "round"
    return Shape("path", attributes)
