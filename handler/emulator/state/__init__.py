"""What the emulator remembers, and its journal."""
