"""The commands of local development."""
