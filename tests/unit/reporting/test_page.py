"""The HTML of a report, read back with the parser of the standard library."""

from html.parser import HTMLParser
from pathlib import Path

import altair as alt
import pandas as pd
import pytest

from bioseq_lstm.reporting import charts, page
from bioseq_lstm.reporting.panels import Chart, Entry, Page, Panel, Section, Table, Text, Warning

PAYLOAD = (
    "<script>alert(1)</script></script>\"><img src=x onerror=alert(1)>' {{7*7}} \u2028 javascript:x"
)


class Reader(HTMLParser):
    """Elements with their attributes, and the text outside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._silent = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._silent = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def _page(items: list[Panel], text: str = "plain") -> Page:
    section = Section("data", text, text, items)
    return Page(text, text, [text], [text], [section], {text: {text: [text, {text: text}]}})


def test_no_text_of_a_report_becomes_an_element_or_an_attribute() -> None:
    frame = pd.DataFrame({PAYLOAD: [PAYLOAD]})
    panels: list[Panel] = [
        Table(PAYLOAD, frame, PAYLOAD, file=PAYLOAD),
        Text(PAYLOAD, [PAYLOAD]),
        Warning(PAYLOAD),
        Chart(
            PAYLOAD,
            charts.histogram(pd.DataFrame({"value": [1.0, 2.0]}), label=PAYLOAD),
            PAYLOAD,
            PAYLOAD,
        ),
    ]
    hostile = Reader(page.render(_page(panels, PAYLOAD)))
    plain = Reader(page.render(_page(panels[:0], "plain")))
    assert not hostile.of("img")
    assert all(not name.startswith("on") for _, given in hostile.elements for name in given)
    assert all("style" not in given for _, given in hostile.elements)
    kinds = [given.get("type", "code") for given in hostile.of("script")]
    assert kinds.count("code") == 2  # the bundle and the page's own script
    assert set(kinds) == {"code", "application/json"}
    assert len(plain.of("script")) == 1
    assert "".join(hostile.text).count(PAYLOAD) > 12


def test_a_page_without_charts_does_not_carry_the_bundle() -> None:
    assert len(page.render(_page([Text("a", ["b"])]))) < 60_000


def test_provenance_shows_nested_values_and_keeps_the_lines_of_a_file() -> None:
    content = Page(
        "t", "s", [], [], [], {"config": "a: 1\n  b: 2\n", "seeds": [0, 1], "none": None}
    )
    html = page.render(content)
    assert '<pre tabindex="0">a: 1\n  b: 2\n</pre>' in html
    assert "0, 1" in html


def test_half_a_surrogate_pair_and_nul_do_not_stop_the_report(tmp_path: Path) -> None:
    page.write_report(tmp_path / "report.html", _page([], "bad\udcff\0name"))
    assert "bad?\ufffdname" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_chart_that_would_load_a_url_is_refused() -> None:
    chart = alt.Chart("https://example.org/data.csv").mark_point()
    with pytest.raises(ValueError, match="URL"):
        page.render(_page([Chart("t", chart, "c", "a")]))


@pytest.mark.parametrize("key", ["verdict", "Data", "a b", '"><script>', "chart-theme"])
def test_a_key_that_is_no_plain_word_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="section key"):
        page.render(Page("t", "s", [], [], [Section(key, "t", "", [])], {}))


def test_two_sections_of_one_key_are_refused() -> None:
    section = Section("data", "t", "", [])
    with pytest.raises(ValueError, match="one key"):
        page.render(Page("t", "s", [], [], [section, section], {}))


@pytest.mark.parametrize(
    ("href", "written"),
    [
        ("demo/report.html", "./demo/report.html"),
        ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
        ("//example.org/x", "./example.org/x"),
        ("https://example.org", "./https%3A//example.org"),
    ],
)
def test_a_link_of_the_index_always_stays_beside_it(href: str, written: str) -> None:
    html = page.render_index([Entry("demo", "s", href, ["v"])], title="t", subtitle="")
    links = [given["href"] or "" for given in Reader(html).of("a")]
    assert links.count(written) == 2
    assert all(link.startswith(("#", "./")) for link in links)


def test_an_index_of_nothing_says_so() -> None:
    assert "No dataset has been finished yet." in page.render_index([], title="t", subtitle="")
