"""The encoders as they may stand in ``config.yaml``, each with its own options."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Dropout = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    """Unknown keys are refused: a typo must not run the default in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RecurrentSettings(Strict):
    hidden_size: Positive = 96
    num_layers: Positive = 1
    bidirectional: bool = True
    dropout: Dropout = Field(0.0, description="between layers, so it needs two or more")

    @model_validator(mode="after")
    def _dropout_has_a_place(self) -> RecurrentSettings:
        if self.dropout and self.num_layers == 1:
            raise ValueError(
                f"dropout {self.dropout:g} acts between layers, so num_layers must be 2 or more; "
                "stem, attention and head have a dropout of their own"
            )
        return self


class LstmSettings(RecurrentSettings):
    name: Literal["lstm"] = "lstm"
    weight_drop: Dropout = Field(0.0, description="share of recurrent weights left out in training")


class PeepholeSettings(RecurrentSettings):
    """The gates see the memory."""

    name: Literal["peephole"]


class CoupledSettings(RecurrentSettings):
    """What is taken in is forgotten: forget gate = 1 - input gate."""

    name: Literal["coupled"]
    peephole: bool = False


class LayerNormSettings(RecurrentSettings):
    """Gates and memory are normalised at every step."""

    name: Literal["layer_norm"]


class HeadedSettings(RecurrentSettings):
    heads: Positive = 4

    @model_validator(mode="after")
    def _heads_share_the_size(self) -> HeadedSettings:
        if self.hidden_size % self.heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} must be a multiple of heads, {self.heads}"
            )
        return self


class ExponentialSettings(HeadedSettings):
    """sLSTM: exponential gates; each head has a recurrence of its own."""

    name: Literal["exponential"]


class MatrixSettings(HeadedSettings):
    """mLSTM: the memory is a matrix of keys and values, one per head."""

    name: Literal["matrix"]
    chunk: Positive = Field(64, description="steps that are computed at once; changes speed alone")

    @model_validator(mode="after")
    def _a_head_has_two_features(self) -> MatrixSettings:
        if self.hidden_size < 2 * self.heads:
            raise ValueError(
                f"a head needs 2 features or more: hidden_size {self.hidden_size} allows at most "
                f"{self.hidden_size // 2} heads, not {self.heads}"
            )
        return self


class MultiplicativeSettings(RecurrentSettings):
    """The input decides by which matrix the state goes on (mLSTM of UniRep)."""

    name: Literal["multiplicative"]
    weight_norm: bool = True


class DynamicSettings(RecurrentSettings):
    """Mogrifier: input and state gate each other before every step."""

    name: Literal["dynamic"]
    rounds: Annotated[int, Field(ge=0)] = 4


class SkipSettings(RecurrentSettings):
    """Skip LSTM: learns at which steps to update its state, and copies it at the others."""

    name: Literal["skip"]
    budget: Annotated[float, Field(ge=0, lt=1)] = Field(
        1e-4, description="added to the loss for each step of a sequence that updates the state"
    )


class FuzzySettings(RecurrentSettings):
    """Takagi-Sugeno blend of several LSTMs, by how well input and state fit to each rule."""

    name: Literal["fuzzy"]
    rules: Positive = 3


class HierarchicalSettings(RecurrentSettings):
    """Levels that move on only at boundaries, learned or every `stride` steps."""

    name: Literal["hierarchical"]
    levels: Annotated[int, Field(ge=2)] = 2
    stride: Positive | None = Field(None, description="fixed boundaries; null learns them")


class ConvLstmSettings(RecurrentSettings):
    """Windows along the sequence are time, positions within a window are space."""

    name: Literal["convlstm"]
    window: Positive = 64
    kernel_size: Positive = 3
    peephole: bool = False
    anchored: bool = Field(False, description="a window begins at the data set's `coding_start`")

    @model_validator(mode="after")
    def _kernel_has_a_centre(self) -> ConvLstmSettings:
        if self.kernel_size % 2 == 0:
            raise ValueError("kernel_size must be odd, so that a position is its kernel's centre")
        return self


EncoderSettings = Annotated[
    LstmSettings
    | PeepholeSettings
    | CoupledSettings
    | LayerNormSettings
    | ExponentialSettings
    | MatrixSettings
    | MultiplicativeSettings
    | DynamicSettings
    | SkipSettings
    | FuzzySettings
    | HierarchicalSettings
    | ConvLstmSettings,
    Field(discriminator="name"),
]
# Names that people know some of them by.
OTHER_NAMES = {"slstm": "exponential", "mlstm": "matrix", "mogrifier": "dynamic", "bilstm": "lstm"}
