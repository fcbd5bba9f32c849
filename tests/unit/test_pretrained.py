from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bioseq_lstm import pretrained
from bioseq_lstm.data.labels import read_labelled_chains
from bioseq_lstm.errors import UserError
from bioseq_lstm.learning.packages import load_package
from bioseq_lstm.learning.packed_prediction import predict_packed
from bioseq_lstm.metrics.structure import three_states
from bioseq_lstm.pretrained import find, installed

MOST_BYTES = 20_000_000
RESOURCES = Path(__file__).resolve().parents[1] / "resources"


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.json").touch()
    (folder / "model.safetensors").touch()
    return folder


def test_what_is_installed_stays_small() -> None:
    files = [path for path in pretrained.ROOT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    for name in installed():
        assert {path.name for path in (pretrained.ROOT / name).iterdir()} == {
            *("model.json", "model.safetensors", "MODEL_CARD.md")
        }


def test_an_installed_model_goes_before_a_folder_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "ROOT", tmp_path / "installed")
    own = made(tmp_path / "installed" / "toy")
    (tmp_path / "installed" / "notes").mkdir()
    made(tmp_path / "toy")
    made(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert installed() == ["toy"]
    assert find("toy") == own
    assert find("./toy") == Path("toy")
    assert find("mine") == Path("mine")
    with pytest.raises(UserError, match=r"no model 'tou' \(did you mean 'toy'\?\); installed are"):
        find("tou")


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no model\.json: `bioseq-lstm package` makes such"):
        find(str(tmp_path))


@pytest.mark.parametrize("name", ["../x", "", "/", "a\nb", "x" * 300])
def test_names_of_no_model_are_one_line(name: str) -> None:
    with pytest.raises(UserError) as told:
        find(name)
    assert "\n" not in str(told.value)


def test_the_installed_structure_model_holds_on_chains_that_it_never_trained_on(
    tmp_path: Path,
) -> None:
    """Ten chains drawn from its validation part, in groups apart from training.

    Of ten chains the share of residues right has a standard error of about .03: three of them
    below the card's interval is the bound, as is a stated confidence so far from what holds.
    """
    card = load_package("structure-cb513-bilstm").card
    assert card.test is not None
    low = {figure.metric: figure.low for figure in card.test.figures}
    chains = read_labelled_chains(RESOURCES / "held_out_chains.3line").records
    fasta = tmp_path / "chains.fasta"
    fasta.write_text("".join(f">{chain.id}\n{chain.sequence}\n" for chain in chains))
    predict_packed("structure-cb513-bilstm", [fasta], tmp_path / "out")
    found = pd.read_csv(tmp_path / "out/predictions/chains.residues.tsv", sep="\t")
    truth = "".join(chain.labels for chain in chains)
    eight = (found["state_8"].to_numpy() == list(truth)).mean()
    three = found["state_3"].to_numpy() == list(three_states(truth))
    assert three.mean() > low["q3"] - 0.09
    assert eight > low["q8"] - 0.09
    assert abs(found["confidence_3_probability"].mean() - three.mean()) < 0.09
