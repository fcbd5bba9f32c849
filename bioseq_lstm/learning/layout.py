"""Where everything of one dataset lies below its results folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths of one dataset; the rules of the workflow name the same files."""

    folder: Path

    @property
    def records(self) -> Path:
        return self.folder / "records.parquet"

    @property
    def measurements(self) -> Path:
        return self.folder / "measurements.parquet"

    @property
    def rejected(self) -> Path:
        return self.folder / "rejected.tsv"

    @property
    def profile(self) -> Path:
        return self.folder / "profile.json"

    @property
    def splits(self) -> Path:
        return self.folder / "splits.tsv"

    @property
    def leakage(self) -> Path:
        return self.folder / "leakage.tsv"

    @property
    def split_report(self) -> Path:
        return self.folder / "split.json"

    @property
    def encoded(self) -> Path:
        return self.folder / "encoded.safetensors"

    def baselines(self, fold: int) -> Path:
        return self.folder / "baselines" / f"fold{fold}.parquet"

    def run(self, model: str, fold: int, seed: int) -> Path:
        return self.folder / "models" / model / f"fold{fold}-seed{seed}"

    def control(self, model: str) -> Path:
        return self.folder / "models" / model / "control"

    def runs(self, model: str, folds: int, seeds: tuple[int, ...]) -> Iterator[Path]:
        return (self.run(model, fold, seed) for fold in range(folds) for seed in seeds)

    @property
    def figures(self) -> Path:
        return self.folder / "figures.tsv"

    @property
    def seeds(self) -> Path:
        return self.folder / "seeds.tsv"

    @property
    def comparisons(self) -> Path:
        return self.folder / "comparisons.tsv"

    @property
    def differences(self) -> Path:
        return self.folder / "differences.tsv"

    @property
    def bands(self) -> Path:
        return self.folder / "bands.tsv"

    @property
    def strata(self) -> Path:
        return self.folder / "strata.tsv"

    @property
    def learning_curve(self) -> Path:
        return self.folder / "learning_curve.tsv"

    @property
    def growth(self) -> Path:
        """Trainings on parts of the training set, a folder a share."""
        return self.folder / "learning_curve"

    def growth_at(self, share: float) -> Path:
        return self.growth / str(share)

    @property
    def evaluation(self) -> Path:
        return self.folder / "evaluation.json"

    @property
    def predictions(self) -> Path:
        return self.folder / "predictions"

    @property
    def explanations(self) -> Path:
        return self.folder / "explanations"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    @property
    def methods(self) -> Path:
        return self.folder / "methods.md"

    @property
    def multiqc(self) -> Path:
        return self.folder / "multiqc"
