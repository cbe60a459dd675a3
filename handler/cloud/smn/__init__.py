"""Client of SMN: publishes a message to a topic."""
