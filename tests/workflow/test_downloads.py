"""Files that a rule fetches, and an external test set, by the real Snakemake."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from project import ROOT, Project
from tiny_data import demo_chains, three_line

pytestmark = pytest.mark.workflow

CHAINS = demo_chains(44)
FETCHED = ("results/one/splits.tsv", "results/one/encoded.safetensors")


def configured(project: Project, url: str | None, checksum: str, member: str | None = None) -> None:
    """Training chains to be downloaded; the test set lies beside and has four of them again."""
    entry = {"sha256": checksum, **({"url": url} if url else {})}
    entry |= {"member": member} if member else {}
    test = [(f"t{number}", *chain[1:]) for number, chain in enumerate(CHAINS[40:])]
    project.write("data/test.3line", three_line(test))
    files = {
        "sequences": "data/downloads/chains.3line.gz",
        "test": {"sequences": "data/test.3line"},
    }
    dataset = {"task": "structure", "files": files, "split": {"strategy": "random"}}
    project.configure({"downloads": {"chains.3line.gz": entry}, "datasets": {"one": dataset}})


def archive() -> tuple[bytes, str]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("deep/chains.gz", gzip.compress(three_line(CHAINS).encode()))
    return packed.getvalue(), hashlib.sha256(packed.getvalue()).hexdigest()


def test_a_member_of_a_fetched_archive_is_split_around_an_external_test_set(
    empty: Project, tmp_path: Path
) -> None:
    content, checksum = archive()
    (tmp_path / "public.zip").write_bytes(content)
    configured(empty, (tmp_path / "public.zip").as_uri(), checksum, "deep/chains.gz")
    done = empty.snakemake(*FETCHED)
    assert done.status == 0, done.output
    splits = pd.read_csv(empty.path(FETCHED[0]), sep="\t").set_index("id")["fold0"]
    assert set(splits[[chain[0] for chain in CHAINS[40:]]]) == {"unused"}
    assert set(splits[["t0", "t1", "t2", "t3"]]) == {"test"}
    assert set(splits[[chain[0] for chain in CHAINS[:40]]]) >= {"train", "validation"}
    assert empty.plan(*FETCHED).planned == set()
    assert empty.plan("--config", f"local={tmp_path}", "--", *FETCHED).planned == set()


def test_a_wrong_checksum_stops_before_anything_is_read(empty: Project, tmp_path: Path) -> None:
    content, _ = archive()
    (tmp_path / "public.zip").write_bytes(content)
    configured(empty, (tmp_path / "public.zip").as_uri(), "0" * 64, "deep/chains.gz")
    done = empty.snakemake(*FETCHED)
    assert done.status == 1
    assert f"has the SHA-256 {hashlib.sha256(content).hexdigest()}, not {'0' * 64}" in done.output
    assert "Traceback" not in done.output
    assert [path.name for path in empty.path("data").rglob("*")] == ["test.3line"]
    assert not empty.path("results/one/records.parquet").exists()


def test_a_local_copy_is_taken_where_there_is_no_address(empty: Project, tmp_path: Path) -> None:
    content, checksum = archive()
    configured(empty, None, checksum, "deep/chains.gz")
    download = "data/downloads/chains.3line.gz"
    refused = empty.snakemake(download)
    assert refused.status == 1
    told = f"no public address gives it in this form (SHA-256 {checksum})"
    assert told in refused.output
    planned = empty.plan("--", download).output
    assert (
        f"chains.3line.gz: {told}: download it by hand into a folder and name that folder: "
        "--config local=FOLDER\n"
    ) in planned
    assert told not in empty.plan("--config", f"local={tmp_path}", "--", download).output
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "any name.gz").write_bytes(content)
    done = empty.snakemake("--config", f"local={tmp_path / 'copies'}", "--", download)
    assert done.status == 0, done.output
    assert gzip.decompress(empty.path(download).read_bytes()) == three_line(CHAINS).encode()


@pytest.mark.parametrize("config", sorted((ROOT / "config" / "benchmarks").glob("*.yaml")))
def test_every_benchmark_can_be_planned(empty: Project, config: Path) -> None:
    plan = empty.plan("--configfile", str(config))
    assert {"read", "split", "encode", "train", "evaluate", "report"} <= plan.planned_rules
    assert "download" in plan.planned_rules
