"""``python -m bioseq_lstm``."""

from bioseq_lstm.cli import main

main()
