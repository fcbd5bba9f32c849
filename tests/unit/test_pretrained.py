from __future__ import annotations

from pathlib import Path

import pytest

from bioseq_lstm import pretrained
from bioseq_lstm.errors import UserError
from bioseq_lstm.pretrained import find, installed

MOST_BYTES = 20_000_000


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
