"""Snakemake's own report has what ours has: by category, with captions, made without a network."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from project import Project
from tiny_data import write_structure
from tiny_run import MODEL

pytestmark = pytest.mark.workflow

TITLE = "</script><script>mqcx(1)</script><img src=q onerror=mqcx(2)>"
HOSTILE = "<!--<script x"  # begins what `</script>` would not end; Snakemake refuses `<word>`
DEAD = "http://127.0.0.1:9"  # where no proxy listens


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A finished project and the report that Snakemake makes of it."""
    project = Project.new(tmp_path_factory.mktemp("reported") / "clone")
    write_structure(project.path("data/tiny"))
    new = project.path("data/tiny/new")
    (new / f"{HOSTILE}.fasta").write_text((new / "proteins.fasta").read_text())
    project.configure(
        {
            "title": TITLE,
            "models": {"m": MODEL},
            "datasets": {
                "tiny": {
                    "task": "structure",
                    "files": {"sequences": "data/tiny/chains.3line"},
                    "models": ["m"],
                    "controls": "none",
                    "bootstrap": 100,
                    "explain": {"records": 0},
                }
            },
        }
    )
    done = project.snakemake()
    assert done.status == 0, done.output
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.setenv(name, DEAD)
        done = project.snakemake("--report", "own.html")
    assert done.status == 0, done.output
    return project, project.path("own.html").read_text()


def variable(page: str, name: str) -> Any:
    """What a script of Snakemake's report holds under a name."""
    (text,) = re.findall(rf'<script id="{name}">\s*var {name} = (.*);\s*</script>', page)
    return json.loads(text)


def test_every_result_lies_in_its_category_with_caption_and_labels(
    made: tuple[Project, str],
) -> None:
    _, page = made
    results = variable(page, "results")
    below = {
        category: {path for own in subcategories.values() for path in own}
        for category, subcategories in variable(page, "categories").items()
    }
    tiny = "results/tiny/"
    assert below == {
        "Reports": {"results/index.html", f"{tiny}report.html"},
        "Figures": {f"{tiny}{name}.tsv" for name in ("figures", "differences", "bands", "strata")},
        "Predictions": {
            f"{tiny}predictions/{name}.tsv" for name in ("proteins", "rejected", "outside", "plate")
        },
        "For the paper": {f"{tiny}methods.md"},
    }
    captions = {
        "results/index.html": "All datasets side by side",
        f"{tiny}report.html": "Report of the dataset tiny",
        f"{tiny}figures.tsv": "Every figure of every model",
        f"{tiny}differences.tsv": "Each model of the dataset tiny minus the baseline",
        f"{tiny}bands.tsv": "The headline figure of the chosen model of the dataset tiny",
        f"{tiny}strata.tsv": "The headline figure of the chosen model of the dataset tiny by",
        f"{tiny}predictions/outside.tsv": "Predictions of a file of new records",
        f"{tiny}predictions/plate.tsv": "Predictions of a file of new records",
        f"{tiny}predictions/proteins.tsv": "Predictions of a file of new records",
        f"{tiny}predictions/rejected.tsv": "Predictions of a file of new records",
        f"{tiny}methods.md": "For the paper on the dataset tiny",
    }
    assert set(results) == set(captions)
    for path, begin in captions.items():
        assert begin in results[path]["caption"], path
        expected = "all" if path == "results/index.html" else "tiny"
        assert results[path]["labels"]["dataset"] == expected
    assert results[f"{tiny}predictions/proteins.tsv"]["labels"]["file"] == "proteins"


def test_the_files_in_it_are_those_of_the_results(made: tuple[Project, str]) -> None:
    project, page = made
    for path, result in variable(page, "results").items():
        content = base64.b64decode(result["data_uri"].split("base64,", 1)[1])
        assert content == project.path(path).read_bytes(), path


def test_the_methods_name_the_snakemake_that_ran(made: tuple[Project, str]) -> None:
    from snakemake import __version__

    methods = made[0].path("results/tiny/methods.md").read_text()
    assert f"Snakemake {__version__} [" in methods
    assert "doi:10.12688/f1000research.29032.2" in methods


class Scripts(HTMLParser):
    """How many scripts there are, and what else carries the payload."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.scripts.append("")
        self.images += tag == "img" and dict(attrs).get("src") == "q"

    def handle_data(self, data: str) -> None:
        if self.scripts:
            self.scripts[-1] += data


def test_no_name_from_outside_is_a_tag_in_it(made: tuple[Project, str]) -> None:
    project, page = made
    assert project.path(f"results/tiny/predictions/{HOSTILE}.tsv").is_file()
    assert HOSTILE not in page
    found = Scripts()
    found.feed(page)
    assert found.images == 0
    assert not any(script.startswith("mqcx") for script in found.scripts)
    # The title reaches it as a param, in which `<` is written out.
    assert "\\\\u003cimg src=q onerror=mqcx(2)" in page
