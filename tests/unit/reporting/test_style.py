"""Text must be readable in both themes: contrast of 4.5 or more (WCAG 2.2, success 1.4.3)."""

import re

import pytest

from bioseq_lstm.reporting import inline
from bioseq_lstm.reporting.charts import style


def _themes() -> dict[str, dict[str, str]]:
    (root,) = re.findall(r"^:root \{(.*?)\}", inline.page_style(), re.DOTALL | re.MULTILINE)
    both = re.compile(r"light-dark\(([^,]+), ([^)]+)\)")
    values = re.findall(r"(--[\w-]+): ([^;]+);", root)
    return {
        scheme: {name: both.sub(rf"\{place}", value) for name, value in values}
        for place, scheme in enumerate(("light", "dark"), 1)
    }


def _luminance(colour: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _colour(theme: dict[str, str], name: str) -> tuple[float, ...]:
    value = theme[name]
    while value.startswith("var("):
        value = theme[value[4:-1]]
    return tuple(int(value[place : place + 2], 16) / 255 for place in (1, 3, 5))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("--ink", "--paper"),
        ("--ink", "--surface"),
        ("--muted", "--paper"),
        ("--muted", "--surface"),
        ("--accent", "--paper"),
        ("--caution", "--caution-paper"),
        ("--ink", "--caution-paper"),
        ("--on-accent", "--c1"),
    ],
)
def test_text_stands_out_from_its_ground(scheme: str, text: str, ground: str) -> None:
    theme = _themes()[scheme]
    assert _contrast(_colour(theme, text), _colour(theme, ground)) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "shade"),
    [("--ink", 0.3), ("--ink", 0.6), ("--on-half-accent", 0.61), ("--on-half-accent", 0.85)],
)
def test_figures_are_readable_on_a_shaded_cell(scheme: str, text: str, shade: float) -> None:
    theme = _themes()[scheme]
    paper, accent = _colour(theme, "--paper"), _colour(theme, "--c1")
    cell = tuple(shade * a + (1 - shade) * p for a, p in zip(accent, paper, strict=True))
    assert _contrast(_colour(theme, text), cell) >= 3.8


def test_every_colour_that_a_chart_names_is_defined_by_the_page() -> None:
    used = set(re.findall(r"var\((--[\w-]+)\)", str([style.CONFIG, *vars(style).values()])))
    assert used <= set(_themes()["light"])
    assert len(used) > 10
