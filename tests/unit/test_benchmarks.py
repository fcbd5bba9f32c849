"""The benchmark runs, has a line for every encoder, and counts as torch counts."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode

from bioseq_lstm.nn.encoders import ENCODERS
from bioseq_lstm.nn.native import library

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"
REFERENCE = "torch.nn.LSTM"


@pytest.fixture(scope="module")
def importable() -> Iterator[None]:
    """The benchmark's modules import each other as those of a script do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    command = [sys.executable, str(FOLDER / "recurrent.py"), "--quick", "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def table(quick: Path, importable: None) -> pd.DataFrame:
    import tables

    found: pd.DataFrame = tables.read(quick)[1]
    return found


def test_every_encoder_is_measured_in_both_modes_and_both_engines(table: pd.DataFrame) -> None:
    cells = table[table["part"] == "cells"]
    figures = ["tokens_per_second", "relative", "multiply_adds", "allowed", "of_allowed", "of_peak"]
    values = cells[figures].to_numpy(dtype=float)
    assert np.isfinite(values).all()
    assert (values > 0).all()
    for mode in ("predict", "train"):
        assert set(cells.loc[cells["mode"] == mode, "encoder"]) == {REFERENCE, *ENCODERS}
    engines = {name: set(own["engine"]) for name, own in cells.groupby("encoder")}
    torchs_own = {REFERENCE, "lstm", "convlstm"}
    assert {name for name, own in engines.items() if own == {"torch"}} == torchs_own
    assert {name for name, own in engines.items() if own == {"cpp", "torch"}} == (
        set(ENCODERS) - torchs_own
    )


@pytest.mark.parametrize("part", ["lengths", "memory", "bf16"])
def test_every_encoder_has_its_speed_by_length_its_memory_and_its_bf16(
    table: pd.DataFrame, part: str
) -> None:
    rows = table[table["part"] == part]
    assert set(rows["encoder"]) == {REFERENCE, *ENCODERS}
    figure = "megabytes" if part == "memory" else "tokens_per_second"
    missing = rows[rows[figure].isna()]
    assert set(missing["note"]) <= {"unavailable on this processor"}
    assert (rows[figure].dropna() > 0).all()


def test_batches_of_like_length_hold_less_padding_than_random_ones(table: pd.DataFrame) -> None:
    fill = table[table["part"] == "ragged"].set_index("engine")["fill"]
    assert fill["padded, random"].max() < fill["bucketed, 8192"].min() <= 1


def test_prediction_engines_agree_with_torch(table: pd.DataFrame) -> None:
    error = table[table["part"] == "prediction"].set_index("engine")["largest_error"]
    assert error["encoder"] == 0
    assert error["onnxruntime float32"] < 1e-6
    # A weight of 7 bits is off by up to 1/128 of the largest; without a narrowed range sums
    # overflow on processors without VNNI, and the error is above 0.2.
    assert error["onnxruntime int8"] < 0.05


def test_speeds_are_compared_within_a_round_and_medians_taken(importable: None) -> None:
    import measuring

    class Told(measuring.Clock):
        def seconds(self, run: Any) -> float:
            found: float = run()
            return found

    # The machine slows down by 1, 4 and 10; ours then takes half, a fifth and all of the time.
    theirs, ours = iter([1.0, 4.0, 10.0]), iter([0.5, 0.8, 10.0])
    jobs = {
        name: measuring.Job(run=partial(next, times), tokens=20, warm=lambda: None)
        for name, times in (("theirs", theirs), ("ours", ours))
    }
    clock = Told(torch.device("cpu"))
    speeds = measuring.in_turns(jobs, dict.fromkeys(jobs, "theirs"), 3, clock)
    assert speeds["theirs"] == measuring.Speed(tokens_per_second=5.0, relative=1.0)
    # 40, 25 and 2 tokens per second; 2, 5 and 1 times as fast. Of medians the ratio would be 5.
    assert speeds["ours"] == measuring.Speed(tokens_per_second=25.0, relative=2.0)


def test_what_is_allowed_is_the_ratio_of_the_counts(table: pd.DataFrame) -> None:
    cells = table[table["part"] == "cells"].set_index("encoder")
    assert (cells.loc[REFERENCE, "of_allowed"] == 1).all()
    assert cells.loc["coupled", "allowed"].tolist() == pytest.approx([4 / 3] * 4, rel=1e-5)
    assert cells.loc["coupled", "of_allowed"].to_numpy() == pytest.approx(
        cells.loc["coupled", "relative"].to_numpy() * 3 / 4,
        rel=1e-5,  # figures have six digits
    )


def product_in_place(
    out: tuple[int, ...], left: tuple[int, ...], right: tuple[int, ...], **_: Any
) -> int:
    """Operations of ``baddbmm_``, given shapes; torch itself counts ``baddbmm`` alone."""
    return 2 * math.prod(out) * left[-1]


IN_PLACE = {torch.ops.aten.baddbmm_: product_in_place}


@pytest.mark.filterwarnings("ignore:TF32")
@pytest.mark.parametrize("name", ENCODERS)
def test_multiply_adds_are_those_that_torch_counts(name: str, importable: None) -> None:
    """Torch counts the products that its dispatcher sees: of the plain loop, without oneDNN."""
    import cases
    import operations

    hidden, batch = 32, 3
    window = 64 if name in ("matrix", "convlstm") else 8  # their chunk and window
    module = cases.OneDirection(name, hidden).eval()
    found = []
    for length in (window, 2 * window):
        x = cases.Shape(hidden, batch, length).input(torch.device("cpu"))
        counter = FlopCounterMode(display=False, custom_mapping=IN_PLACE)
        without_onednn: Any = torch.backends.mkldnn.flags(enabled=False)
        with torch.no_grad(), library.disabled(), without_onednn, counter:
            module(x)
        found.append(counter.get_total_flops() // 2)
    # What is done once, such as normalising weights, falls out of the difference.
    per_token = (found[1] - found[0]) / (batch * window)
    assert per_token == operations.multiply_adds(name, hidden, hidden)


def test_the_page_is_made_of_the_table_alone(
    quick: Path, importable: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import page

    monkeypatch.setattr(page, "DOCS", tmp_path)
    (tmp_path / "speed.md").write_text(f"above\n{page.BEGIN}\nold\n{page.END}\nbelow\n")
    for _ in range(2):
        page.write_docs(quick)
    written = (tmp_path / "speed.md").read_text()
    assert written.startswith(f"above\n{page.BEGIN}\nMeasured on ")
    assert written.endswith(f"{page.END}\nbelow\n")
    assert "old" not in written
    assert all(f"| `{name}` |" in written for name in ENCODERS)
    figure = (tmp_path / "figures" / "recurrent-speed.svg").read_text()
    assert figure.startswith("<svg")
    assert "var(--" not in figure


def test_the_page_in_docs_says_what_its_table_says(importable: None) -> None:
    import page
    import tables

    text = (page.DOCS / "speed.md").read_text(encoding="utf-8")
    measured = text.split(page.BEGIN)[1].split(page.END)[0].lstrip("\n")
    newest = tables.newest()
    expected = "" if newest is None else page.measured(newest.name, *tables.read(newest))
    assert measured == expected


# --- the comparison of the family


def test_the_page_on_the_family_holds_the_figures_of_its_newest_table(importable: None) -> None:
    import family

    newest = max(family.FOLDER.glob("family-*.tsv"))
    machine, table = family.read(newest)
    page = (ROOT / "docs" / "family.md").read_text(encoding="utf-8")
    assert family.measured(newest.name, machine, table) in page
    compared = yaml.safe_load((ROOT / "config" / "family.yaml").read_text(encoding="utf-8"))
    models = table[table["kind"] == "model"]
    for _, own in models.groupby(["task", "metric"]):
        assert set(own["name"]) == set(compared["models"])
        assert (own["seeds"] == 3).all()
