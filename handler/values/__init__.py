"""Values that everything shares: canonical JSON, durations, timestamps."""
