"""FaultRules that the emulator injects on demand."""
