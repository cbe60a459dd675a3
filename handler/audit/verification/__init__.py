"""Whether a log is intact: its chain, its records, its checkpoints."""
