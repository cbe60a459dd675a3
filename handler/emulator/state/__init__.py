"""The state of both services, its changes, and the journal of them."""
