"""The trail in other formats."""
