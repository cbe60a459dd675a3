"""Emulated IEF: nodes, batch jobs and their simulation."""
