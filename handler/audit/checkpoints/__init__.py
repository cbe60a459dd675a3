"""Signed checkpoints of the head of the log."""
