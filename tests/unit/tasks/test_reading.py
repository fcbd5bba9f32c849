"""An external test set beside the records to learn from, for the tasks that read one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bioseq_lstm.config import parse_settings
from bioseq_lstm.data.splitting import SplitSettings
from bioseq_lstm.errors import UserError
from bioseq_lstm.tasks import TASKS

CHAINS = ">a\nMKTAYIAKQRQISFVKSH\nCCHHHHHHHHCCEEEECC\n>b\nGSHMLEDPVDAWWTRYQN\nCCCCHHHHHCCCEEEECC\n"
TEST = ">t\nPQITLWQRPLVTIKIGGQ\n..EEEEECC.EEEEECC.\n"


def write(folder: Path, **texts: str) -> dict[str, str]:
    for name, text in texts.items():
        (folder / name).write_text(text)
    return {name: str(folder / name) for name in texts}


def structure(folder: Path, test: str) -> tuple[object, object]:
    files = write(folder, chains=CHAINS, test=test)
    asked = {"sequences": files["chains"], "test": {"sequences": files["test"]}}
    raw = {"task": "structure", "files": asked, "models": {"m": {}}}
    return TASKS["structure"], parse_settings(raw)[1]


def test_chains_of_both_files_are_one_reading_that_knows_them_apart(tmp_path: Path) -> None:
    task, settings = structure(tmp_path, TEST)
    reading = task.read(settings)
    assert reading.records["id"].tolist() == ["a", "b", "t"]
    assert reading.records["external_test"].tolist() == [False, False, True]
    assert reading.measurements["id"].tolist() == ["a", "b", "t"]
    splits, _ = task.split(reading, SplitSettings("random", fractions=(0.5, 0.4, 0.1)), 1)
    assert sorted(splits["fold0"][:2]) == ["train", "validation"]
    assert splits["fold0"][2] == "test"


def test_residues_of_unknown_state_count_neither_in_the_loss_nor_in_the_figures(
    tmp_path: Path,
) -> None:
    task, settings = structure(tmp_path, TEST)
    encoded = task.encode(task.read(settings), settings)
    batch = task.collate(encoded, np.array([2]))
    unknown = [0, 1, 9, 17]
    assert (~batch.mask[0]).nonzero().ravel().tolist() == unknown
    network = task.network(settings.models["m"], encoded, np.array([0, 1])).eval()
    outputs = torch.zeros(1, 18, 8)
    outputs[0, unknown] = 1000 * torch.eye(8)[0]  # sure, and of a wrong state
    assert task.loss(network, outputs, batch).item() == pytest.approx(np.log(8), abs=1e-6)


def test_a_test_chain_that_also_stands_in_the_training_file_is_not_learned(tmp_path: Path) -> None:
    task, settings = structure(tmp_path, ">b\nGSHMLEDPVDAWWTRYQN\nCCCCHHHHHCCCEEEECC\n" + TEST)
    reading = task.read(settings)
    assert reading.records["id"].tolist() == ["a", "b", "t"]
    assert reading.records["external_test"].tolist() == [False, True, True]
    assert reading.notes["test records left out of training"] == 1


def test_one_id_for_two_sequences_is_refused_with_file_and_line(tmp_path: Path) -> None:
    task, settings = structure(tmp_path, ">b\nGSHMLEDPVDAWWTRYQA\nCCCCHHHHHCCCEEEECC\n")
    with pytest.raises(UserError, match=r"chains, line 4: record 'b' has another sequence than"):
        task.read(settings)


def expression(folder: Path, conditions: str) -> tuple[object, object]:
    files = write(
        folder,
        genes=">g\nACGTACGTACGT\n>h\nTTTTGGGGCCCC\n",
        values="id\twarm\tcold\ng\t1\t2\nh\t3\t4\n",
        test_genes=">t\nGATTACAGATTA\n",
        test_values=f"id\t{conditions}\nt\t5\t6\n",
    )
    test = {"sequences": files["test_genes"], "expression": files["test_values"]}
    asked = {"sequences": files["genes"], "expression": files["values"], "test": test}
    raw = {"task": "expression", "files": asked, "models": {"m": {}}}
    return TASKS["expression"], parse_settings(raw)[1]


def test_genes_of_both_files_are_one_reading_with_their_conditions_in_one_order(
    tmp_path: Path,
) -> None:
    task, settings = expression(tmp_path, "cold\twarm")
    reading = task.read(settings)
    assert reading.measurements.to_dict("list") == {
        "id": ["g", "h", "t"],
        "warm": [1, 3, 6],
        "cold": [2, 4, 5],
    }
    assert reading.records["external_test"].tolist() == [False, False, True]


def test_genes_measured_under_other_conditions_are_refused(tmp_path: Path) -> None:
    task, settings = expression(tmp_path, "cold\thot")
    with pytest.raises(UserError, match=r"'hot' stands in one of them only \(2 such columns\)"):
        task.read(settings)
