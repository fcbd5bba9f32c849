"""A synthetic report that holds every kind of panel; every text in it ends in ``tail``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe

from bioseq_lstm.reporting import charts
from bioseq_lstm.reporting.logos import lines, logo
from bioseq_lstm.reporting.molecules import molecule, outline
from bioseq_lstm.reporting.page import write_report
from bioseq_lstm.reporting.panels import (
    Card,
    Chart,
    Choice,
    Gallery,
    Grid,
    Page,
    Panel,
    Section,
    SequenceTrack,
    Table,
    Text,
    Tracks,
    Warning,
)

# What a reader can do on any report, done once with everything that offers it.
CLICKS = """async (page) => {
  const pause = () => new Promise((done) => setTimeout(done, 0));
  const done = { opened: 0, sorted: 0, searched: 0, turned: 0, chosen: 0 };
  const wanted = (text) => { if (!text) throw new Error(document.title); };
  for (const part of document.querySelectorAll("details")) { part.open = true; done.opened += 1; }
  await pause();
  for (const table of document.querySelectorAll("figure.table")) {
    const head = table.querySelector("th");
    if (!head) continue;
    const before = table.querySelectorAll("tbody tr").length;
    for (const way of [1, 2]) head.querySelector("button").click();
    wanted(/scending/.test(head.getAttribute("aria-sort")));
    wanted(table.querySelectorAll("tbody tr").length === before);
    done.sorted += 1;
    const next = table.querySelector(".next");
    if (next) { const first = table.querySelector("tbody").textContent; next.click();
      wanted(table.querySelector("tbody").textContent !== first); done.turned += 1; }
  }
  for (const field of document.querySelectorAll(".search")) {
    field.value = "no such thing"; field.dispatchEvent(new Event("input"));
    const figure = field.closest("figure");
    wanted(figure.querySelectorAll("tbody tr, .track").length === 0);
    field.value = ""; field.dispatchEvent(new Event("input"));
    wanted(figure.querySelectorAll("tbody tr, .track").length > 0);
    done.searched += 1;
  }
  for (const field of document.querySelectorAll(".choice select, .choice input")) {
    const options = (field.list ?? field).querySelectorAll("option");
    field.value = options[options.length - 1].value;
    field.dispatchEvent(new Event("change"));
    wanted(!field.closest(".choice").textContent.includes("Nothing here"));
    done.chosen += 1;
  }
  return done;
}"""


@pytest.fixture
def click_through(open_report: Callable[..., Any], tmp_path: Path) -> Callable[..., dict[str, int]]:
    """``click_through(path)`` -> how often each thing that a report offers was done."""

    def through(path: Path) -> dict[str, int]:
        page, findings = open_report(path)
        done = page.evaluate(CLICKS)
        page.wait_for_timeout(500)
        names = set()
        for button in page.locator("button.download").all():
            with page.expect_download() as waiting:
                button.click()
            assert Path(waiting.value.path()).stat().st_size > 0
            names.add(waiting.value.suggested_filename)
            page.wait_for_timeout(150)  # Chromium drops what is beyond ten downloads in a second
        ground = "() => getComputedStyle(document.body).backgroundColor"
        before = page.evaluate(ground)
        page.locator("button.theme").click()
        assert page.evaluate(ground) != before
        printed = page.pdf(path=tmp_path / "report.pdf", print_background=True)
        assert printed.startswith(b"%PDF")
        assert findings.errors == findings.requests == findings.dialogs == []
        assert page.evaluate("() => window.violations") == []
        return {**done, "downloaded": len(names)}

    return through


@pytest.fixture
def violations(open_report: Callable[..., Any]) -> Callable[..., list[str]]:
    """``violations(path, width, scheme)`` -> what axe-core finds with everything opened."""

    def found(path: Path, width: int, scheme: str) -> list[str]:
        page, _ = open_report(path, width, scheme)
        page.evaluate(
            "() => document.querySelectorAll('details').forEach((d) => { d.open = true; })"
        )
        page.wait_for_timeout(300)
        return [
            f"{one['impact']} {one['id']}: {one['nodes'][0]['html'][:200]}"
            for one in Axe().run(page).response["violations"]
        ]

    return found


STATES = ["H", "B", "E", "G", "I", "T", "S", "C"]


@pytest.fixture
def report(tmp_path: Path, example_page: Callable[[str], Page]) -> Path:
    path = tmp_path / "report.html"
    write_report(path, example_page(""))
    return path


@pytest.fixture
def example_page() -> Callable[[str], Page]:
    return _page


def _page(tail: str = "") -> Page:
    rng = np.random.default_rng(7)
    return Page(
        title=f"Secondary structure of 1,200 chains{tail}",
        subtitle=f"structure · homology split at 25 % identity · 2 models, 4 baselines{tail}",
        verdict=[
            "bilstm beats the best baseline by 2.1 points Q3 (95 % interval 1.2 to 3.0) on 120 "
            f"chains that share at most 25 % identity with training.{tail}",
            f"The look-up of the nearest training chain is at chance: no leak is seen.{tail}",
            f"Of 14 new sequences, 3 are far from anything in training.{tail}",
        ],
        warnings=[f"convlstm stands below the window classifier on strands.{tail}"],
        sections=[
            Section(
                "data",
                f"Data{tail}",
                f"What was read, and what was refused.{tail}",
                _data(rng, tail),
            ),
            Section(
                "models",
                f"Models{tail}",
                f"Figures on the test part, used once.{tail}",
                _models(rng, tail),
            ),
            Section(
                "errors", f"Errors{tail}", f"Where the models go wrong.{tail}", _errors(rng, tail)
            ),
            Section(
                "new", f"New sequences{tail}", f"Dropped in; never seen.{tail}", _new(rng, tail)
            ),
            Section("why", f"Why{tail}", f"What predictions rest on.{tail}", _why(rng, tail)),
        ],
        provenance={
            f"Versions{tail}": {
                f"torch{tail}": f"2.13.0{tail}",
                "altair": "6.3.0",
                "seeds": [0, 1],
            },
            "Checksums": {f"chains.fasta.gz{tail}": "a3" * 32},
            "Run time": "6 min 12 s",
            "Configuration": f"datasets:\n  demo:\n    task: structure{tail}\n",
        },
    )


def _data(rng: np.random.Generator, tail: str) -> list[Panel]:
    lengths = pd.DataFrame({"value": rng.gamma(4, 60, 1200).round()})
    nearest = pd.DataFrame(
        {
            "value": np.concatenate([rng.beta(2, 8, 300), rng.beta(3, 6, 700)]),
            "group": np.repeat([f"test{tail}", f"validation{tail}"], [300, 700]),
        }
    )
    refused = pd.DataFrame(
        {
            f"file{tail}": [f"chains.fasta{tail}"] * 3,
            "line": [12, 4051, 9120],
            "record": [f"{name}{tail}" for name in ("1abc_A", "=HYPERLINK(1)", "2xyz_B")],
            "reason": [f"the letter ! stands at residue 7{tail}"] * 3,
        }
    )
    records = pd.DataFrame(
        {
            "id": [f"chain{number:05d}{tail}" for number in range(12_000)],
            "length": rng.integers(30, 900, 12_000),
            "identity": rng.random(12_000),
            "nearest": [f"chain{number:05d}{tail}" for number in rng.integers(0, 9, 12_000)],
        }
    )
    records.loc[::17, "identity"] = np.nan
    return [
        Chart(f"Chain lengths{tail}", charts.histogram(lengths, label=f"residues{tail}"),
              f"n = 1,200 chains.{tail}", f"Histogram of lengths{tail}", half=True),
        Chart(f"Identity to the nearest training chain{tail}",
              charts.histogram(nearest, label=f"identity{tail}", reference=0.25),
              f"The line is the limit of the split.{tail}", f"Two histograms{tail}", half=True),
        Table(f"Refused records{tail}", refused, f"Each with its reason.{tail}"),
        Table(f"Records{tail}", records, f"All of them.{tail}", {"identity": ".1%"},
              file=f"records.parquet{tail}"),
    ]  # fmt: skip


def _models(rng: np.random.Generator, tail: str) -> list[Panel]:
    names = ["bilstm", "convlstm", "window classifier", "look-up", "majority", "shuffled labels"]
    figures = pd.DataFrame(
        {
            "name": [f"{name}{tail}" for name in names],
            "kind": ["model", "model", "baseline", "baseline", "baseline", "control"],
            "value": [0.712, 0.695, 0.691, 0.471, 0.437, 0.429],
        }
    )
    figures["low"] = figures["value"] - 0.011
    figures["high"] = figures["value"] + 0.012
    figures.loc[4, ["low", "high"]] = np.nan
    epochs = np.arange(1, 31)
    runs = [
        pd.DataFrame(
            {
                "model": f"{model}{tail}",
                "run": f"{model} seed {seed}{tail}",
                "epoch": epochs,
                "train": 1.6 * np.exp(-epochs / 9) + 0.45 + rng.normal(0, 0.01, 30),
                "validation": 1.3 * np.exp(-epochs / 7) + 0.72 + 0.006 * epochs + shift,
                "chosen": 18 + seed,
            }
        )
        for model, shift in (("bilstm", 0.0), ("convlstm", 0.05))
        for seed in (0, 1)
    ]
    conditions = pd.DataFrame({"name": [f"class {state}{tail}" for state in STATES]})
    conditions["value"] = rng.random(8) * 0.5 + 0.3
    conditions["low"], conditions["high"] = conditions["value"] - 0.05, conditions["value"] + 0.05
    return [
        Chart(f"Q3 of models and baselines{tail}",
              charts.intervals(figures, label=f"Q3{tail}", reference=0.691),
              f"95 % bootstrap over 120 clusters; the line is the best baseline.{tail}",
              f"bilstm 0.712, window classifier 0.691{tail}"),
        Table(f"Figures{tail}", figures, f"The same in numbers.{tail}",
              {"value": ".3f", "low": ".3f", "high": ".3f"}),
        Chart(f"Learning curves{tail}",
              charts.learning_curves(pd.concat(runs), label=f"cross-entropy{tail}"),
              f"Discs mark the epochs that were kept.{tail}", f"Loss falls{tail}"),
        Chart(f"Q3 against speed{tail}",
              charts.tradeoff(figures.assign(speed=[9e3, 3e3, 4e4, 8e3, 1e5, 8e3], parameters=1),
                              label=f"Q3{tail}", speed=f"tokens{tail}"),
              f"To the right is faster.{tail}", f"Points{tail}"),
        Chart(f"F1 by class{tail}", charts.bars_with_interval(conditions, label=f"F1{tail}"),
              f"n = 120 clusters.{tail}", f"Bars{tail}", half=True),
    ]  # fmt: skip


def _errors(rng: np.random.Generator, tail: str) -> list[Panel]:
    counts = pd.DataFrame(
        (rng.random((8, 8)) * 400 + 4000 * np.eye(8)).round(),
        index=[f"{state}{tail}" for state in STATES],
        columns=[f"{state}{tail}" for state in STATES],
    )
    truth = rng.normal(5, 2, 8000)
    values = pd.DataFrame({"truth": truth, "predicted": 0.7 * truth + rng.normal(1.5, 0.8, 8000)})
    few = values.head(400).assign(id=[f"gene{number}{tail}" for number in range(400)])
    many = pd.DataFrame({"name": [f"condition {number}{tail}" for number in range(163)]})
    many["value"] = np.sort(rng.normal(0.6, 0.1, 163))
    many["low"], many["high"] = many["value"] - 0.06, many["value"] + 0.06
    grid = pd.DataFrame(
        [
            (f"cluster {row}{tail}", f"{column}{tail}", value)
            for row, line in enumerate(rng.normal(0, 1, (6, 10)))
            for column, value in enumerate(line)
        ],
        columns=["row", "column", "value"],
    )
    plain = grid.assign(value=grid["value"].abs())
    return [
        Warning(f"Pi helices are too few (n = 9) for any statement.{tail}"),
        Chart(f"Confusion{tail}", charts.confusion(counts), f"Shares of rows.{tail}",
              f"Most are right{tail}", half=True),
        Chart(f"Expression, one condition{tail}",
              charts.scatter(values, label=f"log2 TPM{tail}"), f"n = 8,000.{tail}",
              f"A cloud{tail}", half=True),
        Chart(f"Affinity{tail}", charts.scatter(few, label=f"KIBA{tail}"), f"n = 400.{tail}",
              f"A small cloud{tail}", half=True),
        Chart(f"Per condition{tail}",
              charts.bars_with_interval(many, label=f"Pearson r{tail}", reference=0.6),
              f"163 conditions, ranked.{tail}", f"Ranked points{tail}", half=True),
        Chart(f"Centred values{tail}",
              charts.heatmap(grid, label=f"log2 change{tail}", diverging=True),
              f"Six clusters.{tail}", f"A grid{tail}", half=True),
        Chart(f"Distance{tail}", charts.heatmap(plain, label=f"distance{tail}"),
              f"Six clusters.{tail}", f"A grid{tail}", half=True),
        Chart(f"By condition{tail}",
              charts.scatter(_chosen(rng, 3, tail), label=f"log2 TPM{tail}", by="name"),
              f"n = 40.{tail}", f"A cloud{tail}", half=True,
              choice=Choice(f"Condition{tail}", "name", _options(3, tail))),
        Chart(f"By gene{tail}",
              charts.profile(_chosen(rng, 120, tail), label=f"log2 TPM{tail}"),
              f"n = 120.{tail}", f"Points{tail}",
              choice=Choice(f"Gene{tail}", "name", _options(120, tail))),
        Grid(f"Genes by conditions{tail}", [f"gene {row}{tail}" for row in range(30)],
             [f"condition {column}{tail}" for column in range(8)],
             {"measured": rng.normal(0, 1, (30, 8)), "predicted": rng.normal(0, 0.3, (30, 8))},
             f"log2 change{tail}", f"n = 30.{tail}", f"A grid{tail}", f"gene{tail}",
             f"condition{tail}", 0.0),
        Chart(f"Nothing{tail}", charts.histogram(_no_values(), label=f"residues{tail}"),
              f"No values at all.{tail}", f"Empty{tail}"),
        Text(f"How to read this{tail}", [f"The rows are the observed states.{tail}"]),
    ]  # fmt: skip


def _options(count: int, tail: str) -> dict[str, str]:
    return {f"option {number}{tail}": f"note {number}{tail}" for number in range(count)}


def _chosen(rng: np.random.Generator, count: int, tail: str) -> pd.DataFrame:
    """Ten values for each of some options; those of option 2 are 102 to 111."""
    names = np.repeat(list(_options(count, tail)), 10)
    truth = np.arange(len(names)) % 10 + np.repeat(50.0 * np.arange(count), 10) + 2
    return pd.DataFrame(
        {
            "name": names,
            "condition": np.tile([f"condition {number}{tail}" for number in range(10)], count),
            "id": [f"gene {number % 10}{tail}" for number in range(len(names))],
            "truth": truth,
            "predicted": truth + rng.normal(0, 1, len(names)),
            "half_width": 2.0,
        }
    )


def _why(rng: np.random.Generator, tail: str) -> list[Panel]:
    letters = list(rng.choice(list("ACGT"), 150))
    values = rng.normal(0, 1, 150)
    data = pd.DataFrame({f"letter{tail}": letters, "attribution": values})
    mutants = pd.DataFrame(
        {"position": 10, "wild": "A", "letter": list("CGT"), "effect": [0.5, -1.0, 0.1]}
    )
    aspirin = "CC(=O)Oc1ccccc1C(=O)O"
    contributions = rng.normal(0, 1, 13)
    cards = [
        Card(f"{rank}. drug {rank}{tail}", [(f"predicted{tail}", f"7.10 (6.10–8.10){tail}")], "d")
        for rank in range(1, 15)
    ]
    return [
        logo(f"Logo{tail}", letters, values, lines(values), f"n = 150.{tail}", f"Logo{tail}", data),
        Chart(f"Exchanges{tail}", charts.mutations(mutants, label=f"change{tail}"),
              f"n = 3.{tail}", f"A heat map{tail}"),
        molecule(f"Atoms{tail}", aspirin, contributions, f"n = 13.{tail}", f"Aspirin{tail}", data),
        molecule(f"Atoms, masked{tail}", aspirin, contributions, f"n = 13.{tail}",
                 f"Aspirin{tail}", data),
        Gallery(f"Ranked{tail}", f"Target{tail}",
                {f"target 1{tail}": cards, f"target 2{tail}": [Card("x", [], "undrawn")]},
                {f"target 1{tail}": f"n = 14{tail}", f"target 2{tail}": "n = 1"},
                {"d": outline(aspirin, 240, 170)},
                {"d": f"Aspirin{tail}", "undrawn": f"CCO{tail}"}, 240, 170, f"n = 15.{tail}"),
    ]  # fmt: skip


def _no_values() -> pd.DataFrame:
    return pd.DataFrame({"value": pd.Series([], dtype=float)})


def _new(rng: np.random.Generator, tail: str) -> list[Panel]:
    tracks = []
    for number in range(6):
        length = int(rng.integers(70, 220))
        states = "".join(
            letter * int(rng.integers(3, 15))
            for letter in rng.choice(list("HECCET"), length)
        )[:length]  # fmt: skip
        wrong = rng.random(length) < 0.1
        tracks.append(
            SequenceTrack(
                id=f"query{number}{tail}",
                sequence="".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), length)),
                predicted="".join(
                    "C" if bad else state for bad, state in zip(wrong, states, strict=True)
                ),
                confidence=list(np.clip(rng.normal(0.75, 0.18, length), 0.2, 1)),
                observed=states if number % 2 == 0 else None,
                note=f"nearest training chain 1abc_A at 31 % identity; Q3 there 0.68{tail}",
            )
        )
    return [Tracks(f"Queries{tail}", tracks, f"n = 6.{tail}", f"queries.3line{tail}", 7)]
