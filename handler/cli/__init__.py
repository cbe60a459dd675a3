"""The `nightdrop` command."""
