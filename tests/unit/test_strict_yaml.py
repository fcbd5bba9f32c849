from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bioseq_lstm.errors import UserError
from bioseq_lstm.strict_yaml import line_of, load_yaml

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def one(content: str | bytes) -> Path:
        path = tmp_path / "config.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return one


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("-2E+4", -2e4),
        ("2.5e3", 2500.0),
        (".5", 0.5),
        ("3", 3),
        ("1_000", 1000),
        ("'1e-3'", "1e-3"),
        ("e3", "e3"),
        ("1e", "1e"),
        ("2024-02-31", "2024-02-31"),
        ("no", False),
        ("~", None),
    ],
)
def test_scalars_are_read_the_way_people_mean_them(write: Write, text: str, value: Any) -> None:
    found = load_yaml(write(f"a: {text}\n"))["a"]
    assert (found, type(found)) == (value, type(value))


def test_the_library_itself_is_left_as_it_was() -> None:
    # What we add to our loader must not leak into Snakemake's.
    assert yaml.safe_load("a: 1e-3") == {"a": "1e-3"}
    assert str(yaml.safe_load("a: 2024-02-03")["a"]) == "2024-02-03"
    assert not isinstance(yaml.safe_load("a: 2024-02-03")["a"], str)


def test_a_key_that_stands_twice_is_refused_with_both_lines(write: Write) -> None:
    path = write("a: 1\nb:\n  c: 2\n  d: 3\n  c: 4\n")
    with pytest.raises(UserError) as refused:
        load_yaml(path)
    assert str(refused.value) == (
        f"{path}, line 5: the key 'c' stands twice (first on line 3); keep one"
    )


def test_a_doubled_key_is_found_within_lists_and_quotes(write: Write) -> None:
    with pytest.raises(UserError, match=r"line 3: the key 'c' stands twice \(first on line 2\)"):
        load_yaml(write('a:\n- c: 1\n  "c": 2\n'))


def test_the_same_key_in_two_mappings_is_fine(write: Write) -> None:
    assert load_yaml(write("a: {x: 1}\nb: {x: 2}\n")) == {"a": {"x": 1}, "b": {"x": 2}}


def test_anchors_and_merges_work_and_may_be_overridden(write: Write) -> None:
    text = (
        "base: &base {x: 1, y: 2}\n"
        "deep:\n  inner: &inner\n    <<: *base\n    y: 3\n"
        "top:\n  <<: *inner\n  x: 5\n"
    )
    found = load_yaml(write(text))
    assert found["deep"]["inner"] == {"x": 1, "y": 3}
    assert found["top"] == {"x": 5, "y": 3}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [1, 2\n", "line 2: not valid YAML"),
        ("a:\n\tb: 1\n", "line 2: not valid YAML"),
        ("a: !!python/object/apply:os.system ['true']\n", "line 1: not valid YAML"),
        ("a: {{dataset}}\n", "line 1: a key must be a plain word"),
        ("[a, b]: 1\n", "line 1: a key must be a plain word"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"a: caf\xe9\n", "not UTF-8"),
        ("a: \x00\n", "not valid YAML: the character 0x0"),
    ],
)
def test_what_cannot_be_read_is_one_line(write: Write, content: str | bytes, said: str) -> None:
    path = write(content)
    with pytest.raises(UserError, match=said) as refused:
        load_yaml(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.yaml: no such file"):
        load_yaml(tmp_path / "nowhere.yaml")
    with pytest.raises(UserError, match="is a folder"):
        load_yaml(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_first_key(write: Write) -> None:
    assert load_yaml(write(b"\xef\xbb\xbfa: 1\r\n")) == {"a": 1}


def test_an_empty_file_is_none(write: Write) -> None:
    assert load_yaml(write("# nothing yet\n")) is None


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (["a"], 1),
        (["b", "c"], 3),
        (["b", "list", 1], 6),
        (["b", "tag of a union", "c"], 3),
        (["b", "missing"], 2),
        (["nothing"], None),
        (["7"], 7),
    ],
)
def test_lines_are_those_of_the_deepest_key_that_stands(
    write: Write, keys: list[Any], line: int | None
) -> None:
    path = write("a: 1\nb:\n  c: 2\n  list:\n  - x\n  - y\n7: z\n")
    assert line_of(path, keys) == line
