"""One delivery: received, read, planned, submitted, reported."""
