"""Learn from biological sequences with LSTMs."""

__version__ = "0.1.0"
