"""Emulated OBS: buckets, objects, notifications."""
