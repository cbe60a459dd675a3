"""One job: claimed, sent, settled, followed."""
