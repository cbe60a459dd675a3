"""Faults that the emulator injects on demand."""
