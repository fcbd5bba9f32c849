from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn

import bioseq_lstm
from bioseq_lstm.nn.attention import SelfAttention
from bioseq_lstm.nn.encoders import ENCODERS, build_encoder
from bioseq_lstm.nn.exportable import exportable
from bioseq_lstm.nn.onnx import to_onnx
from bioseq_lstm.nn.stems import Embedding

# Batches that no graph was made with (that of 3 rows): rows of length 1, rows that end before the
# padding does, and one longer than any other.
BATCHES = [[23, 1, 7, 16, 17], [1], [1, 1, 1, 1], [60, 33], [8, 3, 2]]
OPERATOR_CASES: list[tuple[str, dict[str, Any], bool]] = [
    ("lstm", {}, True),
    ("peephole", {}, True),
    ("coupled", {}, False),
    ("coupled", {"peephole": True}, True),
]
OPERATORS = {name for name, _, _ in OPERATOR_CASES}
# Every encoder of the registry, with windows and strides that end inside a row.
OTHERS = sorted(set(ENCODERS) - OPERATORS)
OWN: dict[str, dict[str, Any]] = {
    "convlstm": {"window": 4, "peephole": True},
    "hierarchical": {"stride": 3},
}
# ONNX computes in float32, the reference in float64: one last bit is 1.2e-7 of a state, which is
# a sum of about ten terms, over at most sixty steps. A matrix memory is divided by a sum of terms
# that cancel, where torch's own float32 is off by 6e-5.
TOLERANCES = {"matrix": 1e-4}
TOLERANCE = 1e-5


class Alone(nn.Module):
    """A network that takes its inputs by name."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Mapping[str, Tensor]) -> Any:
        return self.network(*inputs.values())


def random_encoder(name: str, own: Mapping[str, Any], **options: Any) -> Any:
    torch.manual_seed(0)
    encoder: Any = build_encoder(name, 4, {"hidden_size": 8, **options, **own})
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.4)
    return encoder.eval()


def exported(network: Any, features: int = 4) -> onnx.ModelProto:
    return to_onnx(
        exportable(Alone(network)),
        {"x": torch.randn(3, 5000, features), "lengths": torch.tensor([9, 2, 4])},
        {"x": ("batch", "length", features), "lengths": ("batch",)},
        "states",
        {"kind": "test"},
    )


def largest_difference(model: onnx.ModelProto, network: Any) -> float:
    """From what torch says in float64, over all batches."""
    network = copy.deepcopy(network).double()
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = []
    for lengths in map(torch.tensor, BATCHES):
        x = torch.randn(len(lengths), int(lengths.max()) + len(lengths) - 1, 4)
        (states,) = session.run(None, {"x": x.numpy(), "lengths": lengths.numpy()})
        with torch.no_grad():
            expected = network(x.double(), lengths)
        assert states.shape == expected.shape
        found.append(float((torch.from_numpy(states) - expected).abs().max()))
    return max(found)


@pytest.mark.parametrize(("name", "own", "bidirectional"), OPERATOR_CASES)
def test_the_lstms_that_onnx_knows_are_its_operator_and_equal_torch(
    name: str, own: dict[str, Any], bidirectional: bool
) -> None:
    encoder = random_encoder(name, own, bidirectional=bidirectional, num_layers=2)
    model = exported(encoder)
    operators = [node for node in model.graph.node if node.op_type == "LSTM"]
    assert len(operators) == 2  # one a layer
    assert not any(node.op_type in ("Scan", "Loop") for node in model.graph.node)
    for node in operators:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        assert attributes["direction"] == (b"bidirectional" if bidirectional else b"forward")
        assert attributes["input_forget"] == (name == "coupled")
        assert attributes["hidden_size"] == 8
        assert node.input[4]  # sequence_lens
        peepholes = name == "peephole" or own.get("peephole", False)
        assert (len(node.input) > 7 and node.input[7] != "") == peepholes
    assert largest_difference(model, encoder) < TOLERANCE


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_encoder_is_one_loop_of_any_length_and_equals_torch(name: str) -> None:
    # Two directions differ in the order of their rows alone: see the next test.
    encoder = random_encoder(name, OWN.get(name, {}), bidirectional=False)
    model = exported(encoder)
    assert [node.op_type for node in model.graph.node].count("Scan") == 1
    assert largest_difference(model, encoder) < TOLERANCES.get(name, TOLERANCE)


def test_a_loop_may_stand_in_both_directions_and_several_layers() -> None:
    encoder = random_encoder("dynamic", {"rounds": 1}, num_layers=2)
    model = exported(encoder)
    assert [node.op_type for node in model.graph.node].count("Scan") == 4
    assert largest_difference(model, encoder) < TOLERANCE


def test_self_attention_equals_torch() -> None:
    torch.manual_seed(0)
    attention = SelfAttention(4, heads=2).eval()
    assert largest_difference(exported(attention), attention) < TOLERANCE


@pytest.mark.parametrize(("kmer", "stride", "landmark"), [(3, 2, None), (3, 3, 5)])
def test_k_mers_are_the_same_even_of_rows_that_are_shorter_than_one(
    kmer: int, stride: int, landmark: int | None
) -> None:
    embedding = Embedding(6, 4, kmer=kmer, stride=stride, landmark=landmark).eval()

    class Vectors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = embedding

        def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
            return self.embedding(inputs["codes"], inputs["lengths"])[0]

    model = to_onnx(
        exportable(Vectors()),
        {"codes": torch.randint(1, 6, (3, 5000)), "lengths": torch.tensor([9, 2, 4])},
        {"codes": ("batch", "length"), "lengths": ("batch",)},
        "vectors",
        {},
    )
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for lengths in map(torch.tensor, BATCHES):
        codes = torch.randint(1, 6, (len(lengths), int(lengths.max())))
        inputs = {"codes": codes, "lengths": lengths}
        (found,) = session.run(None, {name: part.numpy() for name, part in inputs.items()})
        expected = Vectors()(inputs).detach().numpy()
        assert (found[:, : expected.shape[1]] == expected).all()
        assert not found[:, expected.shape[1] :].any()  # what the graph has more is padding


def test_the_model_names_its_free_axes_and_tells_nothing_of_the_machine() -> None:
    model = exported(random_encoder("lstm", {}))
    axes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in [*model.graph.input, *model.graph.output]
    }
    assert axes == {
        "x": ["batch", "length", 4],
        "lengths": ["batch"],
        "states": ["batch", "length", 16],
    }
    assert {entry.key: entry.value for entry in model.metadata_props} == {"kind": "test"}
    written = model.SerializeToString()
    for folder in (Path(bioseq_lstm.__file__).parent, Path(torch.__file__).parent, Path.cwd()):
        assert str(folder).encode() not in written


def test_a_size_that_the_network_fixes_is_not_exported_as_free() -> None:
    class Fixed(nn.Module):
        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            return x.sum(dim=(1, 2)) + sum(range(len(lengths)))

    with pytest.raises(Exception, match="batch"):
        exported(Fixed())
