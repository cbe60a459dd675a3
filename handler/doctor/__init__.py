"""Checks of a deployment, run on your machine or inside the function."""
