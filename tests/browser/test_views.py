"""Chains, cards, grids and pickers of a report: what a reader finds, sorts and takes along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_report import Open, one_section

from bioseq_lstm.reporting.panels import Grid, SequenceTrack, Tracks

pytestmark = pytest.mark.browser


def test_one_of_many_is_found_by_a_part_of_its_name(report: Path, open_report: Open) -> None:
    page, findings = open_report(report)
    chosen = page.locator("figure", has=page.get_by_role("heading", name="By gene", exact=True))
    field = chosen.get_by_role("combobox", name="Gene")
    assert field.input_value() == "option 0"
    field.fill("TION 11")
    field.press("Enter")
    assert field.input_value() == "option 11"
    assert chosen.locator(".note").text_content() == "note 11"
    field.fill("nobody")
    field.press("Enter")
    assert chosen.locator(".note").text_content() == "Nothing here is called nobody."
    assert findings.errors == []


def test_a_grid_tells_and_hands_out_its_cells(tmp_path: Path, open_report: Open) -> None:
    cells = np.array([[1.0, -2.0], [np.nan, 0.5]])
    grid = Grid("Cells", ["r1", "=r2"], ["c1", "c2"], {"measured": cells, "predicted": -cells},
                "unit", "n = 2.", "a grid", "gene", "condition", 0.0)  # fmt: skip
    page, findings = open_report(one_section(tmp_path / "report.html", grid))
    first, second = page.locator("canvas").all()
    box = first.bounding_box()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    told = page.locator("#tooltip div").all_text_contents()
    assert told == ["gener1", "conditionc2", "measured-2", "predicted2"]
    pixels = (
        "(canvas) => { const copy = new OffscreenCanvas(2, 2)"
        ".getContext('2d', { willReadFrequently: true });"
        " copy.drawImage(canvas, 0, 0); return [...copy.getImageData(0, 0, 2, 2).data]; }"
    )
    light = first.evaluate(pixels)
    assert light[3] < light[7] == 255  # half the reach, and all of it
    assert light[8:12] == [0, 0, 0, 0]  # not measured
    assert light[:3] != light[4:7]  # the two sides of the centre
    assert second.evaluate(pixels)[4:7] == pytest.approx(light[:3], abs=2)
    page.get_by_role("button", name="Dark theme").click()
    assert first.evaluate(pixels)[4:7] != light[4:7]
    page.emulate_media(media="print")
    page.wait_for_timeout(200)
    assert first.evaluate(pixels)[4:7] == light[4:7]
    page.emulate_media(media="screen")
    with page.expect_download() as waiting:
        page.locator("button.download").click()
    assert waiting.value.suggested_filename == "cells.csv"
    assert Path(waiting.value.path()).read_text(encoding="utf-8").splitlines() == [
        "gene,condition,measured,predicted", "r1,c1,1,-1", "r1,c2,-2,2", "'=r2,c2,0.5,-0.5"
    ]  # fmt: skip
    assert findings.errors == []


def test_the_cards_of_the_chosen_group_are_shown(report: Path, open_report: Open) -> None:
    page, findings = open_report(report)
    gallery = page.locator("figure.gallery")
    assert gallery.locator(".card").count() == 12
    assert gallery.locator(".card").first.text_content() == "1. drug 1predicted7.10 (6.10–8.10)"
    assert gallery.locator(".card svg path").first.get_attribute("stroke") == "var(--ink)"
    assert gallery.locator(".card svg").first.get_attribute("aria-label") == "Aspirin"
    gallery.get_by_role("button", name="Show all 14").click()
    assert gallery.locator(".card").count() == 14
    gallery.get_by_label("Target").select_option(label="target 2")
    assert gallery.locator(".card").all_text_contents() == ["CCOx"]  # undrawn: its words, its name
    assert findings.errors == []


def test_a_chain_is_drawn_in_lines_of_sixty(tmp_path: Path, open_report: Open) -> None:
    long = SequenceTrack("long", "A" * 3000, "H" * 3000)
    chain = SequenceTrack(
        "1abc A", "ACDEFG" * 21, "HHEECC" * 21, [0.9] * 126, "HHEEC." * 21, "a note"
    )
    path = one_section(tmp_path / "report.html", Tracks("a", [chain]), Tracks("b", [long]))
    page, findings = open_report(path)
    first, second = page.locator(".tracks").all()
    told = "predicted otherwise than observed"
    assert [part.get_by_text(told).is_visible() for part in (first, second)] == [True, False]
    assert first.locator(".list svg").count() == 3  # 126 residues: 60, 60 and 6
    assert first.locator("svg").nth(2).locator(".letters").text_content() == "ACDEFG"
    assert first.locator("svg").nth(0).locator("path.strand").count() == 20  # 10 observed, 10 not
    assert second.locator("svg").count() == 20
    second.get_by_role("button", name="Show all 3,000 residues").click()
    assert second.locator("svg").count() == 50
    assert findings.errors == []


def test_what_is_drawn_and_counted_is_the_call_among_three_states(
    tmp_path: Path, open_report: Open
) -> None:
    # Of eight states T is the most probable, of three the helix: two residues in three are right.
    chain = SequenceTrack("a", "ACDE", "TTTT", [0.4] * 4, "HHC.", three="HHHH")
    page, _ = open_report(one_section(tmp_path / "report.html", Tracks("a", [chain])))
    assert page.locator("path.helix").count() == 2
    assert "helix 100%" in page.locator(".track summary").text_content()
    assert "right 67%" in page.locator(".track summary").text_content()
    assert page.locator("rect.wrong").count() == 1


CHAINS = [
    SequenceTrack("sure A\n>x", "ACDEFG" * 11, "HHEECC" * 11, [0.9] * 66, "HHEECC" * 11, "=1+1"),
    SequenceTrack("wrong", "AC", "HH", [0.8, 0.8], "EE"),
    SequenceTrack("unsure", "ACD", "HHH", [0.4, 0.5, 0.6], "HHE"),
    SequenceTrack("blind", "A", "C", None, None, "far from training"),
]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("least confident first", ["unsure", "wrong", "sure A\n>x", "blind"]),
        ("least accurate first", ["wrong", "unsure", "sure A\n>x", "blind"]),
        ("most accurate first", ["sure A\n>x", "unsure", "wrong", "blind"]),
        ("longest first", ["sure A\n>x", "unsure", "wrong", "blind"]),
        ("as listed", ["sure A\n>x", "wrong", "unsure", "blind"]),
    ],
)
def test_chains_are_sorted_by_what_the_reader_asks(
    order: str, names: list[str], tmp_path: Path, open_report: Open
) -> None:
    page, _ = open_report(one_section(tmp_path / "report.html", Tracks("a", CHAINS)))
    if order != "least confident first":  # how the page opens
        page.get_by_label("Order").select_option(label=order)
    assert page.locator(".track strong").all_text_contents() == names
    assert page.locator(".track").first.get_attribute("open") is not None


FORMATS = {
    "FASTA": (".fasta", [">sure A >x", "ACDEFG" * 10, "ACDEFG", ">wrong", "AC"]),
    "3-line": (".3line.fasta", [">sure A >x", "ACDEFG" * 11, "HHEECC" * 11, ">wrong"]),
    "TSV, per residue": (
        ".tsv",
        ["id\tposition\tresidue\tpredicted\tconfidence\tobserved", "sure A >x\t1\tA\tH\t0.9\tH"],
    ),
}


@pytest.mark.parametrize("format", FORMATS)
def test_chains_are_downloaded_and_copied_as_they_are_listed(
    format: str, tmp_path: Path, open_report: Open
) -> None:
    page, findings = open_report(one_section(tmp_path / "report.html", Tracks("My chains", CHAINS)))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("Order").select_option(label="as listed")
    page.get_by_label("As", exact=True).select_option(label=format)
    with page.expect_download() as waiting:
        page.locator(".tracks .download").click()
    ending, lines = FORMATS[format]
    assert waiting.value.suggested_filename == f"my-chains{ending}"
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert text.splitlines()[: len(lines)] == lines
    page.locator(".tracks .copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("() => navigator.clipboard.readText()") == text
    page.get_by_label("Search").fill("far from")
    page.get_by_label("As", exact=True).select_option(label="FASTA")
    with page.expect_download() as waiting:
        page.locator(".tracks .download").click()
    assert Path(waiting.value.path()).read_text(encoding="utf-8") == ">blind\nA\n"
    assert findings.errors == []


def test_sequences_are_found_by_name(report: Path, open_report: Open) -> None:
    page, _ = open_report(report)
    page.locator(".tracks .search").fill("QUERY3")
    assert page.locator(".track").count() == 1
    assert page.locator(".track").get_attribute("open") is not None
    assert page.locator(".tracks .place").text_content() == "1 of 6 chains"
    page.locator(".tracks .search").fill("nobody")
    assert page.locator(".tracks .list").text_content() == "No sequence of this name."
