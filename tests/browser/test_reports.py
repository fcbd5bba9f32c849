"""Reports in a real browser: drawn, quiet, offline, and deaf to what a file tries to say."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
from small_report import Open, one_section

from bioseq_lstm.reporting import tables
from bioseq_lstm.reporting.page import write_index, write_report
from bioseq_lstm.reporting.panels import (
    Chart,
    Entry,
    Page,
    SequenceTrack,
    Table,
    Tracks,
)

pytestmark = pytest.mark.browser

PAYLOAD = (
    " <script>alert(1)</script></script>\"><img src=x onerror=alert(1)>'<svg onload=alert(1)>"
    "{{7*7}}${7*7} \u2028 \\ \\"
    ";alert(1)// javascript:alert(1) <!-- __proto__"
)
CHARTS = 16

Inspect = Callable[..., Any]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_a_report_is_drawn_without_an_error_or_a_request(
    report: Path, inspect_report: Inspect, width: int, scheme: str
) -> None:
    findings = inspect_report(report, width, scheme)
    assert findings.problems == []
    assert findings.charts == CHARTS


def test_a_reader_clicks_through_all_that_a_report_offers(
    report: Path, click_through: Callable[[Path], dict[str, int]]
) -> None:
    done = click_through(report)
    assert done["opened"] >= 10
    assert (done["sorted"], done["turned"], done["searched"], done["chosen"]) == (3, 1, 2, 3)
    assert done["downloaded"] == 3 + CHARTS + 1 + 1 + 3  # tables, charts, grid, chains, drawings


def test_a_typical_report_is_below_three_megabytes(report: Path) -> None:
    assert report.stat().st_size < 3_000_000


def test_a_table_of_a_hundred_thousand_predictions_stays_usable(
    tmp_path: Path, open_report: Open
) -> None:
    ids = [f"protein{number:06d}" for number in range(100_000)]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": ids, **{f"figure {n}": rng.random(100_000) for n in range(6)}})
    path = one_section(tmp_path / "report.html", Table("All", frame, file="predictions/all.tsv"))
    assert path.stat().st_size < 3_000_000
    page, findings = open_report(path)
    said = "The page holds the first 10,000 of 100,000 rows; all of them are in predictions/all.tsv"
    assert said in page.locator("figcaption").text_content()
    assert page.locator("tbody tr").count() == 25
    page.get_by_label("Search").fill("protein009999")
    assert page.locator(".place").text_content() == "1–1 of 1 found among 10,000"
    assert findings.errors == []


def test_hostile_text_in_every_field_is_shown_and_does_nothing(
    tmp_path: Path, example_page: Callable[[str], Page], open_report: Open, inspect_report: Inspect
) -> None:
    path = tmp_path / "report.html"
    write_report(path, example_page(PAYLOAD))
    findings = inspect_report(path, 375)
    assert findings.problems == []
    assert findings.charts == CHARTS
    page, later = open_report(path)
    assert page.title().endswith("<!-- __proto__")
    assert PAYLOAD.strip() in page.locator("h1").text_content()
    assert page.locator("td", has_text="{{7*7}}${7*7}").count() > 10
    for details in page.locator("details").all():
        details.locator("summary").click()
    page.locator("input[type=search]").first.fill("<script>")
    shown = _tooltips(page)
    assert sum("onerror" in text for text in shown) >= 5
    assert page.locator("img, svg[onload]").count() == 0
    assert later.problems == ["a blank page: 0 colours"]  # the counting of colours was not asked


def _tooltips(page: Any) -> list[str]:
    """The tooltips of the last mark of each kind in each chart."""
    texts = []
    for mark in page.locator(".chart svg .role-mark > *:last-child").all():
        mark.scroll_into_view_if_needed()
        box = mark.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        tooltip = page.locator("#tooltip")
        texts += [tooltip.text_content()] if tooltip.is_visible() else []
    return texts


def test_a_script_that_slipped_through_would_not_run(report: Path, open_report: Open) -> None:
    html = report.read_text(encoding="utf-8")
    broken = "<h1><script>alert(1)</script><b onclick='alert(2)' style='color:red'>click me</b>"
    report.write_text(html.replace("<h1>", broken), encoding="utf-8")
    page, findings = open_report(report)
    # Chromium asks its policy about a handler only when the event comes, and tells of it later.
    page.get_by_text("click me", exact=True).click()
    page.wait_for_function("() => window.violations.length >= 3")
    refused = {text.split(":")[0] for text in page.evaluate("() => window.violations")}
    assert refused == {"script-src-elem", "script-src-attr", "style-src-attr"}
    assert findings.dialogs == []


def test_the_inspection_notices_a_request_and_a_chart_without_marks(
    tmp_path: Path, inspect_report: Inspect
) -> None:
    empty = alt.Chart(pd.DataFrame({"x": pd.Series([], dtype=float)})).mark_point().encode(x="x:Q")
    path = one_section(tmp_path / "report.html", Chart("t", empty, "c", "a"))
    html = path.read_text(encoding="utf-8")
    policy_less = html.replace("http-equiv", "data-x")
    image = '<img src="http://127.0.0.1:9/x.png">'
    path.write_text(policy_less.replace("<h1>", f"{image}<h1>"), encoding="utf-8")
    findings = inspect_report(path)
    assert findings.undrawn == ["data_1-data"]
    assert findings.requests == ["http://127.0.0.1:9/x.png"]


def test_dark_and_light_differ_and_print_is_light(report: Path, open_report: Open) -> None:
    def paper(scheme: str, medium: str) -> str:
        page, _ = open_report(report, 1440, scheme)
        page.emulate_media(media=medium, color_scheme=scheme)
        colour: str = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        return colour

    assert paper("light", "screen") == paper("dark", "print") == "rgb(255, 255, 255)"
    assert paper("dark", "screen") == "rgb(18, 23, 29)"


@pytest.fixture
def long_table() -> Table:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"id": [f"gene{i:03d}" for i in range(300)]})
    forms = {"f": ".2f", "g": ".4g", "e": ".2e", "p": ".1%", "c": ",.3f", "d": ",d"}
    for name in forms:
        frame[name] = rng.normal(size=300) * 10.0 ** rng.integers(-7, 9, 300)
    frame.loc[30:60, "f"] = np.arange(31) / 8  # halves in the third digit
    frame.loc[40, "g"] = np.nan
    frame.loc[0, "id"] = '=1+1,"x"'
    frame.loc[1, "id"] = "-5"
    return Table("Genes", frame, "", forms)


def test_later_pages_show_numbers_as_the_first_page_does(
    tmp_path: Path, long_table: Table, open_report: Open
) -> None:
    page, _ = open_report(one_section(tmp_path / "report.html", long_table))
    view = tables.view(long_table)
    assert page.locator(".place").text_content() == "1–25 of 300"
    for start in range(0, 300, 25):
        rows = page.locator("tbody tr").evaluate_all(
            "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
        )
        expected = [
            [tables.shown_text(cell, col.form) for cell, col in zip(row, view.columns, strict=True)]
            for row in view.rows[start : start + 25]
        ]
        assert rows == expected
        if start < 275:
            page.get_by_role("button", name="Next").click()
    assert page.get_by_role("button", name="Next").is_disabled()


def test_a_table_is_searched_and_sorted_with_missing_values_last(
    tmp_path: Path, long_table: Table, open_report: Open
) -> None:
    page, _ = open_report(one_section(tmp_path / "report.html", long_table))
    search = page.locator(".search")
    search.fill("GENE04")
    assert page.locator("tbody tr").count() == 10
    assert page.locator(".place").text_content() == "1–10 of 10 found among 300"
    for direction in ("descending", "ascending"):
        page.get_by_role("button", name="g", exact=True).click()
        assert page.locator("th[aria-sort]").get_attribute("aria-sort") == direction
        assert page.locator("tbody tr td:first-child").last.text_content() == "gene040"
        values = page.locator("tbody tr td:nth-child(3)").all_text_contents()[:-1]
        ordered = sorted(map(float, values), reverse=direction == "descending")
        assert [float(value) for value in values] == ordered
    search.fill("nowhere")
    assert page.locator(".place").text_content() == "0–0 of 0 found among 300"


def test_a_download_has_every_row_and_no_formula(
    tmp_path: Path, long_table: Table, open_report: Open
) -> None:
    page, findings = open_report(one_section(tmp_path / "report.html", long_table))
    with page.expect_download() as waiting:
        page.locator("button.download").click()
    assert waiting.value.suggested_filename == "genes.csv"
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 301
    assert rows[0] == list(long_table.frame.columns)
    assert [row[0] for row in rows[1:4]] == ['\'=1+1,"x"', "-5", "gene002"]
    assert rows[41][2] == ""
    assert float(rows[7][1]) == pytest.approx(long_table.frame.loc[6, "f"], rel=1e-6)
    assert findings.errors == []


def test_a_chart_shows_and_hands_out_its_data(report: Path, open_report: Open) -> None:
    page, _ = open_report(report)
    figure = page.locator("figure", has_text="Q3 of models and baselines")
    figure.locator("summary").click()
    assert figure.locator("tbody tr").count() == 6
    with page.expect_download() as waiting:
        figure.locator("button.download").click()
    rows = Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()
    assert rows[0] == "name,kind,value,low,high"
    assert rows[5] == "majority,baseline,0.437,,"


def test_a_reader_chooses_what_a_chart_shows(report: Path, open_report: Open) -> None:
    page, findings = open_report(report)
    chosen = page.locator(
        "figure", has=page.get_by_role("heading", name="By condition", exact=True)
    )
    assert chosen.locator(".note").text_content() == "note 0"
    assert _measured(page, chosen) == 11
    chosen.get_by_label("Condition", exact=True).select_option(label="option 2")
    assert chosen.locator(".note").text_content() == "note 2"
    page.wait_for_timeout(1000)
    assert _measured(page, chosen) == 111
    with page.expect_download() as waiting:
        chosen.locator("button.download").click()
    rows = Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(rows) == 31  # of all options, not of the chosen one alone
    assert findings.errors == []


def _measured(page: Any, chart: Any) -> float:
    """The measured value of the last point, as its tooltip has it."""
    point = chart.locator(".mark-symbol path").last
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    line = page.locator("#tooltip div", has_text="truth").text_content()
    return float(line.removeprefix("truth"))


def test_the_least_trustworthy_chain_and_why_are_two_clicks_from_the_index(
    tmp_path: Path, open_report: Open
) -> None:
    why = "No similar training chain was found. Least certain: residues 3 to 17."
    chains = [
        SequenceTrack(f"chain{number}", "A" * 20, "H" * 20, [sure] * 20, note=note)
        for number, (sure, note) in enumerate([(0.9, ""), (0.3, why), (0.6, ""), (0.8, "")])
    ]
    one_section(tmp_path / "report.html", Tracks("Chains", chains))
    write_index(tmp_path / "index.html", [Entry("mine", "4 chains", "report.html", ["v"])])
    page, findings = open_report(tmp_path / "index.html")
    page.get_by_role("link", name="Open the report").click()
    page.get_by_role("navigation").get_by_role("link", name="Data").click()
    first = page.locator(".track").first
    assert first.locator("strong").text_content() == "chain1"
    assert first.get_by_text(why).is_visible()
    assert findings.errors == []


def test_the_reader_chooses_the_theme_and_paper_is_always_light(
    report: Path, open_report: Open
) -> None:
    page, findings = open_report(report, scheme="dark")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(18, 23, 29)"
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Light theme").click()
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Dark theme").press("Enter")
    assert page.evaluate(ground) == "rgb(18, 23, 29)"
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert findings.errors == []


def test_the_index_leads_to_the_reports(
    report: Path, example_page: Callable[[str], Page], open_report: Open, inspect_report: Inspect
) -> None:
    items = [item for item in example_page("").sections[1].items if isinstance(item, Chart)][:1]
    index = report.parent / "index.html"
    entries = [
        Entry("structure", "1,200 chains", "report.html", ["bilstm wins."], ["careful"], items),
        Entry("expression", "4,000 genes", "expression/report.html", ["ridge wins."]),
    ]
    write_index(index, entries, subtitle="Two datasets")
    assert inspect_report(index, 375).problems == []
    page, _ = open_report(index)
    page.get_by_role("link", name="Open the report").first.click()
    page.wait_for_url("**/report.html")
    assert page.locator("h1").text_content() == example_page("").title


def test_on_a_phone_the_list_of_contents_follows_the_reader(
    report: Path, open_report: Open
) -> None:
    page, findings = open_report(report, 375)
    page.evaluate("() => { location.hash = 'why'; }")
    link = page.get_by_role("navigation").get_by_role("link", name="Why")
    page.wait_for_function(
        "() => document.querySelector('.contents a[aria-current]').hash === '#why'"
    )
    box = link.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 375
    assert findings.errors == []
