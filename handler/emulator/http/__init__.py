"""The emulator's HTTP server and the router from a request to its operation."""
