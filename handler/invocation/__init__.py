"""One instance and the dependencies of its invocations; writes checkpoints."""
