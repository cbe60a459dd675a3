"""The commands that concern the function."""
