"""Why a model predicts what it does, and what a variant would change."""

MANIFEST = "explanations.json"
