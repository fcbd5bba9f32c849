"""How a dataset is split, and when a split is refused as leaking."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bioseq_lstm.encoder_settings import Positive, Strict

Share = Annotated[float, Field(ge=0, le=1)]


class LeakageSettings(Strict):
    """When the workflow stops because the test part is too like the training part."""

    near_duplicate: Share = Field(0.9, description="identity from which a record counts as a copy")
    max_near_duplicates: Share = Field(0.05, description="share of such test records that stops")
    gate: Literal["closed", "open"] = Field("closed", description="open: go on, and say so on top")


class SplitSettings(Strict):
    strategy: Literal["homology", "group", "cold", "given", "random"]
    fractions: tuple[Share, Share, Share] = Field(
        (0.7, 0.15, 0.15), description="of training, validation and test"
    )
    folds: Positive = Field(
        1,
        description="above 1: cross-validation, every record tested once (given: by its words)",
    )
    seed: Annotated[int, Field(ge=0)] = 0
    identity: Share = Field(
        0.25, description="homology: sequences at least this alike stay together"
    )
    coverage: Share = Field(0.5, description="homology: aligned share of the shorter sequence")
    tanimoto: Share = Field(0.7, description="cold: drugs at least this alike stay together")
    column: str | None = Field(None, description="group, given: the column that says it")
    parts: dict[Literal["train", "validation", "test", "unused"], tuple[str, ...]] | None = Field(
        None, description="given: the words of the column that make up each part"
    )
    block_length: Positive = Field(60_000, description="group: bases of a chromosome block")
    cold: Literal["drugs", "targets", "both"] = Field("drugs", description="cold: what is unseen")

    @model_validator(mode="after")
    def _makes_sense(self) -> SplitSettings:
        if abs(sum(self.fractions) - 1) > 1e-6:
            raise ValueError(f"fractions must add up to 1, not {sum(self.fractions):g}")
        if min(self.fractions) == 0:
            raise ValueError("each of the three fractions must be above 0")
        if self.strategy == "given" and self.column is None:
            raise ValueError("strategy 'given' needs `column`, the one that says train or test")
        if self.strategy == "given" and self.folds == 2:
            raise ValueError(
                "strategy 'given' needs 3 folds or more: one is tested, the next one validates, "
                "the others train"
            )
        return self

    @model_validator(mode="after")
    def _each_word_has_one_part(self) -> SplitSettings:
        if self.parts is None:
            return self
        if self.strategy != "given":
            raise ValueError(f"`parts` is for strategy 'given', not {self.strategy!r}")
        if self.folds > 1 and set(self.parts) != {"unused"}:
            raise ValueError("with folds above 1 each word is one: `parts` may have `unused` alone")
        if self.folds == 1 and not self.parts.get("train"):
            raise ValueError("`parts` must say which words of the column are `train`")
        part_of: dict[str, str] = {}
        for part, words in self.parts.items():
            for word in words:
                if (other := part_of.setdefault(word.strip().casefold(), part)) != part:
                    raise ValueError(f"`parts` has the word {word!r} under {other} and {part}")
        return self
