"""Builds the zip that FunctionGraph runs, reproducibly. Nothing of this is in the zip."""
