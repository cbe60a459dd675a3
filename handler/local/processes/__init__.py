"""Child processes of local development."""
