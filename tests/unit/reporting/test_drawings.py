from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.reporting.charts import mutations
from bioseq_lstm.reporting.logos import ACROSS, MOST_LINES, lines, logo
from bioseq_lstm.reporting.molecules import molecule, outline
from bioseq_lstm.reporting.page import render
from bioseq_lstm.reporting.panels import Chart, Drawing, Page, Section, Shape

DATA = pd.DataFrame({"</script>": ["<i>"]})


def drawn(panel: Drawing | Chart) -> str:
    return render(Page("t", "", [], [], [Section("why", "Why", "", [panel])], {}))


def test_letters_are_as_tall_as_what_they_bear_and_below_the_line_if_negative() -> None:
    values = np.array([2.0, -1.0, 0.0, 1.0])
    found = logo("t", list("ACGT"), values, lines(values), "", "", DATA)
    letters = [shape for shape in found.shapes if shape.kind == "text"]
    assert [shape.text for shape in letters] == list("ACT")
    transforms = [str(shape.attributes["transform"]) for shape in letters]
    scales = [float(text.rpartition(" ")[2].rstrip(")")) for text in transforms]
    feet = [float(text.split()[1].rstrip(")")) for text in transforms]
    assert scales[0] == pytest.approx(2 * scales[1], rel=1e-3)
    assert scales[1] == scales[2]
    assert feet[0] == feet[2] < feet[1]
    assert letters[0].attributes["fill"] != letters[1].attributes["fill"]


def test_of_a_long_sequence_the_lines_that_bear_most_are_drawn() -> None:
    values = np.zeros(20 * ACROSS)
    wanted = [1, 4, 7, 9, 12, 19]
    values[[ACROSS * line + 5 for line in wanted]] = 1
    found = lines(values)
    assert len(wanted) == MOST_LINES
    assert found.starts == [ACROSS * line for line in wanted]
    assert found.said == "Drawn are the 6 of 20 lines that bear most."


def test_a_molecule_has_a_disc_for_each_atom_and_no_style_of_its_own() -> None:
    found = molecule("t", "CC(=O)N", np.array([1.0, -2.0, 0.0, 0.5]), "", "acetamide", DATA)
    discs = [shape for shape in found.shapes if shape.kind == "circle"]
    assert [disc.attributes["opacity"] for disc in discs] == [0.3, 0.6, 0.0, 0.15]
    assert any(shape.kind == "path" for shape in found.shapes)
    page = drawn(found)
    assert 'aria-label="acetamide"' in page
    svg = page[page.index("<svg viewBox") : page.index("</svg>")]
    assert "style=" not in svg
    assert "var(--ink)" in svg


def test_an_outline_is_of_two_kinds_of_strokes_in_the_colour_of_the_page() -> None:
    shapes = outline("CC(=O)Nc1ccccc1", 240, 170)
    assert 1 <= len(shapes) <= 3
    for shape in shapes:
        assert {shape.attributes.get("stroke"), shape.attributes["fill"]} & {"var(--ink)"}
        numbers = [float(text) for text in re.findall(r"-?\d+\.?\d*", str(shape.attributes["d"]))]
        assert max(numbers[0::2]) <= 240
        assert max(numbers[1::2]) <= 170


def test_what_stands_in_a_drawing_is_escaped_and_nothing_else_may_stand_there() -> None:
    hostile = Drawing("<b>", 1, 1, [Shape("text", {"fill": '"><script>'}, "<i>")], "", '"<u>', DATA)
    page = drawn(hostile)
    for text in ("<b>", "<i>", "<u>", '"><script>'):
        assert text not in page
    with pytest.raises(ValueError, match="has no script"):
        Shape("script", {})
    with pytest.raises(ValueError, match="onclick"):
        Shape("path", {"d": "M0 0", "onclick": "x"})


def test_the_heat_map_marks_what_stands_there() -> None:
    frame = pd.DataFrame(
        {"position": [1, 1, 2], "wild": ["A", "A", "C"], "letter": ["C", "G", "A"],
         "effect": [0.5, -1.0, 0.0]}
    )  # fmt: skip
    spec = mutations(frame, label="change").to_dict()
    cells, marks = spec["layer"]
    rows = spec["datasets"]
    assert [row["shade"] for row in rows[cells["data"]["name"]]] == [0.5, 1.0, 0.0]
    assert [(row["position"], row["letter"]) for row in rows[marks["data"]["name"]]] == [
        (1, "A"),
        (2, "C"),
    ]
    assert "Heat" in drawn(Chart("Heat", mutations(frame, label="change"), "", ""))
