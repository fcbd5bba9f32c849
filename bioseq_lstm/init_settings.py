"""Where the weights of a new model begin, as a part of its settings; light, as settings are."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from bioseq_lstm import pretrained
from bioseq_lstm.encoder_settings import Strict


class InitSettings(Strict):
    """Trained weights to start from; tensors are matched by name and shape."""

    file: str | None = Field(
        None, description="a safetensors file, or the folder of a run or of a packed model"
    )
    pretrained: str | None = Field(None, description="name of an installed model")
    map: dict[str, str] = Field(
        {}, description="beginnings of names in this model: what stands in the file instead"
    )

    @model_validator(mode="after")
    def _one_source(self) -> InitSettings:
        if (self.file is None) == (self.pretrained is None):
            raise ValueError("init_from needs either `file` or `pretrained`")
        return self

    @property
    def weights(self) -> Path:
        """The safetensors file; ``UserError`` for a name that is not installed."""
        if self.pretrained is not None:
            return pretrained.find(self.pretrained) / pretrained.WEIGHTS
        assert self.file is not None
        path = Path(self.file)
        return path if path.suffix == ".safetensors" else path / pretrained.WEIGHTS
