"""MultiQC itself takes up what is written for it, and no name in it becomes a tag."""

from __future__ import annotations

import base64
import gzip
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from tiny_data import write_structure
from tiny_run import MODEL, run_verbs

from bioseq_lstm.config import parse_settings
from bioseq_lstm.files import read_json
from bioseq_lstm.learning import multiqc
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.multiqc import write_multiqc
from bioseq_lstm.learning.study import Study, read_study
from bioseq_lstm.tasks import TASKS

HOSTILE = "x<img src=q onerror=mqcx(1)>\"'><script>mqcx(2)</script>&lt;b&gt;"
UNESCAPED = HOSTILE.replace("mqcx", "mqcy").replace("src=q", "src=r")
SETTINGS = {
    "task": "structure",
    "files": {"sequences": "data/chains.3line"},
    "models": {"m": MODEL},
    "controls": "none",
    "max_refused": 0.1,
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("made")
    write_structure(folder / "data")
    with (folder / "data/chains.3line").open("a") as chains:
        chains.write(">broken\nMKV\nHH\n")  # three residues, two states
    results = run_verbs(folder, SETTINGS)
    task, settings = parse_settings({"bootstrap": 100, "explain": {"records": 0}, **SETTINGS})
    return read_study("mine", TASKS[task], settings, ["m"], Layout(results))


def content(study: Study, name: str) -> dict:
    found: dict = read_json(study.layout.multiqc / f"{name}_mqc.json")
    return found


def test_the_numbers_are_those_of_the_tables(study: Study) -> None:
    figures = pd.read_csv(study.layout.figures, sep="\t")
    table = content(study, "models")["data"]
    assert set(table) == set(figures["name"])
    for name, cells in table.items():
        row = figures[(figures["name"] == name) & (figures["metric"] == "q3")].iloc[0]
        assert cells["q3"] == row["value"]
        assert cells["q3_interval"] == f"{row['low']:.3f} to {row['high']:.3f}"
    q3 = float(table["m"]["q3"])
    sizes = study.splits["fold0"].value_counts()
    assert content(study, "general")["data"]["mine"] == {
        "records": 60, "refused": 1, "test": sizes["test"], "q3": q3
    }  # fmt: skip
    assert content(study, "parts")["data"] == {
        "fold 0": {part: sizes[part] for part in ("train", "validation", "test")}
    }
    bands = content(study, "bands")["data"]
    assert len(bands) == int((study.bands["records"] > 0).sum()) > 0
    assert sum(int(name.rsplit(" ", 1)[1]) for name in bands) == sizes["test"]
    (refused,) = content(study, "refused")["data"].values()
    assert refused["count"] == 1
    assert "3" in refused["reason"]
    assert "2" in refused["reason"]


def hostile(study: Study, folder: Path, payload: str) -> Study:
    """The same with a payload as every name that could come from outside, in another folder."""
    figures = study.figures.copy()
    figures["name"] = figures["name"] + payload
    (refusal,) = study.profile["refusals"]
    return replace(
        study,
        name=payload,
        layout=Layout(folder),
        figures=figures,
        evaluation={**study.evaluation, "chosen": f"m{payload}"},
        profile={
            **study.profile,
            "refusals": [{**refusal, "reason": payload}],
            "files": {"sequences": {"path": payload, "sha256": ""}},
        },
        split_report={**study.split_report, "warnings": [payload]},
    )


class Found(HTMLParser):
    """Tags and scripts of a page that carry the payload that calls ``name``."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.payloads: list[str] = []
        self.within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.within = tag
        if any(name.startswith("on") and self.name in (value or "") for name, value in attrs):
            self.payloads.append(tag)

    def handle_data(self, data: str) -> None:
        if self.within == "script" and data.startswith(f"{self.name}("):
            self.payloads.append("script")

    def handle_endtag(self, tag: str) -> None:
        self.within = ""


def payloads(page: str, name: str) -> list[str]:
    parser = Found(name)
    parser.feed(page)
    return parser.payloads


def test_multiqc_shows_every_section_and_runs_no_name(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_multiqc(hostile(study, tmp_path / "results" / "d", HOSTILE))
    with monkeypatch.context() as patch:  # what must be found, were nothing escaped
        patch.setattr(multiqc, "_escaped", lambda content: content)
        write_multiqc(hostile(study, tmp_path / "results" / "e", UNESCAPED))
    command = [sys.executable, "-m", "multiqc", "results", "--no-version-check", "-o", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "multiqc_report.html").read_text()
    assert {"img", "script"} <= set(payloads(page, "mqcy"))
    assert payloads(page, "mqcx") == []
    for text in ("models and baselines", "by likeness to training", "parts of the data",
                 "refused records"):  # fmt: skip
        assert text in page
    packed = re.findall(r'(?s)id="mqc_compressed_plotdata"[^>]*>\s*([A-Za-z0-9+/=]+)\s*<', page)
    plots = gzip.decompress(base64.b64decode(packed[0])).decode()
    assert json.loads(plots)
    assert "<img src=r" in plots
    for shown in (page, plots):
        assert "x&lt;img src=q" in shown
        assert "<img src=q" not in shown


def test_what_is_not_there_any_more_leaves_the_folder(study: Study, tmp_path: Path) -> None:
    own = replace(study, layout=Layout(tmp_path))
    assert "refused_mqc.json" in {path.name for path in write_multiqc(own)}
    again = write_multiqc(replace(own, profile={**study.profile, "refusals": []}))
    assert {path.name for path in again} == {path.name for path in (tmp_path / "multiqc").iterdir()}
    assert "refused_mqc.json" not in {path.name for path in again}
