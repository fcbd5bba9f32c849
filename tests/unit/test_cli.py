from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bioseq_lstm import __version__
from bioseq_lstm.cli import main
from bioseq_lstm.config import schema_text

VERBS = ["read", "split", "encode", "baselines", "train"]
VERBS += ["evaluate", "predict-new", "explain", "variants", "report", "index", "download"]
VERBS += ["predict", "package", "models", "export", "plan", "verify", "schema"]
SETTINGS = json.dumps({"task": "structure", "files": {"sequences": "nowhere.3line"}})


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bioseq_lstm", *arguments], capture_output=True, text=True
    )


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a verb that fails says on stderr."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_help_names_every_verb_and_imports_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from bioseq_lstm.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as left:\n    assert not left.code\n"
        "heavy = {'torch', 'onnx', 'pandas', 'numpy', 'scipy', 'sklearn', 'lightning', 'rdkit',\n"
        "         'Bio'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"
    listed = re.findall(r"^ {4}([\w-]+)", done.stdout, re.MULTILINE)
    assert listed == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([verb, "--help"])
    assert left.value.code == 0
    assert f"usage: bioseq-lstm {verb}" in capsys.readouterr().out


def test_what_the_user_can_mend_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = run("read", "--folder", str(tmp_path / "r"), "--settings", SETTINGS)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "bioseq-lstm: nowhere.3line: there is no such file\n"
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("nowhere.yaml", "bioseq-lstm: nowhere.yaml: no such file\n"),
        ("{}", "bioseq-lstm: settings: must be a mapping with `task`"),
        ('{"task": "structure"}', "bioseq-lstm: files: is missing\n"),
        (SETTINGS[:-1] + ', "sede": 1}', "bioseq-lstm: sede: unknown key"),
    ],
)
def test_wrong_settings_are_one_line_too(
    settings: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    err = fails(capsys, "read", "--folder", str(tmp_path), "--settings", settings)
    assert err.startswith(said)
    assert err.count("\n") == 1


def test_a_wrong_model_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    model = '{"encoder": {"name": "lstm", "window": 3}}'
    err = fails(
        capsys,
        *("train", "--folder", "r", "--settings", SETTINGS, "--name", "m", "--model", model),
    )
    assert err.startswith("bioseq-lstm: encoder.window: unknown key")
    assert err.count("\n") == 1


def test_broken_json_is_told_with_the_option_it_came_from(
    capsys: pytest.CaptureFixture[str],
) -> None:
    err = fails(capsys, "read", "--folder", "r", "--settings", '{"task": ')
    assert "argument --settings" in err


def test_what_is_no_trained_run_is_not_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    err = fails(capsys, "export", str(tmp_path), "--out", str(tmp_path / "model.onnx"))
    assert err.startswith(f"bioseq-lstm: {tmp_path}: has no model.json")
    assert err.count("\n") == 1
    assert not (tmp_path / "model.onnx").exists()


def test_settings_may_stand_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.yaml").write_text("task: structure\nfiles: {sequences: elsewhere.3line}\n")
    err = fails(capsys, "read", "--folder", "r", "--settings", str(tmp_path / "s.yaml"))
    assert err == "bioseq-lstm: elsewhere.3line: there is no such file\n"


def test_a_verb_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "VERB" in fails(capsys)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"bioseq-lstm {__version__}\n"


def test_the_schema_is_printed_as_it_is_committed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["schema"])
    assert capsys.readouterr().out == schema_text()
