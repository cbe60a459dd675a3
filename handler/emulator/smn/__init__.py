"""Emulated SMN: one topic, whose messages are kept to be read."""
