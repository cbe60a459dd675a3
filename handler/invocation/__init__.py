"""One instance and what each of its invocations has at hand; writes checkpoints."""
