"""Client of OBS: objects, listings, the clock of the server."""
